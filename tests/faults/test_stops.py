"""Every way to be told to stop, or to be gone, with all workers up: what is said, what is left, and how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .plug import TITLES, Command, World, count

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("stops"))


def in_full_swing(command: Command) -> None:
    """Wait until engine, sink and verification worker are at work."""

    def at_work() -> bool:
        judged = count(command.output / "cycle_1_verified.jsonl")
        return bool(judged) and all(command.processes(TITLES[part]) for part in ("engine", "sink", "verifier"))

    assert command.wait_until(at_work), command.text()[-3000:]


def once(number: int) -> Callable[[Command], None]:
    return lambda command: command.process.send_signal(number)


def twice(command: Command) -> None:
    command.process.send_signal(signal.SIGINT)
    assert command.wait_until(lambda: "stopping" in command.text())
    time.sleep(0.5)
    command.process.send_signal(signal.SIGINT)


def with_the_group(command: Command) -> None:
    """As a terminal does on Ctrl-C: every process of the foreground group gets it."""
    os.killpg(command.process.pid, signal.SIGINT)


@pytest.mark.parametrize(
    ("name", "stop", "code", "state"),
    [
        ("ctrl-c", once(signal.SIGINT), 130, "KILLED"),
        ("ctrl-c-twice", twice, 130, "KILLED"),
        ("ctrl-c-group", with_the_group, 130, "KILLED"),
        ("sigterm", once(signal.SIGTERM), 143, "KILLED"),
        ("sighup", once(signal.SIGHUP), 129, "KILLED"),
        ("sigkill", once(signal.SIGKILL), -signal.SIGKILL, "RUNNING"),
    ],
)
def test_nothing_outlives_a_stop(
    world: World,
    name: str,
    stop: Callable[[Command], None],
    code: int,
    state: str,
    record_property: Callable[..., None],
) -> None:
    command = world.command("raft", name)
    in_full_swing(command)
    since = time.monotonic()
    stop(command)
    ended = command.process.wait() == code, time.monotonic() - since
    gone = command.seconds_until_gone(since)
    print(f"{name}: ended after {ended[1]:.1f} s, everything gone after {gone:.1f} s, lost {command.lost()}")
    assert ended[0], (command.process.returncode, command.text()[-3000:])
    assert "Traceback" not in command.text()
    assert (code < 0) == ("run the same command again to go on from here" not in command.text())
    assert states(command.output) == {state}
    assert command.left_in_temporary() == []
    assert json.loads((command.output / "run.json").read_text()).get("ended") == (
        None if code < 0 else {"how": "KILLED", "why": signal.Signals(code - 128).name}
    )


def test_a_closed_terminal_is_a_stop(world: World) -> None:
    """The kernel sends SIGHUP to the session of a terminal that goes away, and each word to it is an error."""
    ours, theirs = pty.openpty()
    command = world.command("raft", "terminal", stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=_take_terminal)
    os.close(theirs)
    os.set_blocking(ours, False)

    def drained() -> bool:
        with contextlib.suppress(BlockingIOError):
            os.read(ours, 65536)
        return bool(count(command.output / "cycle_1_verified.jsonl"))

    assert command.wait_until(drained)
    since = time.monotonic()
    os.close(ours)
    assert command.process.wait() == 129
    print(f"terminal: everything gone after {command.seconds_until_gone(since):.1f} s")
    assert states(command.output) == {"KILLED"}
    assert command.left_in_temporary() == []


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def states(output: Path) -> set[str]:
    with sqlite3.connect(f"{output}.mlruns/mlflow.db") as database:
        return {state for (state,) in database.execute("select status from runs")}
