"""DeepMind's code-contests: `public_tests`, `private_tests`, `generated_tests`, each an object of two lists."""

from __future__ import annotations

from typing import Any

from halo_raft.records import Task
from halo_raft.tasks.rows.cases import READS, pairs_of, programs_cases
from halo_raft.tasks.rows.row import Row

FIELDS = ("public_tests", "private_tests", "generated_tests")
PYTHON3 = (3, "3", "PYTHON3")
"""How the published enumeration of languages, or its name, says Python 3."""


def reads(row: Row) -> bool:
    """Return whether a row has one of the three fields."""
    return row.has(*FIELDS)


def task(row: Row) -> Task:
    """Read a row; all three lists are judged."""
    statement = row.prompt("description", "prompt", "question")
    cases = [c for f in FIELDS if row.has(f) for c in programs_cases(pairs_of(row.decoded(f), row, f), row, f)]
    row.get(*FIELDS, "incorrect_solutions")
    return Task(
        task_id=row.name("task_id", "name", "id", prompt=statement),
        prompt=statement if row.fields.get("prompt") == statement else f"{statement.strip()}\n\n{READS}",
        language=row.language() if isinstance(row.fields.get("language"), str) else "python",
        test_cases=tuple(cases),
        comparison="numeric",
        solution=_python_solution(row.get("solutions")) or row.text("solution"),
    )


def _python_solution(solutions: Any) -> str | None:
    """Return the first solution in Python 3."""
    if not isinstance(solutions, dict):
        return None
    languages, sources = solutions.get("language") or (), solutions.get("solution") or ()
    return next((s for lang, s in zip(languages, sources, strict=False) if lang in PYTHON3), None)
