"""What a set of tasks is, and the interface of a task source.

Rows become tasks in `forms`, one file a public form; files are read by `rows.reading`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from halo_raft.errors import DataError
from halo_raft.records import Task
from halo_raft.tasks.forms import parse_row
from halo_raft.tasks.rows.reading import read_rows

__all__ = ["TaskSet", "TaskSource", "parse_row", "read_rows"]


@dataclass(frozen=True, slots=True)
class TaskSet:
    """Tasks and where they are from.

    Attributes:
        name: As the user named it: a source with its split, or a path.
        tasks: Unique by `task_id`, in the source's order.
        sha256: Hash of the content, whatever the form it was read from.
        verifier: The verifier that fits when the user names none: `auto` where not all tasks have the same.
    """

    name: str
    tasks: tuple[Task, ...]
    sha256: str
    verifier: str

    @property
    def by_id(self) -> dict[str, Task]:
        """The tasks by their id."""
        return {task.task_id: task for task in self.tasks}

    @classmethod
    def of(cls, name: str, tasks: Sequence[Task], verifier: str) -> TaskSet:
        """Build a set, hashing the tasks.

        Raises:
            DataError: Two tasks have the same id, or there is none at all.
        """
        if not tasks:
            raise DataError(f"{name}: holds no tasks; give at least one row with a prompt")
        seen: set[str] = set()
        for task in tasks:
            if task.task_id in seen:
                raise DataError(f"{name}: task_id {task.task_id!r} occurs twice; ids must be unique")
            seen.add(task.task_id)
        digest = hashlib.sha256("\n".join(t.to_json() for t in tasks).encode()).hexdigest()
        return cls(name, tuple(tasks), digest, verifier)


class TaskSource(ABC):
    """A named collection of tasks with splits. The module's name is the source's name."""

    splits: ClassVar[Mapping[str, int]]
    """Name of each split -> how many tasks it has; the first is the default."""

    verifier: ClassVar[str]
    """Name of the verifier that judges these tasks."""

    downloads: ClassVar[bool] = False
    """Whether loading may need the network."""

    @abstractmethod
    def load(self, split: str) -> Iterable[Mapping[str, Any]]:
        """Return the rows of a split in any form that `parse_row` reads.

        Raises:
            DataError: The rows cannot be had; says how to get them.
        """
