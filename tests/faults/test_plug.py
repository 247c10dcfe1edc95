"""Small runs, fine-tunings and sweeps killed at random moments: nothing is lost, doubled, torn or left.

The short form runs with the other tests; `HALO_RAFT_KILLS=40 pytest tests/faults -k "plug or kills"` is the long one,
and appends a row for each kill to the file `HALO_RAFT_KILLS_TABLE`. `HALO_RAFT_KILLS_SEED` draws other moments.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .outcome import metrics_in_mlflow, outcome, twice_in_mlflow
from .plug import HELDOUT_SAMPLES, IN_FLIGHT, SAMPLES, STOPS, TITLES, Command, World, moments

KILLS = int(os.environ.get("HALO_RAFT_KILLS", "4"))
SEED = os.environ.get("HALO_RAFT_KILLS_SEED", "0")
SHARES = {"raft": 0.5, "sft": 0.2, "sweep": 0.3}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("plug"))


class Plug:
    """Pulls the plug of one command again and again, and notes what that did."""

    def __init__(self, world: World, kind: str, kills: int) -> None:
        self.world, self.kind, self.left = world, kind, kills
        self.rng = random.Random(f"{kind} {SEED}")
        self.rows: list[tuple[Any, ...]] = []

    def live(self, output: str) -> Command:
        """Bring a folder to its end, killed on the way as long as kills are left; return the last command."""
        while True:
            command = self.world.command(self.kind, output)
            while self.left and (stage := self._moment(command)):
                self.left -= 1
                if not self._kill(command, stage):
                    break  # it is gone, and started again
            else:
                command.process.wait()
                if command.process.returncode == 0 or not self._gave_up(command):
                    return command

    def _moment(self, command: Command) -> str:
        """Wait for a moment in one of the next stages; empty where the command was over before."""
        stages = moments(self.kind, command.output)
        names = list(stages)
        begun = max((n for n, name in enumerate(names) if stages[name]()), default=0)
        stage = self.rng.choice(["start", *names[begun : begun + 3]])
        if stage == "start":
            until = time.monotonic() + self.rng.uniform(0, 8)
            return stage if command.wait_until(lambda: time.monotonic() > until) else ""
        progress, wanted = stages[stage], stages[stage]() + self.rng.randint(1, 6)
        later = names[names.index(stage) + 1 :]  # where one has begun, the moment is now, however short the stage was
        if not command.wait_until(lambda: progress() >= wanted or any(stages[name]() for name in later)):
            return ""
        time.sleep(self.rng.uniform(0, 0.2))
        return stage

    def _kill(self, command: Command, stage: str) -> bool:
        """Kill something; return whether the command goes on by itself."""
        parts = [(name, pid) for name, title in TITLES.items() for pid in command.processes(title)]
        if parts and self.rng.random() < 0.5:
            name, pid = self.rng.choice(parts)
            lost = command.lost()
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return True
            assert lost <= IN_FLIGHT
            self.rows.append((self.kind, stage, "SIGKILL", name, lost, "goes on"))
            return True
        number = self.rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        group = number == signal.SIGKILL and self.rng.random() < 0.5
        since = time.monotonic()
        (os.killpg if group else os.kill)(command.process.pid, number)
        seconds = command.seconds_until_gone(since)
        code, text = command.process.returncode, command.text()
        lost = command.lost()
        self.rows.append((self.kind, stage, number.name, "group" if group else "driver", lost, f"{seconds:.1f} s"))
        assert lost <= IN_FLIGHT
        assert "Traceback" not in text, text[-3000:]
        assert code in (-number, STOPS.get(number), 0), text[-3000:]  # 0: it was over already
        assert number == signal.SIGKILL or code == 0 or "run the same command again to go on" in text, text[-2000:]
        assert command.left_in_temporary() == []
        return False

    def _gave_up(self, command: Command) -> bool:
        """Return whether it ended in one line because too much of it had died: it may be started again."""
        text = command.text()
        assert "Traceback" not in text, text[-3000:]
        assert "died" in text.splitlines()[-1] and text.splitlines()[-1].startswith("error: "), text[-3000:]
        self.rows.append((self.kind, "", "", "", command.lost(), "ended in one line; started again"))
        return True


def segments() -> set[str]:
    """Return the names in shared memory that no process has mapped: other tests may start engines meanwhile."""
    there = {str(path) for path in Path("/dev/shm").iterdir() if path.is_file()}
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            there -= {line.split(maxsplit=5)[-1] for line in maps.read_text().splitlines() if "/dev/shm/" in line}
    return there


def left_in_shared_memory(before: set[str]) -> set[str]:
    """Return the segments that are left, seconds after they were first seen: one is made before it is mapped."""
    if found := segments() - before:
        time.sleep(5)
    return found & segments()


def table(rows: list[tuple[Any, ...]]) -> Iterator[str]:
    for row in rows:
        yield f"| {SEED} | " + " | ".join(map(str, row)) + " |"


@pytest.mark.parametrize("kind", ["raft", *(pytest.param(k, marks=pytest.mark.slow) for k in ("sft", "sweep"))])
def test_a_plug_that_is_pulled_changes_nothing_that_is_left(world: World, kind: str) -> None:
    uninterrupted = world.command(kind, f"{kind}-whole")
    assert uninterrupted.process.wait() == 0, uninterrupted.text()[-3000:]
    assert uninterrupted.seconds_until_gone(time.monotonic()) >= 0
    wanted = outcome(uninterrupted.output)
    assert wanted.weights and twice_in_mlflow(uninterrupted.output) == []
    assert {len(drawn) for drawn in wanted.samples.values()} <= {SAMPLES, HELDOUT_SAMPLES}
    logged = metrics_in_mlflow(uninterrupted.output)
    assert kind == "sweep" or any(key == "loss" for _, key, _ in logged)
    assert logged
    assert uninterrupted.left_in_temporary() == []

    plug, shared_memory = Plug(world, kind, max(2, round(KILLS * SHARES[kind]))), segments()
    lives = 0
    try:
        while plug.left or not lives:
            lives += 1
            command = plug.live(f"{kind}-{lives}")
            assert command.process.returncode == 0, command.text()[-3000:]
            command.seconds_until_gone(time.monotonic())
            found = outcome(command.output)
            assert found.samples == wanted.samples
            assert found.verdicts == wanted.verdicts
            assert found.kept == wanted.kept
            assert found.weights == wanted.weights
            assert found.trainings == wanted.trainings
            assert twice_in_mlflow(command.output) == []
            assert metrics_in_mlflow(command.output) == logged
            assert command.left_in_temporary() == []
            assert left_in_shared_memory(shared_memory) == set()
    finally:
        lines = list(table(plug.rows))
        print("\n".join(lines))
        if path := os.environ.get("HALO_RAFT_KILLS_TABLE"):
            with Path(path).open("a") as file:
                file.write("".join(f"{line}\n" for line in lines))
