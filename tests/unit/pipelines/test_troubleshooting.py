"""The symptoms that the guide's troubleshooting lists: for each, what the tool says by itself, with the mend."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import pytest

from halo_raft.config import RaftConfig
from halo_raft.pipelines.raft.diagnosis import diagnoses
from halo_raft.records import CycleStats
from halo_raft.terminal.progress import stage_progress
from halo_raft.train import stalls


def cycle(number: int = 1, **changes: Any) -> CycleStats:
    good: dict[str, Any] = {"cycle": number, "samples": 100, "passed": 40, "pass_rate": 0.4, "kept": 40}
    return CycleStats(**(good | {"kinds": {"passed": 40, "wrong": 60}, "loss_last": 0.5} | changes))


def test_low_pass_rate_with_many_syntax_errors() -> None:
    few = {"passed": 15, "pass_rate": 0.15}
    (line,) = diagnoses(cycle(**few, kinds={"passed": 15, "compile": 40, "wrong": 45}), None, RaftConfig())
    assert re.match("only 15 of 100 samples passed, and 40 are no programs: lower sampling.temperature", line)
    assert "begin from SFT" in line
    (line,) = diagnoses(cycle(**few, kinds={"passed": 15, "compile": 60, "wrong": 25}), None, RaftConfig())
    assert "60 of 100 verdicts are compile" in line, "one line for one thing"
    assert diagnoses(cycle(**few, kinds={"passed": 15, "compile": 25, "wrong": 60}), None, RaftConfig()) == []
    assert diagnoses(cycle(kinds={"passed": 40, "compile": 40, "wrong": 20}), None, RaftConfig()) == []


def test_training_loss_increasing() -> None:
    (line,) = diagnoses(cycle(2, loss_last=0.6), cycle(1), RaftConfig())
    assert "rose from 0.500 to 0.600" in line
    assert all(mend in line for mend in ("training.learning_rate", "training.lr_decay", "fewer cycles"))


class Ended:
    """Takes the place of what ends a process."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.event = threading.Event()

    def __call__(self, code: int) -> None:
        assert code
        self.event.set()


@pytest.mark.parametrize(
    ("on_gpu", "said"),
    [
        (True, r"GPU hangs: set training\.dataloader_num_workers=0 and training\.dataloader_pin_memory=false"),
        (False, r"lower training\.per_device_train_batch_size"),
    ],
)
def test_gpu_hang(monkeypatch: pytest.MonkeyPatch, on_gpu: bool, said: str) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(stalls, "ON_GPU_S", 0.05)
    monkeypatch.setattr(stalls, "ON_CPU_S", 0.05)
    monkeypatch.delenv("HSA_ENABLE_SDMA", raising=False)
    ended = Ended()
    with stalls.ended_where_it_stands_still(torch.nn.Identity(), on_gpu, ended.lines.append, ended):
        ended.event.wait()  # a watch that does not end it would hang here
    (line,) = ended.lines
    assert line.startswith("Training stands still for 0.05 s") and re.search(said, line)
    assert ("export HSA_ENABLE_SDMA=0 (now not set)" in line) == on_gpu


def test_a_training_that_goes_on_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(stalls, "ON_CPU_S", 30.0)
    clock = [1000.0]
    monkeypatch.setattr(stalls.time, "monotonic", lambda: clock[0])
    ended, looked, model = Ended(), threading.Event(), torch.nn.Identity()

    class Over(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            looked.set()
            return super().wait(0.001)

    monkeypatch.setattr(stalls.threading, "Event", Over)
    with stalls.ended_where_it_stands_still(model, False, ended.lines.append, ended):
        for _ in range(20):  # hours, with a call every 20 seconds
            clock[0] += 20.0
            model(torch.ones(1))
            looked.clear()
            looked.wait()
        assert not ended.event.is_set()
        clock[0] += 31.0
        ended.event.wait()


def test_out_of_memory() -> None:
    """The lines come from real trainings in `test_checkpoints`; here, that each lever of the guide is named."""
    fitting = pytest.importorskip("halo_raft.train.fitting")

    class Trainer:
        class args:
            world_size = 1

    with pytest.raises(Exception, match="ran out of memory with 1 examples at a time") as caught:
        fitting._smaller(fitting.BatchShape(1, 1, 1), Trainer())
    assert all(lever in str(caught.value) for lever in ("training.max_seq_length", "training.gradient_checkpointing"))
    Trainer.args.world_size = 2
    with pytest.raises(Exception, match=r"lower training\.per_device_train_batch_size"):
        fitting._smaller(fitting.BatchShape(4, 4, 1), Trainer())


def test_automatic_resume(capsys: pytest.CaptureFixture[str]) -> None:
    with stage_progress(10, 3, lambda: 3):
        pass
    assert "Loading cached samples... 3 of 10 are verified" in capsys.readouterr().out


def test_clocks_that_can_be_set_measure_nothing() -> None:
    """Durations come from `time.monotonic`: wall clocks stamp what MLflow gets, and are held against a file's age."""
    from pathlib import Path

    import halo_raft

    sources = Path(halo_raft.__file__).parent
    readers = re.compile(r"\btime\.time(?:_ns)?\(|datetime\.(?:now|utcnow)\(|\bfrom time import .*\btime\b")
    found = {str(p.relative_to(sources)) for p in sources.rglob("*.py") if readers.search(p.read_text("utf-8"))}
    assert found == {"tracking/mlflow_client.py", "tracking/mlflow_run.py", "cluster/home.py"}
    assert time.monotonic() > 0
