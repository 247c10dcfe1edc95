"""MBPP (Austin et al. 2021, arXiv 2108.07732) from the model hub, through `datasets`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from halo_raft.errors import DataError
from halo_raft.tasks.base import TaskSource

HUB_NAME = "google-research-datasets/mbpp"


class Mbpp(TaskSource):
    """`mbpp` (train), `mbpp:validation`, `mbpp:test`, `mbpp:prompt`."""

    splits: ClassVar[Mapping[str, int]] = {"train": 374, "validation": 90, "test": 500, "prompt": 10}
    verifier: ClassVar[str] = "mbpp"
    downloads: ClassVar[bool] = True

    def load(self, split: str) -> Iterable[Mapping[str, Any]]:
        """Load a split from the hub or its local cache."""
        from datasets import load_dataset

        try:
            return list(load_dataset(HUB_NAME, "full", split=split))
        except Exception as error:
            raise DataError(
                f"tasks: {HUB_NAME} cannot be loaded ({type(error).__name__}); go online once, or give a JSONL file "
                "with the tests (tasks.train or tasks.tests)"
            ) from error
