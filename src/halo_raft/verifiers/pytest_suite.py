"""A task's pytest suite, looked at in the trusted worker: which tests have to report."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from halo_raft.errors import DataError
from halo_raft.records import Task

PROGRAM = "solution"
"""Module that the suite imports the program from."""

SHARED_FIXTURES = frozenset(("capsys", "capfd", "capsysbinary", "capfdbinary", "caplog", "monkeypatch", "mocker"))
"""Fixtures that look into, or change, the process that they are in: the program has to be there."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Suite:
    """What a suite holds.

    Attributes:
        source: As the task gives it.
        expected: Name of each test and how many cases it has at least.
        names: What it uses of the program.
        outside: Whether calls and plain values are all that it exchanges with the program, so that it
            can run in a process of its own.
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
    names = _names_of_program(tree)
    return Suite(source, tuple(_tests(tree.body, "")), names, _can_stand_outside(tree, names))


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


def _names_of_program(tree: ast.Module) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == PROGRAM:
            names |= dict.fromkeys(alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == PROGRAM:
            names[node.attr] = None
    return tuple(names)


def _can_stand_outside(tree: ast.Module, names: tuple[str, ...]) -> bool:
    """Return whether the program's names are only ever called, and look like functions."""
    if any(name == "*" or name[:1].isupper() for name in names):
        return False  # a class: its objects would not be equal, nor of their class, from outside
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg in SHARED_FIXTURES:
            return False
        if isinstance(node, ast.alias) and PROGRAM in node.name.split(".") and node.asname:
            return False
        is_use = isinstance(node, ast.Name) and node.id in names
        is_use |= isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == PROGRAM
        if is_use and id(node) not in called:
            return False
    return True
