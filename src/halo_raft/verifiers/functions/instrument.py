"""A task's Python tests -> compiled code in which every assert reports by itself.

Runs in the trusted worker. Each assert that stands directly in the module or in a test function is
one test, and so is each compound statement around asserts.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import functools
import marshal
from collections.abc import Iterator

from halo_raft.errors import DataError
from halo_raft.records import Task

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Compiled tests.

    Attributes:
        code: Marshalled code object of the tests.
        calls: Test functions to call, and whether each takes the candidate.
        total: Number of tests; each has to report `ok`.
        targets: Names that the tests call and neither they nor Python define.
        entry_point: The function under test: the task's, or the one that the asserts call where the
            task names another (published data sets name helpers at times).
    """

    code: bytes
    calls: tuple[tuple[str, bool], ...]
    total: int
    targets: tuple[str, ...]
    entry_point: str | None


def suite_of(task: Task) -> Suite:
    """Return the task's tests, compiled.

    Raises:
        DataError: They cannot be parsed, or contain nothing to test.
    """
    source = "\n".join(task.test_list) if task.test_list else task.tests
    if not source:
        raise DataError(f"task {task.task_id!r} has no tests")
    try:
        return _suite(source, task.entry_point)
    except (SyntaxError, ValueError) as error:
        raise DataError(f"task {task.task_id!r}: its tests cannot be used: {error}") from error


@functools.lru_cache(maxsize=1024)
def _suite(source: str, entry_point: str | None) -> Suite:
    tree = ast.parse(source)
    targets = _targets(tree)
    given = any(_is_test(node) for node in tree.body if isinstance(node, ast.FunctionDef))
    if targets and not given and entry_point not in targets:
        entry_point = targets[0]
    marker = _Marker()
    tree.body = marker.mark(tree.body)
    calls = []
    for node in tree.body:
        takes_candidate = isinstance(node, ast.FunctionDef) and _is_test(node)
        if not isinstance(node, ast.FunctionDef) or takes_candidate is None:
            continue
        if _is_called(tree, node.name):
            node.body = marker.mark(node.body)
            continue
        if takes_candidate and not entry_point:
            raise ValueError(f"{node.name}(candidate) needs an entry_point")
        before = marker.total
        node.body = marker.mark(node.body)
        if marker.total == before:
            node.body = marker.mark_calls(node.body)
        calls.append((node.name, bool(takes_candidate)))
    if marker.total == 0:
        raise ValueError("no assert in them")
    tree = ast.fix_missing_locations(tree)
    return Suite(
        code=marshal.dumps(compile(tree, "tests.py", "exec", dont_inherit=True)),
        calls=tuple(calls),
        total=marker.total,
        targets=tuple(dict.fromkeys((*targets, *([entry_point] if entry_point else [])))),
        entry_point=entry_point,
    )


def _is_test(node: ast.FunctionDef) -> bool | None:
    """Return whether a test function takes the candidate; None for a function that is no test."""
    arguments = node.args.posonlyargs + node.args.args
    required = len(arguments) - len(node.args.defaults)
    if node.name == "check" and required == 1:
        return True
    if node.name.startswith("test") and required == 0:
        return False
    return None


def _is_called(tree: ast.Module, name: str) -> bool:
    """Return whether the module itself calls the function `name`."""
    statements = [node for node in tree.body if not isinstance(node, Function)]
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for statement in statements
        for node in ast.walk(statement)
    )


def _targets(tree: ast.Module) -> tuple[str, ...]:
    """Return the names that are called, but defined neither by the tests nor by Python, outer calls first."""
    called: dict[str, None] = {}
    own = set(vars(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called[node.func.id] = None
        elif isinstance(node, Function | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.alias):
            own.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.arg):
            own.add(node.arg)
    return tuple(name for name in called if name not in own)


class _Marker:
    """Wraps statements so that each reports under a number of its own."""

    def __init__(self) -> None:
        self.total = 0

    def mark(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Wrap every assert, and every compound statement around asserts."""
        return [self._wrap([node]) if self._is_unit(node) else node for node in body]

    def mark_calls(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Wrap a test function without asserts of its own: its calls, or else the whole of it."""
        calls = [node for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
        if calls:
            return [self._wrap([node]) if node in calls else node for node in body]
        if any(isinstance(node, ast.Raise | ast.Call) for statement in body for node in ast.walk(statement)):
            return [self._wrap(body)]
        return body

    @staticmethod
    def _is_unit(node: ast.stmt) -> bool:
        if isinstance(node, ast.Assert):
            return not isinstance(node.test, ast.Constant)  # `assert True` tests nothing
        if isinstance(node, Function | ast.ClassDef):
            return False
        return any(isinstance(inner, ast.Assert) for inner in ast.walk(node))

    def _wrap(self, body: list[ast.stmt]) -> ast.stmt:
        number = ast.Constant(self.total)
        self.total += 1
        return ast.Try(
            body=body,
            handlers=[
                ast.ExceptHandler(
                    type=_name("__judge_any__"),
                    name="__judge_error__",
                    body=[_call("__judge_bad__", number, _name("__judge_error__"))],
                )
            ],
            orelse=[_call("__judge_ok__", number)],
            finalbody=[],
        )


def _name(identifier: str) -> ast.Name:
    return ast.Name(identifier, ast.Load())


def _call(function: str, *arguments: ast.expr) -> ast.stmt:
    return ast.Expr(ast.Call(func=_name(function), args=list(arguments), keywords=[]))


@functools.lru_cache(maxsize=1024)
def compiled(source: str) -> bytes | None:
    """Return trusted set-up code, marshalled, or None where it is not Python."""
    try:
        return marshal.dumps(compile(source, "setup.py", "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        return None


@functools.lru_cache(maxsize=1024)
def assigned(source: str) -> tuple[str, ...]:
    """Return the names that trusted set-up code defines at top level; none if it is not Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    names = [node.name for node in tree.body if isinstance(node, Function | ast.ClassDef)]
    stores = [n for s in tree.body if not isinstance(s, Function | ast.ClassDef) for n in ast.walk(s)]
    names += [node.id for node in stores if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return tuple(dict.fromkeys(names))


def definitions(source: str) -> Iterator[str]:
    """Yield the names of the functions that trusted `source` defines at top level; none if it is not Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    yield from (node.name for node in tree.body if isinstance(node, Function))
