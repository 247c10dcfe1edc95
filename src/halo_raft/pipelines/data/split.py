"""`data split`: a part of the tasks held out, to measure on what was not trained on."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from halo_raft import tasks
from halo_raft.errors import DataError, UsageError
from halo_raft.pipelines.data.rows import placed_tasks
from halo_raft.pipelines.data.writing import write_rows
from halo_raft.records import Task
from halo_raft.terminal import console


def run(arguments: argparse.Namespace) -> int:
    """Write the two parts, each row as it was; which one a task is in depends on its prompt alone."""
    if not 0 < arguments.share < 1:
        raise UsageError("--share must be between 0 and 1")
    spec = arguments.file
    rows: dict[str, str] = {}
    found: list[Task] = []
    for here in placed_tasks(spec, _refuse(spec)):
        found.append(here.task)
        rows[here.task.task_id] = here.json
    train, heldout = tasks.split(tasks.TaskSet.of(spec, found, "auto"), arguments.share)
    name = Path(spec).name.partition(".")[0] if Path(spec).is_file() else spec.replace(":", "_")
    folder = arguments.output or (Path(spec).parent if Path(spec).is_file() else Path())
    paths = folder / f"{name}_train.jsonl", folder / f"{name}_heldout.jsonl"
    for path, part in zip(paths, (train, heldout), strict=True):
        console.say(f"Wrote {write_rows(path, [rows[task.task_id] for task in part.tasks])} tasks to {path}")
    console.say(f"Next: halo-raft raft train --prompts {paths[0]} tasks.heldout={paths[1]}")
    return 0


def _refuse(spec: str) -> Callable[[int, str], None]:
    """Return what makes an error of a row that is no task."""

    def wrong(line: int, reason: str) -> None:
        raise DataError(f"{spec}:{line}: {reason}")

    return wrong
