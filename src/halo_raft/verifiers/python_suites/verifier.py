"""Judging a Python program by its task's tests: what `python`, `humaneval`, `mbpp` and `pytest` share.

A task has a mode (see `mode`): its tests stand outside of the program's process where its reference passes
there, and beside the program where only that can be judged. The program has no say in it.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib.util
import re
import sys
from typing import Any, ClassVar

from halo_raft.errors import ConfigError
from halo_raft.extract import blocks_of, compiles, continued, defines, extract
from halo_raft.records import Task
from halo_raft.verifiers.base import IN_PROCESS, OUTSIDE, Verifier, VerifyResult
from halo_raft.verifiers.functions.instrument import Suite, suite_of
from halo_raft.verifiers.functions.mode import Mode, by_form, by_reference
from halo_raft.verifiers.functions.names import defined, text
from halo_raft.verifiers.functions.supervisor import Report, judge
from halo_raft.verifiers.functions.trusted import class_names, compiled, visible
from halo_raft.verifiers.functions.verdicts import result
from halo_raft.verifiers.pytest_suites.beside import judge_beside
from halo_raft.verifiers.pytest_suites.suite import Tests, tests_for_pytest
from halo_raft.verifiers.python_suites.packages import imported, lacking, with_requirements

PYTEST = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
"""Installed packages that suites, and programs, may import beside the standard library."""


class PythonTests(Verifier):
    """Runs a program in a box of its own and its tests outside of it, or beside it where the task asks for that."""

    version: ClassVar[str] = "4"
    languages: ClassVar[tuple[str, ...]] = ("python",)
    needs_tests: ClassVar[bool] = True
    uses_prompt: ClassVar[bool] = False
    """Whether a prompt that is code belongs to the program: its imports, its helpers, its signature."""
    by_pytest: ClassVar[bool] = False
    """Whether pytest runs the tests whatever their form."""

    def verify(self, code: str, task: Task) -> VerifyResult:
        """Judge `code` by the tests of `task`.

        Raises:
            ConfigError: pytest is needed and missing.
            DataError: The task has no usable tests.
            SandboxError: The sandbox failed.
        """
        tests = self._tests(task)
        form = by_form(tests.suite)
        if form.name == IN_PROCESS and (not task.solution or self.mode_of(task).name != OUTSIDE):
            return self._beside(code, task, tests)
        verdict, report = self._outside(code, task, tests)
        if report.handed and not task.solution:
            return self._beside(code, task, tests)
        may_be_beside = report.border and task.solution and not verdict.success
        if may_be_beside and self.mode_of(task).name == IN_PROCESS:
            return self._beside(code, task, tests)
        return verdict

    def lacking(self, task: Task) -> str | None:
        """Return which package the task's trusted text imports that cannot be had here; pytest is found by `check`."""
        tests = "\n".join(task.test_list) if task.test_list else task.tests or ""
        needed = imported(tests, task.test_setup or "", task.prompt if self.uses_prompt else "")
        return lacking(needed - {"pytest"}, (*self.options.packages, *PYTEST))

    def mode_of(self, task: Task) -> Mode:
        """Return where the tests of a task stand, and why.

        Raises:
            ConfigError: pytest is needed and missing.
            DataError: The task has no usable tests.
            SandboxError: The sandbox failed.
        """
        tests = self._tests(task)
        if not task.solution:
            return by_form(tests.suite)
        solution = self.extract(f"```python\n{task.solution}\n```", task)

        def outside() -> VerifyResult:
            return self._outside(solution, task, tests)[0]

        def beside() -> VerifyResult:
            return self._beside(solution, task, tests)

        key = (self.name, self.options, tests, task.solution, task.prompt)
        return by_reference(key, tests.suite, outside, beside)

    def extract(self, completion: str, task: Task) -> str:
        """Return the program in `completion`: the block that defines what the tests call.

        Raises:
            DataError: The task has no usable tests.
        """
        return extract(completion, "python", self._tests(task).suite.entry_point)

    def _tests(self, task: Task) -> Tests:
        suite = suite_of(task, self.uses_prompt, self.by_pytest)
        if reason := self.lacking(task):
            raise ConfigError(f"task {task.task_id!r} {reason}")
        packages = with_requirements(self.options.packages)
        if suite.code and "pytest" not in _imports(suite):
            return Tests(suite, "", (), suite.total, packages)
        if importlib.util.find_spec("pytest") is None:
            raise ConfigError(f"task {task.task_id!r} has tests for pytest: pip install pytest")
        packages = (*packages, *PYTEST)
        if suite.code:
            return Tests(suite, "", (), suite.total, packages)
        return dataclasses.replace(tests_for_pytest(task.task_id, suite), packages=packages)

    def _outside(self, code: str, task: Task, tests: Tests) -> tuple[VerifyResult, Report]:
        suite = tests.suite
        seen = visible(suite.setup, suite.source, task.prompt, task.solution or "", suite.terms.targets)
        under_test = [suite.entry_point] if suite.entry_point else []
        payload: dict[str, Any] = {
            "sources": self._sources(code, task, suite),
            "setup": compiled(seen),
            "under_test": under_test,
            "classes": sorted(suite.terms.classes),
        }
        job: dict[str, Any] = {
            "preload": [] if suite.plain else _preload(tests),
            "setup": None if suite.plain else compiled(suite.setup),
            "tests": tests.code,
            "terms": suite.terms.to_dict(),
            "classes": class_names(seen),
            "entry_point": suite.expression,
            "under_test": under_test,
            "calls": [list(call) for call in suite.calls],
        }
        outcome, report = judge(payload, job, self.options.limits, tests.packages, suite.plain)
        return result(outcome, report, tests.total), report

    def _beside(self, code: str, task: Task, tests: Tests) -> VerifyResult:
        sources = self._sources(code, task, tests.suite)
        preload = _preload(tests) + ["unittest.mock"] * ("mock" in tests.suite.source)
        preload += [
            f"{name}.testing" for name in preload if name in tests.packages and ".testing" in tests.suite.source
        ]
        return judge_beside(sources, tests, task.prompt, task.solution or "", self.options.limits, preload)

    def _sources(self, code: str, task: Task, suite: Suite) -> list[str]:
        """Return the programs that the code may stand for; the first one that compiles is judged."""
        name = suite.entry_point
        if not name or not self.uses_prompt or defines(code, name):
            return [_with_method(code, suite)]
        if name in defined(task.prompt):
            return list(continued(task.prompt, code))
        opening = _opening(task.prompt, name) if code[:1].isspace() or not compiles(code) else ""
        return list(continued(opening, code)) if opening else [_with_method(code, suite)]


