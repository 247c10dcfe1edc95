"""Signals are stops: what is open is closed, the user is told how to go on, the exit code says which it was."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, time
from pathlib import Path
from halo_raft.terminal import stopping
from halo_raft.terminal.exits import run_main
place, closing = Path(sys.argv[1]), sys.argv[2]
if closing == "hangs":
    stopping.SECONDS_TO_STOP = 0.2

def command(arguments):
    try:
        (place / "begun").write_text("")
        while True:
            time.sleep(0.01)
    finally:
        if closing == "fails":
            raise ConnectionError("Ray is gone already")
        if closing == "hangs":
            time.sleep(3600)
        if closing == "slow":
            (place / "closing").write_text("")
            while not (place / "asked again").exists():
                time.sleep(0.01)
            print("x" * 10)
        (place / "closed").write_text("")

sys.exit(run_main(command, None))
"""


class Child:
    """A command in a process of its own."""

    def __init__(self, place: Path, closing: str = "", **how: object) -> None:
        self.place = place
        (place / "program.py").write_text(textwrap.dedent(PROGRAM))
        command = [sys.executable, str(place / "program.py"), str(place), closing]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **how)  # type: ignore[call-overload]

    def await_file(self, name: str) -> None:
        while not (self.place / name).exists():
            assert self.process.poll() is None, self.process.communicate()[1]

    def end(self) -> tuple[int, str]:
        error = self.process.communicate(timeout=120)[1]
        return self.process.returncode, error


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_closes_what_is_open_and_says_how_to_go_on(tmp_path: Path, number: int, code: int) -> None:
    child = Child(tmp_path)
    child.await_file("begun")
    child.process.send_signal(number)
    returned, error = child.end()
    assert returned == code
    assert (tmp_path / "closed").exists()
    assert error.splitlines()[-1].endswith("run the same command again to go on from here")
    assert "Traceback" not in error


def test_what_fails_on_the_way_out_is_part_of_the_stop(tmp_path: Path) -> None:
    child = Child(tmp_path, "fails")
    child.await_file("begun")
    child.process.send_signal(signal.SIGTERM)
    returned, error = child.end()
    assert (returned, "Traceback" in error) == (143, False)


def test_a_second_signal_does_not_cut_the_closing_short(tmp_path: Path) -> None:
    child = Child(tmp_path, "slow")
    child.await_file("begun")
    child.process.send_signal(signal.SIGINT)
    child.await_file("closing")
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        child.process.send_signal(again)
    (tmp_path / "asked again").write_text("")
    returned, error = child.end()
    assert returned == 130
    assert (tmp_path / "closed").exists()
    assert error.count("stopping, which takes") == 1


def test_what_does_not_close_is_left(tmp_path: Path) -> None:
    child = Child(tmp_path, "hangs")
    child.await_file("begun")
    child.process.send_signal(signal.SIGTERM)
    returned, error = child.end()
    assert returned == 143
    assert not (tmp_path / "closed").exists()
    assert "stopped by SIGTERM; run the same command again" in error


def test_a_closed_terminal_is_a_stop(tmp_path: Path) -> None:
    """The words to a terminal that is gone would be errors, each in the middle of closing."""
    ours, theirs = pty.openpty()
    child = Child(tmp_path, "slow", stdout=theirs, stdin=theirs, start_new_session=True)
    os.close(theirs)
    child.await_file("begun")
    child.process.send_signal(signal.SIGHUP)
    child.await_file("closing")
    os.close(ours)
    (tmp_path / "asked again").write_text("")
    returned, _ = child.end()
    assert returned == 129
    assert (tmp_path / "closed").exists()


def test_what_was_ignored_stays_ignored(tmp_path: Path) -> None:
    """As under nohup."""
    child = Child(tmp_path, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    child.await_file("begun")
    child.process.send_signal(signal.SIGHUP)
    child.process.send_signal(signal.SIGTERM)
    assert child.end()[0] == 143


def test_handlers_are_those_of_before_afterwards() -> None:
    from halo_raft.terminal.exits import run_main

    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    assert run_main(lambda _: 7, None) == 7  # type: ignore[arg-type]
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)] == before
