"""A task's Python tests -> compiled code in which every assert reports by itself.

Each assert that stands directly in the module or in a test function is one test, as is each statement around some.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import marshal
import re

from halo_raft.errors import DataError
from halo_raft.records import Task
from halo_raft.verifiers.functions.guard import METHOD
from halo_raft.verifiers.functions.guarding import guarded
from halo_raft.verifiers.functions.names import (
    MODULES,
    RAISES,
    READING,
    Function,
    defined,
    dotted,
    modules_in,
    parse,
    targets_of,
    terms_of,
    text,
    used,
)  # fmt: skip
from halo_raft.verifiers.functions.names import calls as calls_in
from halo_raft.verifiers.functions.order import in_order
from halo_raft.verifiers.functions.plain import is_plain
from halo_raft.verifiers.functions.reporting import reporting
from halo_raft.verifiers.functions.terms import Terms
from halo_raft.verifiers.functions.trusted import helpers, left_open

Compiled = tuple[bytes, tuple[tuple[str, bool], ...], int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Compiled tests.

    Attributes:
        source: The tests as text.
        code: Marshalled code object of the tests; empty where pytest has to run them.
        calls: Test functions to call, and whether each takes the candidate.
        total: Number of tests; each has to report `ok`.
        terms: What the trusted text says of the program's names.
        entry_point: The function under test: the task's, or the one that the asserts call where the
            task names another (published data sets name helpers at times).
        expression: What a test function gets as its candidate, such as `Solution().add`.
        setup: The set-up, with the helpers of a prompt that is code.
        plain: Whether a judge that others share can run them; see `plain`.
    """

    source: str
    code: bytes
    calls: tuple[tuple[str, bool], ...]
    total: int
    terms: Terms
    entry_point: str | None
    expression: str
    setup: str
    plain: bool

    @property
    def guarded(self) -> bytes:
        """The code of tests that run beside the program; see `guard`. Empty where pytest has to run them."""
        return _guarded(self.source, self.terms, self.expression) if self.code else b""


@functools.lru_cache(maxsize=256)
def _guarded(source: str, terms: Terms, expression: str) -> bytes:
    with READING:
        tree = parse(guarded(source, terms.classes, terms.unbelieved))
        return _instrumented(tree, expression, frozenset(terms.targets) | {"candidate"})[0]


def suite_of(task: Task, uses_prompt: bool = True, by_pytest: bool = False) -> Suite:
    """Return the task's tests, compiled.

    Args:
        task: The task.
        uses_prompt: Whether a prompt that is code belongs to the program.
        by_pytest: Whether pytest runs them whatever their form.

    Raises:
        DataError: They cannot be parsed, or contain nothing to test.
    """
    source = "\n".join(task.test_list) if task.test_list else task.tests
    if not source:
        raise DataError(f"task {task.task_id!r} has no tests")
    prompt = task.prompt if uses_prompt else ""
    try:
        with READING:
            return _suite(
                source, task.test_setup or "", prompt, task.prompt, task.solution or "", task.entry_point, by_pytest
            )
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DataError(f"task {task.task_id!r}: its tests cannot be used: {error}") from error


@functools.lru_cache(maxsize=1024)
def _suite(
    source: str, setup: str, prompt: str, told: str, solution: str, expression: str | None, by_pytest: bool
) -> Suite:
    tree = ast.parse(source)
    base = re.findall(r"^\w*", expression or "")[0] or None
    missing = modules_in(f"{setup}\n{source}", base)
    setup = _joined(*(f"import {MODULES[name]} as {name}" for name in missing), setup)
    stubs = left_open(prompt)
    if base in defined(_joined(helpers(prompt, stubs[-1] if stubs else base), setup)):  # a helper
        base = expression = None
    entry_point = _entry_point(source, _joined(helpers(prompt, base), setup), base, tree)
    if base is None and stubs and entry_point not in stubs:
        entry_point = stubs[-1]
    before = _joined(helpers(prompt, entry_point), setup)
    terms = terms_of(source, before, told, solution, entry_point)
    if entry_point != base:
        expression = entry_point
    runner = by_pytest or needs_pytest(tree)
    plain = not runner and expression in (None, *terms.targets) and is_plain(tree, terms, defined(before))
    targets = frozenset(terms.targets) | {"candidate"}
    code, calls, total = (b"", (), 0) if runner else _instrumented(tree, expression, targets)
    return Suite(
        source=source,
        code=code,
        calls=calls,
        total=total,
        terms=terms,
        entry_point=entry_point,
        expression=expression or "",
        setup=before,
        plain=plain,
    )


def _joined(*parts: str) -> str:
    """Return trusted sources as one; the same text for the same code, which is then read once."""
    return "\n".join(filter(None, parts))


def _entry_point(source: str, setup: str, base: str | None, tree: ast.Module) -> str | None:
    """Return what the tests are about: the task's own entry point if they use it, else what they call."""
    targets = targets_of(f"{setup}\n{source}", None)
    takes_candidate = any(_is_test(node) for node in tree.body if isinstance(node, Function))
    if base is not None and (base in targets or takes_candidate or not targets or base in used(source)):
        return base
    called = [name for name in calls_in(text(source).nodes) if name in targets]
    return called[0] if called else targets[0] if targets else base


