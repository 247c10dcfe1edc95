"""A training that is killed goes on: its adapter is that of one that was never killed, bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from halo_raft.config.schema import LoraConfig
from halo_raft.errors import HaloRaftError
from halo_raft.train import FinetuneJob
from halo_raft.train.saving import checkpoint_folder

from .conftest import job_maker

torch = pytest.importorskip("torch")
MakeJob = Callable[..., FinetuneJob]

SHAPE: dict[str, Any] = {
    "num_train_epochs": 3, "batch_size": 2, "gradient_accumulation": 2, "held_back": 0.2, "checkpoint_steps": 1,
    "lora": LoraConfig(r=4, alpha=8, dropout=0.1), "weight_decay": 0.01,
}  # fmt: skip
STEPS = 6
"""Two an epoch: seven examples are left, in batches of two, two a step."""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def train(job: FinetuneJob, lines: list[str] | None = None) -> dict[str, Any]:
    from halo_raft.train import loop

    return loop.train(job, report=(lines if lines is not None else []).append)


def killed(job: FinetuneJob, prepare: Callable[[Callable[[], None]], None]) -> None:
    """Train in a process of its own that `prepare` has killed where it likes."""
    if (child := os.fork()) == 0:
        try:
            prepare(lambda: os.kill(os.getpid(), signal.SIGKILL))
            train(job)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it was to be killed before its end"


def at_micro_batch(number: int) -> Callable[[Callable[[], None]], None]:
    def prepare(kill: Callable[[], None]) -> None:
        from halo_raft.train.trainer import TokenExactTrainer

        step, calls = TokenExactTrainer.training_step, []

        def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
            calls.append(0)
            if len(calls) == number:
                kill()
            return step(self, *args, **kwargs)

        TokenExactTrainer.training_step = counted  # type: ignore[method-assign]

    return prepare


def while_saving(number: int) -> Callable[[Callable[[], None]], None]:
    """Killed when a checkpoint's files are there, and what makes it whole is not."""

    def prepare(kill: Callable[[], None]) -> None:
        from halo_raft.train.checkpoints import Checkpoints

        finish, calls = Checkpoints.finish, []

        def counted(self: Any, path: Path, facts: Any) -> None:
            calls.append(0)
            if len(calls) == number:
                kill()
            finish(self, path, facts)

        Checkpoints.finish = counted  # type: ignore[method-assign]

    return prepare


def while_the_adapter_is_saved(kill: Callable[[], None]) -> None:
    import transformers

    transformers.PreTrainedTokenizerFast.save_pretrained = lambda *_, **__: kill()


def weights(job: FinetuneJob) -> bytes:
    return (job.output_dir / "adapter_model.safetensors").read_bytes()


def facts(job: FinetuneJob) -> dict[str, Any]:
    found = json.loads((job.output_dir / "training.json").read_text())
    return {name: value for name, value in found.items() if name not in ("loop_seconds", "tokens_per_s")}


