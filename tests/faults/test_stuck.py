"""A process of a run that is killed or stops answering is replaced, or ends the run in one line."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial

import pytest

from .outcome import outcome
from .plug import TITLES, Command, World, count, moments

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("stuck"))


QUICK = {
    "RAY_TRAIN_WORKER_HEALTH_CHECK_TIMEOUT_S": "20",  # of 600
    "RAY_DATA_EXECUTION_NO_PROGRESS_TIMEOUT_S": "75",  # of 1800
}


FAULTS = (
    ("generation 1", "engine", ""),
    ("generation 1", "verifier", ""),  # while samples are still to come, so that none has judged the last one
    ("training 1", "trainer", "a training worker died"),
    ("evaluation 1", "sink", "others do what is left"),
)
"""When who is hit, and what the command says of it; engines and verification workers are replaced without a word."""


def hit(command: Command, progress: Callable[[], int], part: str, number: int) -> None:
    """Send a signal to all processes of a part of the command once a stage is under way."""
    assert command.wait_until(lambda: progress() >= 2 and command.processes(TITLES[part])), command.text()[-3000:]
    for process in command.processes(TITLES[part]):
        os.kill(process, number)


def has_said(command: Command, text: str) -> bool:
    return text in command.text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_part_that_is_gone_or_hangs_is_replaced(world: World, number: int) -> None:
    name = signal.Signals(number).name
    command = world.command(
        "raft", name, ("engine.stall_s=30", "training.num_train_epochs=20", "tracking.mlflow=false"), env=QUICK
    )
    stages = moments("raft", command.output)
    for stage, part, said in FAULTS:
        hit(command, stages[stage], part, number)
        since = time.monotonic()
        assert command.wait_until(partial(has_said, command, said)), command.text()[-3000:]
        print(f"{name} of the {part}: {time.monotonic() - since:.1f} s until it was said", flush=True)
    assert command.process.wait() == 0, command.text()[-3000:]
    assert "Traceback" not in command.text()
    assert ("a verification worker hangs" in command.text()) == (number == signal.SIGSTOP)
    command.seconds_until_gone(time.monotonic())
    found = outcome(command.output)
    assert len(found.samples["cycle_1_samples.jsonl"]) == 32
    assert command.left_in_temporary() == []


def test_a_trainer_that_dies_each_time_ends_the_run_in_one_line_and_the_next_start_goes_on(world: World) -> None:
    command = world.command("sft", "dies")
    killed: set[int] = set()
    checkpoints = command.output / ".final_model-checkpoints"

    def next_one() -> bool:
        there = set(command.processes(TITLES["trainer"])) - killed
        if there and any(checkpoints.glob(f"checkpoint-{2 * len(killed) + 2}*/whole.json")):
            killed.update(there)
            for pid in there:
                os.kill(pid, signal.SIGKILL)
        return False

    assert not command.wait_until(next_one)
    assert command.process.returncode == 1
    last = command.text().splitlines()[-1]
    assert last.startswith("error: training: a worker died 3 times (its process is gone)") and "lower" in last
    assert "Traceback" not in command.text()
    again = world.command("sft", "dies")
    assert again.process.wait() == 0, again.text()[-3000:]
    assert "Going on with the training at step" in again.text()
    assert count(again.output / "train_examples.jsonl") == 24
