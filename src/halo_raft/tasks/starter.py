"""Our own Python tasks, from one-liners to small algorithms, for a first run with a small model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from halo_raft.errors import DataError
from halo_raft.tasks.base import TaskSource, read_rows

SEARCHED = (Path("data/rlvr"), Path(__file__).parents[1] / "shipped" / "rlvr")
"""Folders that may hold the files: the working directory's, then the package's."""


class Starter(TaskSource):
    """`starter` (train) and `starter:heldout`."""

    splits: ClassVar[Mapping[str, int]] = {"train": 237, "heldout": 120}
    verifier: ClassVar[str] = "mbpp"

    def load(self, split: str) -> Iterable[Mapping[str, Any]]:
        """Read `starter_SPLIT.jsonl`."""
        name = f"starter_{split}.jsonl"
        path = next((folder / name for folder in SEARCHED if (folder / name).is_file()), None)
        if path is None:
            raise DataError(f"tasks: {name} is in none of {', '.join(map(str, SEARCHED))}; install halo-raft anew")
        return [row for _, row in read_rows(path)]
