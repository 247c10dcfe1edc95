"""LeetCodeDataset: `entry_point` is `Solution().name`; `prompt` holds imports and ListNode helpers."""

from __future__ import annotations

import ast

from halo_raft.records import Task
from halo_raft.tasks.rows.calls import IMPORTS
from halo_raft.tasks.rows.entry_point import EXPRESSION
from halo_raft.tasks.rows.row import Row


def reads(row: Row) -> bool:
    """Return whether a row names a method of a class, and a check of it."""
    named = row.fields.get("entry_point")
    return isinstance(named, str) and EXPRESSION.fullmatch(named) is not None and row.has("test", "tests")


def task(row: Row) -> Task:
    """Read a row; what its `prompt` defines runs before the tests, and before the program."""
    helpers = row.text("prompt") or ""
    question = row.text("query") or _question(row) or helpers
    row.get("input_output", "problem_description", "starter_code")
    setup = row.setup() or (helpers if helpers != question and _is_python(helpers) else "")
    return Task(
        task_id=row.name("task_id", "question_id", "id", prompt=question),
        prompt=row.prompt("prompt") if not question.strip() else question,
        entry_point=row.text("entry_point"),
        tests=row.text("test", "tests"),
        test_setup=setup if "import " in setup else f"{IMPORTS}\n{setup}",
        shown_tests=(),
        solution=row.text("completion", "solution", "canonical_solution"),
    )


def _question(row: Row) -> str:
    description, starter = row.text("problem_description"), row.text("starter_code")
    if not description:
        return ""
    return f"{description.strip()}\n\n```python\n{starter.strip()}\n```" if starter else description


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