@functools.lru_cache(maxsize=1024)
def _opening(prompt: str, name: str) -> str:
    """Return the code of a prompt in words that opens a function, for an answer that only goes on with it."""
    shown = [block.code for block in blocks_of(prompt, "python")[0] if defines(block.code, name)]
    return shown[-1] if shown else ""


def _with_method(code: str, suite: Suite) -> str:
    """Give a program the class that its tests want a method of, where it has the method as a plain function."""
    wanted = re.search(r"\b(\w+)\(\)\.(\w+)", f"{suite.expression} {suite.source}")
    if not wanted or wanted[1] != suite.entry_point or defines(code, wanted[1]) or not defines(code, wanted[2]):
        return code
    return f"{code}\n\nclass {wanted[1]}:\n    {wanted[2]} = staticmethod({wanted[2]})\n"


@functools.lru_cache(maxsize=1024)
def _imports_of(source: str) -> frozenset[str]:
    nodes = text(source).nodes
    named = [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names]
    named += [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)]
    return frozenset(name.partition(".")[0] for name in named)


def _imports(suite: Suite) -> frozenset[str]:
    """Return the modules that trusted text imports; pytest where it runs the tests."""
    return _imports_of(f"{suite.setup}\n{suite.source}") | (frozenset() if suite.code else {"pytest"})


def _preload(tests: Tests) -> list[str]:
    """Return the modules that trusted text imports, and can."""
    return sorted(_imports(tests.suite) & {*tests.packages, *sys.stdlib_module_names})
