"""Files of tasks as `data` looks at them: every row with its line, and those that are no tasks named, not refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from halo_raft import tasks
from halo_raft.errors import DataError
from halo_raft.records import Task


@dataclass(frozen=True, slots=True)
class Placed:
    """A task, the row that it was read from, and its line, counted from 1."""

    line: int
    row: Mapping[str, Any]
    task: Task

    @property
    def json(self) -> str:
        """The row as it stands, as one line."""
        return json.dumps(self.row, default=str)


def placed_tasks(spec: str, wrong: Callable[[int, str], None]) -> Iterator[Placed]:
    """Yield the tasks of a file or a source, one by one.

    Args:
        spec: As in `tasks.load`.
        wrong: Is told (line, reason) of each row that is no task.

    Raises:
        ConfigError: There is no such file or source.
        DataError: The file cannot be read.
    """

    def told(line: int, error: DataError) -> None:
        wrong(line, str(error).removeprefix(f"{spec}:{line}: "))

    if not os.path.isfile(spec):
        for line, task in enumerate(tasks.load(spec).tasks, start=1):
            yield Placed(line, task.to_dict(), task)
        return
    for line, row in tasks.read_rows(spec, told):
        try:
            task = tasks.parse_row(row, f"{spec}:{line}")
        except DataError as error:
            told(line, error)
            continue
        yield Placed(line, row, task)
