"""A task's tests for pytest, looked at in the trusted worker: which of them have to report."""

from __future__ import annotations

import ast
import functools
import inspect
import marshal
from collections.abc import Iterator
from dataclasses import dataclass

from halo_raft.errors import DataError
from halo_raft.verifiers.functions.guarding import guarded
from halo_raft.verifiers.functions.instrument import Suite, is_test_class
from halo_raft.verifiers.functions.names import Function, parse
from halo_raft.verifiers.pytest_suites import run as running


@dataclass(frozen=True, slots=True)
class Tests:
    """Tests, and how they are run.

    Attributes:
        suite: What they say.
        guarded: Their source for pytest beside the program; empty where they run without pytest.
        expected: For pytest: name of each test and how many cases it has at least.
        total: Number of tests; each has to report.
        packages: Installed packages that they, and programs, may import.
        code: What the judge runs.
    """

    suite: Suite
    guarded: str
    expected: tuple[tuple[str, int], ...]
    total: int
    packages: tuple[str, ...]

    @property
    def code(self) -> bytes:
        """What the judge runs, marshalled."""
        return self.suite.code or _call_of_pytest(self.suite.source, self.expected)


def tests_for_pytest(task_id: str, suite: Suite) -> Tests:
    """Return tests that pytest has to run.

    Raises:
        DataError: There is none among them.
    """
    expected = tuple(_tests(parse(suite.source).body, ""))
    if not expected:
        raise DataError(f"task {task_id!r}: its tests hold no test function for pytest")
    source = guarded(suite.source, suite.terms.classes, suite.terms.unbelieved)
    return Tests(suite, source, expected, len(expected), ())


@functools.lru_cache(maxsize=1024)
def _call_of_pytest(source: str, expected: tuple[tuple[str, int], ...]) -> bytes:
    """Return the code that the judge's process runs: the runner, and a call of it."""
    call = f"run({source!r}, {list(expected)!r}, __judge_ok__, __judge_bad__, globals())"
    return marshal.dumps(compile(f"{inspect.getsource(running)}\n{call}\n", "tests.py", "exec", dont_inherit=True))


def _tests(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, int]]:
    """Yield what pytest would collect."""
    for node in body:
        if isinstance(node, Function) and node.name.startswith("test"):
            yield prefix + node.name, _cases(node.decorator_list)
        elif isinstance(node, ast.ClassDef) and is_test_class(node):
            around = _cases(node.decorator_list)
            yield from ((name, cases * around) for name, cases in _tests(node.body, f"{prefix}{node.name}::"))


def _cases(decorators: list[ast.expr]) -> int:
    """Return how many cases `parametrize` makes, as far as the source tells; one at least."""
    cases = 1
    for node in decorators:
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.parametrize"):
            given = [k.value for k in node.keywords if k.arg == "argvalues"] + node.args[1:2]
            if given and isinstance(given[0], ast.List | ast.Tuple | ast.Set):
                cases *= len(given[0].elts)
    return cases