def _instrumented(tree: ast.Module, expression: str | None, targets: frozenset[str]) -> Compiled:
    """Return the code of tests in which each reports, the functions to call, and the number of tests."""
    tree.body = [node for node in tree.body if not _starts_runner(node)]
    tree = in_order(tree, targets)
    functions = [node for node in tree.body if isinstance(node, Function) and _is_test(node) is not None]
    marker = _Marker(_asserting(tree) - {node.name for node in functions})
    tree.body = marker.mark(tree.body)
    calls = []
    for node in functions:
        takes_candidate = bool(_is_test(node))
        called = _is_called(tree, node.name)
        if takes_candidate and not expression and not called:
            raise ValueError(f"{node.name}(candidate) needs an entry_point")
        before = marker.total
        node.body = marker.mark(node.body)
        if marker.total == before:
            node.body = marker.mark_calls(node.body)
        if not called:
            calls.append((node.name, takes_candidate))
    if marker.total == 0:
        raise ValueError("no assert in them")
    return marshal.dumps(compile(tree, "tests.py", "exec", dont_inherit=True)), tuple(calls), marker.total


def needs_pytest(tree: ast.Module) -> bool:
    """Return whether tests are of a form that pytest has to run: classes, fixtures, parameters."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and is_test_class(node):
            return True
        if isinstance(node, Function):
            decorated = any("pytest." in ast.unparse(d) or "fixture" in ast.unparse(d) for d in node.decorator_list)
            if decorated or (node.name.startswith("test") and _is_test(node) is None):
                return True
    return False


def is_test_class(node: ast.ClassDef) -> bool:
    """Return whether pytest would look for tests in a class."""
    methods = [inner.name for inner in node.body if isinstance(inner, Function)]
    collected = node.name.startswith("Test") or any(ast.unparse(base).endswith("TestCase") for base in node.bases)
    return collected and any(name.startswith("test") for name in methods)


def _starts_runner(node: ast.stmt) -> bool:
    """Return whether a statement starts a test runner of its own: `unittest.main()`, `pytest.main()`."""
    if not isinstance(node, ast.If | ast.Expr):
        return False
    calls = [ast.unparse(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    return any(call in ("unittest.main", "pytest.main", "main") for call in calls) and (
        isinstance(node, ast.Expr) or "__name__" in ast.unparse(node.test)
    )


def _asserting(tree: ast.Module) -> frozenset[str]:
    """Return the functions of the tests' own that assert, or call one that does."""
    functions = {node.name: node for node in tree.body if isinstance(node, Function)}
    found: frozenset[str] = frozenset()
    while True:
        marker = _Marker(found)
        more = frozenset(n for n, f in functions.items() if any(marker.asserts(inner) for inner in ast.walk(f)))
        if more == found:
            return found
        found = more


def _is_test(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool | None:
    """Return whether a test function takes the candidate; None for a function that is no test."""
    arguments = node.args.posonlyargs + node.args.args
    required = len(arguments) - len(node.args.defaults)
    if node.name == "check" and required == 1:
        return True
    if node.name.startswith("test") and required == 0:
        return False
    if node.name.startswith("test") and required == 1 and arguments[0].arg in ("candidate", "solution", "func"):
        return True
    return None


def _is_called(tree: ast.Module, name: str) -> bool:
    """Return whether the module itself calls the function `name`."""
    statements = [node for node in tree.body if not isinstance(node, Function)]
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for statement in statements
        for node in ast.walk(statement)
    )


class _Marker:
    """Wraps statements so that each reports under a number of its own.

    Args:
        asserting: Functions whose calls are tests, since they assert.
    """

    def __init__(self, asserting: frozenset[str]) -> None:
        self.total = 0
        self._asserting = asserting

    def mark(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Wrap every assert, and every compound statement around asserts."""
        return [self._wrap([node]) if self._is_unit(node) else node for node in body]

    def mark_calls(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Wrap a test function without asserts of its own: its calls, or else the whole of it."""
        if calls := [node for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]:
            return [self._wrap([node]) if node in calls else node for node in body]
        if any(isinstance(node, ast.Raise | ast.Call) for statement in body for node in ast.walk(statement)):
            return [self._wrap(body)]
        return body

    def asserts(self, node: ast.AST) -> bool:
        """Return whether a node is an assert, or what does as one: `assert_allclose(...)`, `pytest.raises`."""
        if not isinstance(node, ast.Call):  # `assert True` tests nothing
            return isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant)
        if isinstance(node.func, ast.Call) and dotted(node.func.func) == METHOD:
            return ast.unparse(node.func.args[1]).startswith("'assert")
        name = dotted(node.func).rpartition(".")[2]
        if isinstance(node.func, ast.Attribute):
            return name.startswith("assert") or name in RAISES
        return name in self._asserting or name.startswith("assert_") or name in RAISES - {"suppress"}

    def _is_unit(self, node: ast.stmt) -> bool:
        if isinstance(node, Function | ast.ClassDef):
            return False
        if isinstance(node, ast.Assert):
            return self.asserts(node)
        return any(isinstance(inner, ast.Assert) or self.asserts(inner) for inner in ast.walk(node))

    def _wrap(self, body: list[ast.stmt]) -> ast.stmt:
        self.total += 1
        return reporting(body, self.total - 1)