@pytest.fixture(scope="module")
def uninterrupted(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> FinetuneJob:
    torch.set_num_threads(1)
    job = job_maker(tiny_model, tmp_path_factory.mktemp("uninterrupted"))("uninterrupted", **SHAPE)
    assert train(job)["steps"] == STEPS
    return job


@pytest.mark.parametrize(
    ("places", "first_step"),
    [
        ([at_micro_batch(2)], 0),
        ([at_micro_batch(3)], 1),
        ([at_micro_batch(5)], 2),
        ([at_micro_batch(8), at_micro_batch(3)], 4),
        ([while_saving(1)], 0),
        ([while_saving(4)], 3),
        ([while_the_adapter_is_saved], 5),
    ],
)
def test_it_goes_on_as_if_nothing_had_happened(
    make_job: MakeJob, uninterrupted: FinetuneJob, places: list[Any], first_step: int
) -> None:
    job = make_job("killed", **SHAPE)
    for place in places:
        killed(job, place)
        assert not job.output_dir.exists()
    lines: list[str] = []
    train(job, lines)
    assert ([line for line in lines if "Going on" in line] == [f"Going on with the training at step {first_step}"]) == (
        first_step > 0
    )
    assert weights(job) == weights(uninterrupted)
    assert facts(job) == facts(uninterrupted)
    assert [path.name for path in job.output_dir.parent.glob(".killed*")] == []


@pytest.mark.parametrize(
    "options",
    [
        {"lora": LoraConfig(r=4, alpha=8, dropout=0.1, plus_ratio=8, rslora=True)},
        {"weight": "prompt", "scales": (0.25, 0.5, 1)},
        {"weight": "prompt", "mixed": True, "lora": LoraConfig(r=4, alpha=8, plus_ratio=4)},
    ],
)
def test_it_goes_on_with_every_option(make_job: MakeJob, tmp_path: Path, options: dict[str, Any]) -> None:
    shape = SHAPE | options
    mixed = tmp_path / "mixed.jsonl"
    rows = [{"prompt_token_ids": [5, 6], "token_ids": [7, n], "task_id": f"t{n % 3}"} for n in range(3, 9)]
    mixed.write_text("".join(json.dumps(row) + "\n" for row in rows))
    shape |= {"mixed_in": (mixed,)} if shape.pop("mixed", False) else {}
    whole, job = make_job("whole", **shape), make_job("killed", **shape)
    train(whole)
    for place in (at_micro_batch(5), while_the_adapter_is_saved):
        killed(job, place)
        assert not job.output_dir.exists()
    lines: list[str] = []
    train(job, lines)
    assert any("Going on with the training at step" in line for line in lines)
    assert weights(job) == weights(whole)
    assert facts(job) == facts(whole)


def test_the_interval_decides_where_it_goes_on_and_not_what_comes_out(
    make_job: MakeJob, uninterrupted: FinetuneJob
) -> None:
    for interval, first_step in (
        ({"checkpoint_steps": 3}, 3),
        ({"checkpoint_steps": 0, "checkpoint_minutes": 1e-9}, 4),
    ):
        job = make_job(f"every-{first_step}", **(SHAPE | interval))
        killed(job, at_micro_batch(9))
        lines: list[str] = []
        train(job, lines)
        assert f"Going on with the training at step {first_step}" in lines
        assert weights(job) == weights(uninterrupted)


def trained_by_two(job: FinetuneJob, killed_at: int = 0) -> list[int]:
    """Train in two processes that take each step together, as Ray Train has them; return how they ended.

    Args:
        job: A training of two workers.
        killed_at: Micro-batch before which the second one is killed; 0 lets it live.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    children = []
    for rank in (0, 1):
        if (child := os.fork()) == 0:
            try:
                if rank and killed_at:
                    at_micro_batch(killed_at)(lambda: os.kill(os.getpid(), signal.SIGKILL))
                work(job, rank, port)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def work(job: FinetuneJob, rank: int, port: int) -> None:
    from accelerate.state import AcceleratorState, GradientState

    from halo_raft.train import loop

    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_TORCH_DEVICE": "cpu",
    }  # fmt: skip
    AcceleratorState._reset_state(True)  # trainings before, in the process that was forked, were alone
    GradientState._reset_state()
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    loop.train(job, is_chief=rank == 0)


def test_two_workers_go_on_as_if_nothing_had_happened(make_job: MakeJob) -> None:
    shape = SHAPE | {"gradient_accumulation": 1, "workers": 2}
    whole = make_job("whole", **shape)
    assert trained_by_two(whole) == [0, 0]
    job = make_job("killed", **shape)
    ended = trained_by_two(job, killed_at=4)
    assert ended[1] == -signal.SIGKILL and ended[0] != 0, "one alone does not go on"
    assert [path.name for path in checkpoint_folder(job.output_dir).glob("checkpoint-*")] == ["checkpoint-3"]
    assert trained_by_two(job) == [0, 0]
    assert weights(job) == weights(whole)
    assert facts(job) == facts(whole)


def damages(checkpoint: Path) -> dict[str, Callable[[], Any]]:
    """Return what may happen to a checkpoint that was whole."""
    optimizer, adapter, whole = (checkpoint / name for name in ("optimizer.pt", "adapter.pt", "whole.json"))
    return {
        "cut": lambda: optimizer.write_bytes(optimizer.read_bytes()[:-100]),
        "noise": lambda: adapter.write_bytes(os.urandom(adapter.stat().st_size)),
        "missing": lambda: (checkpoint / "halo_raft.pt").unlink(),
        "empty": lambda: whole.write_text(""),
        "other": lambda: whole.write_text("[7]"),
        "old": lambda: whole.write_text(json.dumps({"key": json.loads(whole.read_text())["key"]})),
    }


def test_a_damaged_checkpoint_is_named_and_not_gone_on_from(make_job: MakeJob, uninterrupted: FinetuneJob) -> None:
    job = make_job("killed", **SHAPE)
    killed(job, at_micro_batch(6))
    (checkpoint,) = checkpoint_folder(job.output_dir).glob("checkpoint-*")
    kept = checkpoint.parent.with_name("kept")
    shutil.copytree(checkpoint.parent, kept)
    for name, damage in damages(checkpoint).items():
        damage()
        lines: list[str] = []
        train(job, lines)
        told = [line for line in lines if "not gone on from" in line]
        assert len(told) == 1 and str(checkpoint) in told[0], name
        assert not any("Going on" in line for line in lines), name
        assert weights(job) == weights(uninterrupted), name
        shutil.rmtree(job.output_dir)
        shutil.copytree(kept, checkpoint.parent)


def test_a_checkpoint_of_another_training_is_not_gone_on_from(make_job: MakeJob) -> None:
    job = make_job("changed", **SHAPE)
    killed(job, at_micro_batch(6))
    assert list(checkpoint_folder(job.output_dir).glob("checkpoint-*/whole.json"))
    lines: list[str] = []
    train(make_job("changed", **(SHAPE | {"learning_rate": 5e-3})), lines)
    assert not any("Going on" in line for line in lines)
    assert not checkpoint_folder(job.output_dir).exists()


class Memory:
    """A model whose forward pass has room for so many examples."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int, error: type[Exception] | None = None) -> None:
        from halo_raft.train.trainer import TokenExactTrainer

        compute, self.sizes = TokenExactTrainer.compute_loss, []

        def limited(trainer: Any, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            rows = inputs["input_ids"].shape[0]
            loss = compute(trainer, model, inputs, *args, **kwargs)
            self.sizes.append(rows)
            if rows > room:
                loss.backward()  # gradients of a batch that failed must not count
                raise torch.OutOfMemoryError("HIP out of memory. Tried to allocate 9 GiB")
            return loss

        monkeypatch.setattr(TokenExactTrainer, "compute_loss", limited)


def test_a_training_without_memory_takes_smaller_batches_and_the_same_steps(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = {"num_train_epochs": 3, "batch_size": 4, "gradient_accumulation": 1, "held_back": 0.2}
    whole = train(make_job("whole", **shape))
    memory = Memory(monkeypatch, room=1)
    lines: list[str] = []
    small = train(make_job("small", **shape), lines)
    told = [line.strip() for line in lines if "Out of memory" in line]
    assert told == [
        "Out of memory with 4 examples at a time: going on with 2, accumulated 2 times as often",
        "Out of memory with 2 examples at a time: going on with 1, accumulated 2 times as often",
    ]
    assert set(memory.sizes) == {4, 2, 1}
    assert small["steps"] == whole["steps"]
    assert [p.loss for p in small["loss_curve"]] == pytest.approx([p.loss for p in whole["loss_curve"]], abs=1e-4)
    assert small["trained_tokens"] == whole["trained_tokens"]
    assert small["held_back_loss"] == pytest.approx(whole["held_back_loss"], abs=1e-4)


def test_memory_that_runs_out_in_the_middle_loses_no_step(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = {"num_train_epochs": 3, "batch_size": 4, "gradient_accumulation": 1}
    whole = train(make_job("whole", **shape))
    memory = Memory(monkeypatch, room=4)
    limited = memory.sizes

    class Shrinking(list):  # the third step's batch is the first that does not fit
        def append(self, rows: int) -> None:
            super().append(rows)
            if len(self) == 3:
                raise torch.OutOfMemoryError("CUDA out of memory.")

    memory.sizes = Shrinking(limited)
    lines: list[str] = []
    small = train(make_job("small", **shape), lines)
    assert memory.sizes == [4, 4, 4, *[2] * 8]
    assert [p.loss for p in small["loss_curve"]] == pytest.approx([p.loss for p in whole["loss_curve"]], abs=1e-4)
    assert small["trained_tokens"] == whole["trained_tokens"]


def test_without_memory_for_one_example_it_ends_with_the_mend(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    Memory(monkeypatch, room=0)
    with pytest.raises(HaloRaftError, match=r"out of memory with 1 examples at a time; lower training\.max_seq_length"):
        train(make_job("none", num_train_epochs=1, batch_size=2))


def test_another_error_is_not_taken_for_want_of_memory(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    from halo_raft.train.trainer import TokenExactTrainer

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(TokenExactTrainer, "compute_loss", fail)
    with pytest.raises(RuntimeError, match="shapes"):
        train(make_job("broken"))
