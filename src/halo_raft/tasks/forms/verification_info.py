"""open-r1's verifiable problems: `verification_info` with a language and cases, of programs or of a function."""

from __future__ import annotations

import ast
from typing import Any

from halo_raft.errors import DataError
from halo_raft.extract import canonical
from halo_raft.records import Task
from halo_raft.tasks.rows.calls import IMPORTS, arguments_of, spread, tests_of_calls, value_of
from halo_raft.tasks.rows.cases import READS, pairs_of, programs_cases
from halo_raft.tasks.rows.row import Row

FIELD = "verification_info"


def reads(row: Row) -> bool:
    """Return whether a row has the field."""
    return row.has(FIELD)


def task(row: Row) -> Task:
    """Read a row. Its `prompt` is what the model is asked, `problem_statement` the problem alone."""
    asked = row.text("prompt")
    statement = asked or row.prompt("problem_statement", "problem", "question")
    info = _decoded(row)
    cases = info.get("test_cases")
    if not isinstance(cases, list) or not cases or not all(isinstance(case, dict) for case in cases):
        raise row.wrong(f"{FIELD} has no list test_cases")
    solution = row.text("gold_standard_solution", "solution")
    names = {case.get("fn_name") for case in cases} - {None, ""}
    pairs = pairs_of(cases, row, FIELD)
    fields: dict[str, Any]
    if names and any(case.get("type") != "stdin_stdout" for case in cases):
        if len(names) != 1:
            raise row.wrong(f"{FIELD}: its cases call several functions: {', '.join(sorted(map(str, names)))}")
        calls = [(arguments_of(given, row, FIELD), value_of(wanted)) for given, wanted in pairs]
        name = str(names.pop())
        function = f"Solution().{name}" if "class Solution" in statement else name
        tests = tests_of_calls(function, spread(calls, name, solution), row, wrapped=True)
        fields = {"tests": tests, "entry_point": function.partition("(")[0], "shown_tests": (), "test_setup": IMPORTS}
    else:
        fields = {"test_cases": programs_cases(pairs, row, FIELD), "comparison": "numeric"}
        statement = statement if asked else f"{statement.strip()}\n\n{READS}"
    return Task(
        task_id=row.name("task_id", "problem_id", "id", prompt=statement),
        prompt=statement,
        language=canonical(str(info.get("language") or "python")),
        solution=solution,
        **fields,
    )


def _decoded(row: Row) -> dict[str, Any]:
    """Return the field, which is an object, JSON, or what Python writes for one.

    Raises:
        DataError: It is none of them.
    """
    value = row.get(FIELD)
    if isinstance(value, str):
        try:
            value = row.decoded(FIELD)
        except DataError:
            try:
                value = ast.literal_eval(value)
            except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
                raise row.wrong(f"{FIELD} is neither JSON nor a Python literal") from None
    if not isinstance(value, dict):
        raise row.wrong(f"{FIELD} must be an object")
    return value
