"""Rows of task files -> `Task` records, and the interface of a task source.

The forms that are read as they are: MBPP's hub form, HumanEval's, the guide's prompt files with
their tests, MultiPL-E's, and plain `{"prompt": ...}`. See DESIGN's records in the README.
"""

from __future__ import annotations

import builtins
import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from halo_raft.errors import DataError
from halo_raft.records import Task, stable_hash

LANGUAGE_ALIASES = {
    "py": "python",
    "python3": "python",
    "c++": "cpp",
    "cc": "cpp",
    "cxx": "cpp",
    "rs": "rust",
    "golang": "go",
    "go_test.go": "go",
}


@dataclass(frozen=True, slots=True)
class TaskSet:
    """Tasks and where they are from.

    Attributes:
        name: As the user named it: a source with its split, or a path.
        tasks: Unique by `task_id`, in the source's order.
        sha256: Hash of the content, whatever the form it was read from.
        verifier: The verifier that fits when the user names none.
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


def read_rows(path: str | Path) -> list[tuple[int, dict[str, Any]]]:
    """Read a JSONL file of objects as (line number, row); blank lines are skipped.

    Raises:
        DataError: The file is missing, or a line is not a JSON object.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # other line separators may stand in strings
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}:{number}: is not JSON ({error.msg}); each line is one JSON object") from None
        if not isinstance(row, dict):
            raise DataError(f'{path}:{number}: is not a JSON object; write {{"prompt": ...}}')
        rows.append((number, row))
    return rows


def parse_row(row: Mapping[str, Any], where: str) -> Task:
    """Turn one row of any known form into a `Task`.

    Args:
        row: The JSON object.
        where: File and line, for messages.

    Raises:
        DataError: There is no prompt, or a field has the wrong type.
    """
    prompt = _text(row, where, "prompt", "text")
    if prompt is None or not prompt.strip():
        raise DataError(f"{where}: has no prompt; give the question under `prompt` or `text`")
    task_id = next((row[key] for key in ("task_id", "id", "name") if row.get(key) is not None), None)
    test_list = _strings(row, where, "test_list")
    tests = _text(row, where, "tests", "test")
    asserts = test_list or [line for line in (tests or "").splitlines() if line.lstrip().startswith("assert ")]
    cases = _cases(row, where)
    return Task(
        task_id=stable_hash(prompt) if task_id is None else str(task_id),
        prompt=prompt,
        language=_language(row, where),
        entry_point=_entry_point(row, where, asserts),
        tests=tests,
        test_setup=_text(row, where, "test_setup", "test_setup_code") or None,
        test_list=test_list or None,
        stdin=_text(row, where, "stdin"),
        expected_output=_text(row, where, "expected_output"),
        test_cases=cases or None,
        solution=_text(row, where, "solution", "canonical_solution", "code"),
    )


def called_function(test_list: Sequence[str]) -> str | None:
    """Return the one name that every assert calls first, None if there is no such name or it is Python's own."""
    names = {m.group(1) for test in test_list if (m := re.match(r"\s*assert\s+(?:not\s+)?\(*([A-Za-z_]\w*)\(", test))}
    return names.pop() if len(names) == 1 and not names & set(dir(builtins)) else None


def _entry_point(row: Mapping[str, Any], where: str, asserts: Sequence[str]) -> str | None:
    """Return what the asserts call: the peer's MBPP rows name a helper here and there."""
    called = called_function(asserts)
    return called if called not in (None, "candidate") else _text(row, where, "entry_point")


def _language(row: Mapping[str, Any], where: str) -> str:
    language = (_text(row, where, "language") or "python").lower()
    return LANGUAGE_ALIASES.get(language, language)


def _text(row: Mapping[str, Any], where: str, *keys: str) -> str | None:
    """Return the first of `keys` that the row has, which must be a string."""
    for key in keys:
        value = row.get(key)
        if value is not None:
            if not isinstance(value, str):
                raise DataError(f"{where}: {key} must be text, not {type(value).__name__}")
            return value
    return None


def _cases(row: Mapping[str, Any], where: str) -> tuple[dict[str, str], ...]:
    value = row.get("test_cases") or ()
    if not isinstance(value, list | tuple) or not all(isinstance(case, dict) for case in value):
        raise DataError(f"{where}: test_cases must be a list of objects with stdin and expected_output")
    return tuple(dict(case) for case in value)


def _strings(row: Mapping[str, Any], where: str, key: str) -> tuple[str, ...]:
    value = row.get(key) or ()
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise DataError(f"{where}: {key} must be a list of strings")
    return tuple(value)
