"""Checkpoints inside a training: what it takes to go on after any step as if nothing had happened.

One lies beside the adapter that is to come, and is whole when its `WHOLE` file is there: weights, optimizer,
schedule and random numbers as the Hugging Face `Trainer` writes them, and what our own callbacks know. The
order of the examples follows from the seed. Imports torch and transformers at its top, for workers alone.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self, TypedDict

import torch
import transformers

from halo_raft.cluster.home import digest
from halo_raft.config.training import WHEN_CHECKPOINTS_ARE_WRITTEN
from halo_raft.errors import DataError
from halo_raft.records import stable_hash
from halo_raft.store import checked, read_as, sync, write_atomically
from halo_raft.train.job import FinetuneJob
from halo_raft.train.saving import checkpoint_folder

WHOLE = "whole.json"
"""Written last, with the key of the training that the checkpoint belongs to, and what lies beside it."""
OURS = "halo_raft.pt"
"""What our callbacks know."""


class Checkpoints(transformers.TrainerCallback):
    """Has a checkpoint written every so many steps or minutes, and keeps the last one; a context of the training.

    Args:
        job: The training; a checkpoint of another one is not gone on from.
        steps_per_epoch: Optimizer steps; the one that ends an epoch is saved after all that an epoch's end does.
        kept: Called with the folder of checkpoints whenever one was written.
    """

    def __init__(
        self, job: FinetuneJob, steps_per_epoch: int, kept: Callable[[Path], None] = lambda folder: None
    ) -> None:
        self.folder = checkpoint_folder(job.output_dir)
        self.key = training_key(job)
        self.steps = job.training.checkpoint_steps
        self.seconds = 60 * job.training.checkpoint_minutes
        self.steps_per_epoch = steps_per_epoch
        self._kept = kept
        self._written_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.suppress(OSError):
            self.folder.rmdir()  # which the trainer makes, whether or not anything gets into it

    def latest(self, report: Callable[[str], None] = lambda line: None) -> Path | None:
        """Return the checkpoint to go on from; what was whole and is damaged is told to `report`."""
        whole = [path for path in self.folder.glob("checkpoint-*") if self._is_whole(path, report)]
        return max(whole, key=_step, default=None)

    def finish(self, path: Path, facts: dict[str, Any]) -> None:
        """Make what the trainer wrote to `path` the one checkpoint."""
        torch.save(facts, path / OURS)
        for file in (*path.iterdir(), path):
            sync(file)
        write_atomically(path / WHOLE, json.dumps({"key": self.key, "files": _digests(path)}))
        self.clear(but=path)
        self._kept(self.folder)

    def clear(self, but: Path | None = None) -> None:
        """Remove checkpoints, and their folder where none is left."""
        for path in self.folder.glob("checkpoint-*"):
            if path != but:
                shutil.rmtree(path, ignore_errors=True)
        if but is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask for a checkpoint where one is due in the middle of an epoch."""
        if state.global_step % self.steps_per_epoch:
            control.should_save = self._is_due(args, state)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask for a checkpoint where one is due; a training that ends here needs none."""
        control.should_save = not control.should_training_stop and self._is_due(args, state)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count from here to the next one."""
        self._written_at = time.monotonic()

    def _is_due(self, args: Any, state: Any) -> bool:
        if state.global_step >= state.max_steps:
            return False
        by_steps = bool(self.steps) and state.global_step % self.steps == 0
        by_time = bool(self.seconds) and time.monotonic() - self._written_at >= self.seconds
        return by_steps or _as_the_chief_says(by_time, args)

    def _is_whole(self, path: Path, report: Callable[[str], None]) -> bool:
        try:
            said = read_as(path / WHOLE, lambda row: checked(_Whole, row), mend="it is not gone on from") or {}
            if said.get("key") != self.key:
                return False
            if said.get("files") == _digests(path):
                return True
            report(f"  {path}: is damaged, and not gone on from")
        except (OSError, DataError) as error:
            report(f"  {error}")
        return False


class _Whole(TypedDict, total=False):
    """What `WHOLE` says: of which training it is, and the hashes of the other files by their names."""

    key: str
    files: dict[str, str]


def _digests(path: Path) -> dict[str, str]:
    return {file.name: digest(file) for file in sorted(path.iterdir()) if file.name != WHOLE}


def training_key(job: FinetuneJob) -> str:
    """Return what identifies a training: whatever its result depends on, and the content of its examples."""
    settings = job.training.model_copy(update=dict.fromkeys(WHEN_CHECKPOINTS_ARE_WRITTEN))
    nowhere = Path("/")  # the node that goes on has other paths, and what lies there is what counts
    fields = asdict(
        replace(
            job, training=settings, run_name="", model="", example_files=(), mixed_in=(), init_adapter=None,
            storage_dir=nowhere, output_dir=nowhere / job.output_dir.name,
        )
    )  # fmt: skip
    read = [[digest(path) for path in files] for files in (job.example_files, job.mixed_in)]
    return stable_hash(fields, *read, job.init_adapter and digest(job.init_adapter))


def read_facts(path: Path) -> dict[str, Any]:
    """Return what our callbacks knew at a checkpoint."""
    facts: dict[str, Any] = torch.load(path / OURS, weights_only=True, map_location="cpu")
    return facts


def _as_the_chief_says(due: bool, args: Any) -> bool:
    """Have all workers do as the first one: their clocks differ, and each takes part in a checkpoint."""
    if args.world_size == 1:
        return due
    flag = torch.tensor(int(due), device=args.device)
    torch.distributed.broadcast(flag, src=0)
    return bool(flag.item())


def _step(path: Path) -> int:
    return int(path.name.rpartition("-")[2])
