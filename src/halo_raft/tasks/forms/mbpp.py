"""MBPP: `test_list` of asserts; full (`text`, `test_setup_code`), sanitized (`prompt`, `test_imports`), and MBPP+.

MBPP+ brings a `test` with many more inputs; it is what is run, and the asserts are only shown.
"""

from __future__ import annotations

import ast
import textwrap

from halo_raft.records import Task
from halo_raft.tasks.rows.calls import setup_of
from halo_raft.tasks.rows.entry_point import entry_point_of
from halo_raft.tasks.rows.row import Row

WRAPPER = "test_all_inputs"


def reads(row: Row) -> bool:
    """Return whether a row has a list of asserts."""
    return row.has("test_list")


def task(row: Row) -> Task:
    """Read a row."""
    prompt = row.prompt("prompt", "text", "question", "problem")
    asserts = row.texts("test_list")
    plus = row.text("test", "tests")
    setup = setup_of(row, plus or "\n".join(asserts))
    return Task(
        task_id=row.name("task_id", "id", "name", prompt=prompt),
        prompt=prompt,
        language=row.language(),
        entry_point=entry_point_of(row.text("entry_point"), plus or "\n".join(asserts), setup or ""),
        tests=as_function(plus) if plus else None,
        test_setup=setup,
        test_list=None if plus else asserts,
        shown_tests=asserts if plus else None,
        solution=row.text("code", "solution", "canonical_solution"),
    )


def as_function(tests: str) -> str:
    """Put a loop of tests that stands in the module into a test function, so that it is one test that reports.

    Tests that have functions or asserts of their own at the top stay as they are.
    """
    try:
        tree = ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tests
    if any(_is_test(node) for node in tree.body):
        return tests
    lines = tests.split("\n")
    for node in reversed(tree.body):
        if isinstance(node, ast.For | ast.While | ast.With) and node.end_lineno:
            loop = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            lines[node.lineno - 1 : node.end_lineno] = [f"def {WRAPPER}():", textwrap.indent(loop, "    ")]
            return "\n".join(lines)
    return tests


def _is_test(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name == "check" or node.name.startswith("test")
    if isinstance(node, ast.ClassDef):
        return True
    return any(isinstance(inner, ast.Assert) for inner in ast.walk(node)) and not isinstance(node, ast.AsyncFunctionDef)
