"""APPS and TACO: `input_output` holds `inputs` and `outputs`, and `fn_name` where they are calls of a function."""

from __future__ import annotations

from typing import Any

from halo_raft.records import Task
from halo_raft.tasks.rows.calls import IMPORTS, arguments_of, tests_of_calls
from halo_raft.tasks.rows.cases import READS, pairs_of, programs_cases
from halo_raft.tasks.rows.row import Row

FIELD = "input_output"


def reads(row: Row) -> bool:
    """Return whether a row has inputs and outputs in one field."""
    return row.has(FIELD)


def task(row: Row) -> Task:
    """Read a row. `starter_code` decides whether a named function is a method of `Solution`."""
    statement = row.prompt("question", "prompt", "problem", "description")
    starter = row.text("starter_code") or ""
    shown = f"{statement.strip()}\n\n```python\n{starter.strip()}\n```" if starter.strip() else statement
    held = row.decoded(FIELD)
    if isinstance(held, list) and len(held) == 1 and isinstance(held[0], dict):
        held = held[0]
    name = held.get("fn_name") if isinstance(held, dict) else None
    pairs = pairs_of(held, row, FIELD)
    fields: dict[str, Any]
    if name:
        function = f"Solution().{name}" if "class Solution" in starter else str(name)
        calls = [(arguments_of(given, row, FIELD), wanted) for given, wanted in pairs]
        tests = tests_of_calls(function, calls, row, wrapped=True)
        fields = {"tests": tests, "entry_point": function.partition("(")[0], "shown_tests": (), "test_setup": IMPORTS}
    else:
        fields = {"test_cases": programs_cases(pairs, row, FIELD), "comparison": "numeric"}
        shown = f"{shown.strip()}\n\n{READS}"
    return Task(
        task_id=row.name("task_id", "problem_id", "id", prompt=statement),
        prompt=shown,
        language=row.language(),
        solution=_first_solution(row),
        **fields,
    )


def _first_solution(row: Row) -> str | None:
    solutions = row.get("solutions")
    if isinstance(solutions, str) and solutions.lstrip().startswith("["):
        solutions = row.decoded("solutions")
    if isinstance(solutions, list | tuple) and solutions and isinstance(solutions[0], str):
        return solutions[0]
    return row.text("solution")
