"""Bringing a training to its end: from its last checkpoint on, and with smaller batches where memory is short.

Imports torch and transformers at its top, so it is imported in a worker alone.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch.utils.data import Dataset

from halo_raft.errors import HaloRaftError
from halo_raft.train.checkpoints import Checkpoints, read_facts
from halo_raft.train.overfitting import HeldBackLoss
from halo_raft.train.schedule import BatchShape
from halo_raft.train.trainer import Collator, OutOfMemory, Progress, TokenExactTrainer


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """What is fitted, on what, and who watches.

    Attributes:
        model: With its trainable adapter.
        examples: What is trained on.
        arguments: Returns the trainer's arguments for a shape.
        checkpoints: Where to go on from, and when to write; None keeps none.
        watch: Measures the loss on what is held back.
        report: Gets a line for people.
        workers: How many train together.
    """

    model: torch.nn.Module
    examples: Dataset[Any]
    arguments: Callable[[BatchShape], transformers.TrainingArguments]
    collator: Collator
    bf16: bool
    plus_ratio: float
    progress: Progress
    checkpoints: Checkpoints | None
    watch: HeldBackLoss | None
    report: Callable[[str], None]
    workers: int


def fit(parts: Fitting, shape: BatchShape) -> TokenExactTrainer:
    """Train to the end and return the trainer.

    Raises:
        HaloRaftError: Memory is too small for one example at a time.
    """
    start = parts.checkpoints and parts.checkpoints.latest(parts.report)
    facts = read_facts(start) if start else None
    if facts is not None:
        shape = shape.of(facts["micro"])
        parts.report(f"Going on with the training at step {facts['step']}")
    while True:
        trainer = _trainer(parts, shape)
        if facts is not None:
            trainer.know(facts)
        try:
            trainer.train(resume_from_checkpoint=str(start) if start else None)
            return trainer
        except OutOfMemory:
            pass  # its traceback holds what has to be freed
        shape, before = _smaller(shape, trainer), shape
        again = shape.accumulation // before.accumulation
        parts.report(
            f"  Out of memory with {before.micro} examples at a time: going on with {shape.micro}, "
            f"accumulated {again} times as often"
        )
        start, facts = trainer.checkpoint_of_last_step()
        del trainer
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _smaller(shape: BatchShape, trainer: TokenExactTrainer) -> BatchShape:
    smaller = shape.smaller()
    if smaller is None or trainer.args.world_size > 1:
        raise HaloRaftError(
            f"training ran out of memory with {shape.micro} examples at a time; "
            + ("lower training.per_device_train_batch_size, or " if smaller else "")
            + "lower training.max_seq_length or set training.gradient_checkpointing=true"
        )
    return smaller


def _trainer(parts: Fitting, shape: BatchShape) -> TokenExactTrainer:
    callbacks = [parts.progress, parts.watch, parts.checkpoints]  # in this order: what is saved was measured
    trainer = TokenExactTrainer(
        model=parts.model,
        args=parts.arguments(shape),
        train_dataset=parts.examples,
        data_collator=parts.collator,
        callbacks=[callback for callback in callbacks if callback is not None],
        bf16=parts.bf16,
        plus_ratio=parts.plus_ratio,
        shape=shape,
        progress=parts.progress,
        watch=parts.watch,
        checkpoints=parts.checkpoints,
    )
    if trainer.args.world_size != parts.workers:
        raise RuntimeError(f"{parts.workers} workers were asked for, and the trainer sees {trainer.args.world_size}")
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer
