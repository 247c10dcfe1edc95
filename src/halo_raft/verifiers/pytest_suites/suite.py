"""A task's pytest suite, looked at in the trusted worker: which tests have to report."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from halo_raft.errors import DataError
from halo_raft.records import Task
from halo_raft.verifiers.pytest_suites.reach import can_stand_outside, names_of_program

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Suite:
    """What a suite holds.

    Attributes:
        source: As the task gives it.
        expected: Name of each test and how many cases it has at least.
        names: What it uses of the program.
        outside: Whether it can run in a process of its own; see `reach`.
    """

    source: str
    expected: tuple[tuple[str, int], ...]
    names: tuple[str, ...]
    outside: bool


def suite_of(task: Task) -> Suite:
    """Return the suite of a task.

    Raises:
        DataError: There is none, it is not Python, or holds no test.
    """
    source = task.tests or "\n".join(task.test_list or ())
    if not source:
        raise DataError(f"task {task.task_id!r} has no tests")
    try:
        suite = _suite(source)
    except (SyntaxError, ValueError) as error:
        raise DataError(f"task {task.task_id!r}: its tests cannot be used: {error}") from error
    if not suite.expected:
        raise DataError(f"task {task.task_id!r}: its tests hold no test function for pytest")
    return suite


@functools.lru_cache(maxsize=1024)
def _suite(source: str) -> Suite:
    tree = ast.parse(source)
    names = names_of_program(tree)
    return Suite(source, tuple(_tests(tree.body, "")), names, can_stand_outside(tree, names))


def _tests(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, int]]:
    """Yield what pytest would collect."""
    for node in body:
        if isinstance(node, Function) and node.name.startswith("test"):
            yield prefix + node.name, _cases(node.decorator_list)
        elif isinstance(node, ast.ClassDef) and (node.name.startswith("Test") or _is_unittest(node)):
            around = _cases(node.decorator_list)
            yield from ((name, cases * around) for name, cases in _tests(node.body, f"{prefix}{node.name}::"))


def _is_unittest(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).endswith("TestCase") for base in node.bases)


def _cases(decorators: list[ast.expr]) -> int:
    """Return how many cases `parametrize` makes, as far as the source tells; one at least."""
    cases = 1
    for node in decorators:
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.parametrize"):
            given = [k.value for k in node.keywords if k.arg == "argvalues"] + node.args[1:2]
            if given and isinstance(given[0], ast.List | ast.Tuple | ast.Set):
                cases *= len(given[0].elts)
    return cases
