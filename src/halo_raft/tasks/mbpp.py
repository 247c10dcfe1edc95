"""MBPP (Austin et al. 2021, arXiv 2108.07732) from the model hub, or as it was prepared here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from halo_raft.tasks.base import TaskSource
from halo_raft.tasks.public import source
from halo_raft.tasks.public.catalogue import SETS


class Mbpp(TaskSource):
    """`mbpp` (train), `mbpp:validation`, `mbpp:test`, `mbpp:prompt`, `mbpp:sanitized`, ..."""

    splits: ClassVar[Mapping[str, int]] = {name: split.rows or 0 for name, split in SETS["mbpp"].splits.items()}
    verifier: ClassVar[str] = "mbpp"
    downloads: ClassVar[bool] = True

    def load(self, split: str) -> Iterable[Mapping[str, Any]]:
        """Load a split."""
        return source.load(SETS["mbpp"], split)
