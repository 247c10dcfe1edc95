"""What a fine-tuning is asked to do and what it gives back. Plain records: no torch, no ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Literal, NamedTuple

from halo_raft.config.training import LoraConfig, TrainingConfig
from halo_raft.errors import ConfigError, DataError
from halo_raft.store import checked, read_as

TRAINING_FILE = "training.json"
"""In the adapter folder: the fields of `FinetuneResult` that were measured while it was trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneJob:
    """One LoRA fine-tuning. Its paths are those of the driver's node, wherever it is computed.

    Attributes:
        base_model: Checkpoint folder or hub name; what the adapter's config will name as its base.
        model: Name of the same model that each node resolves for itself; `base_model` where it is empty.
        example_files: JSONL files of `examples.load_examples`, absolute.
        mixed_in: The same with more to train on: never held back, and left out where they answer what is held back.
        output_dir: Adapter folder to create, absolute; it must not exist.
        storage_dir: Where Ray Train keeps its own files during the call, absolute.
        learning_rate: Peak rate; `training.learning_rate` before any decay over cycles is not read.
        init_adapter: Adapter folder to continue from; its LoRA shape then replaces `lora`.
        seed: Of adapter weights, dropout and the order of examples.
        held_back_seed: Of what is held back; the same for all cycles of a run.
        workers: Data-parallel workers.
        gpus_per_worker: GPUs of each worker as Ray counts them, a share where an engine has the rest; 0: the CPU.
        sharding: `ddp`, where every worker holds the model, or `fsdp`, where the workers share it.
        run_name: Start of the name in Ray; what makes it unique is added.
    """

    base_model: str
    example_files: tuple[Path, ...]
    output_dir: Path
    storage_dir: Path
    lora: LoraConfig
    training: TrainingConfig
    learning_rate: float
    mixed_in: tuple[Path, ...] = ()
    init_adapter: Path | None = None
    model: str = ""
    seed: int = 0
    held_back_seed: int = 0
    trust_remote_code: bool = False
    workers: int = 1
    gpus_per_worker: float = 0
    sharding: Literal["ddp", "fsdp"] = "ddp"
    run_name: str = "finetune"

    def __post_init__(self) -> None:
        """Refuse relative paths: a Ray worker runs in a folder of its own."""
        adapter = filter(None, [self.init_adapter])
        paths = (*self.example_files, *self.mixed_in, self.output_dir, self.storage_dir, *adapter)
        for path in paths:
            if not path.is_absolute():
                raise ValueError(f"{path} must be absolute")

    def check(self) -> None:
        """Find what would fail minutes later.

        Raises:
            DataError: The output exists already or a file of examples is missing.
            ConfigError: `init_adapter` is no adapter folder.
        """
        if self.output_dir.exists():
            raise DataError(f"{self.output_dir} exists already; name another folder or remove it")
        for path in (*self.example_files, *self.mixed_in):
            if not path.is_file():
                raise DataError(f"{path}: there is no such file of training examples")
        if self.init_adapter is not None and not (self.init_adapter / "adapter_config.json").is_file():
            raise ConfigError(f"{self.init_adapter} is no LoRA adapter: it has no adapter_config.json")


class LossPoint(NamedTuple):
    """One logged point of the loss curve.

    Attributes:
        step: Optimizer step, from 1.
        loss: Mean negative log-likelihood per completion token since the last point, in nats.
        learning_rate: Rate that the step was taken with.
    """

    step: int
    loss: float
    learning_rate: float


class ScalePoint(NamedTuple):
    """How good a part of an adapter is.

    Attributes:
        scale: What it was multiplied by.
        loss: As `LossPoint.loss`, on what is held back; None where it was not measured.
    """

    scale: float
    loss: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneResult:
    """What a fine-tuning did.

    Attributes:
        adapter_dir: The folder that was created.
        loss_curve: Points in order, the first and last step among them.
        steps: Optimizer steps.
        epochs: Passes over the examples; fewer than planned where the held-back loss ended it.
        examples: Examples trained on in each epoch, those mixed in included.
        mixed_in: How many of them were mixed in.
        skipped_too_long: Examples left out for their length.
        completion_tokens: Tokens with loss in one epoch.
        trained_tokens: Tokens seen in all epochs, prompts included, padding left out.
        held_back: Examples held back.
        held_back_curve: Loss on them before training and after each epoch; empty where nothing was held back.
        held_back_loss: That of the weights that were saved; None where nothing was held back.
        scales: Parts of the adapter that were tried, the one that was kept first; empty where all of it was.
        precision: `bfloat16` or `float32`, what matrices were multiplied in.
        seconds: Wall time of the whole call, Ray's and the model's start included.
        loop_seconds: Wall time of the optimizer steps alone.
        tokens_per_s: `trained_tokens` per second of `loop_seconds`.
    """

    adapter_dir: Path
    loss_curve: tuple[LossPoint, ...]
    steps: int
    epochs: float
    examples: int
    mixed_in: int
    skipped_too_long: int
    completion_tokens: int
    trained_tokens: int
    held_back: int
    held_back_curve: tuple[LossPoint, ...]
    held_back_loss: float | None
    scales: tuple[ScalePoint, ...]
    precision: str
    seconds: float
    loop_seconds: float
    tokens_per_s: float


def loss_ends(curve: Sequence[LossPoint]) -> tuple[float, float]:
    """Return the mean loss over the first and the last fifth of a curve: single points say more of their batches."""
    losses = [point.loss for point in curve]
    some = -(-len(losses) // 5)
    return mean(losses[:some]), mean(losses[-some:])


def read_training(adapter: Path) -> dict[str, Any]:
    """Return what was measured while the adapter was trained: the fields of `FinetuneResult` but for the call's own.

    Raises:
        DataError: The file is missing or damaged.
    """
    path, mend = adapter / TRAINING_FILE, f"remove {adapter}, and run again to train it anew"
    if (facts := read_as(path, _measured, mend=mend)) is None:
        raise DataError(f"{path}: is missing; {mend}")
    return facts


def _measured(row: Any) -> dict[str, Any]:
    """Make the measured fields of what the file says; versions before this one have some of them alone.

    Raises:
        TypeError, KeyError, IndexError: It says something else.
    """
    facts: dict[str, Any] = checked(FinetuneResult, row)
    curves = {name: tuple(LossPoint(*point) for point in row[name]) for name in ("loss_curve", "held_back_curve")}
    for name in ("examples", "skipped_too_long", "held_back", "steps", "trained_tokens", "tokens_per_s"):
        facts[name]
    curves["loss_curve"][0]
    added = {"mixed_in": row.get("mixed_in", 0), "scales": tuple(ScalePoint(*point) for point in row.get("scales", ()))}
    return facts | curves | added
