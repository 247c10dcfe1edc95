"""Python tasks with a pytest suite that imports the program as `solution`.

Where the suite asks the program no more than can be asked from outside, it runs in a process of its own,
as the other Python tests do. One that needs the program's objects themselves, or what it prints, has to
share its process: such verdicts say `integrity: in_process`.
"""

from __future__ import annotations

import importlib.util
import inspect
import marshal
from typing import Any, ClassVar

from halo_raft.errors import ConfigError
from halo_raft.extract import extract
from halo_raft.records import Task
from halo_raft.verifiers.base import Verifier, VerifyResult
from halo_raft.verifiers.functions.instrument import compiled
from halo_raft.verifiers.functions.supervisor import judge
from halo_raft.verifiers.functions.verifier import result
from halo_raft.verifiers.pytest_suites import run as running
from halo_raft.verifiers.pytest_suites.beside import judge_beside
from halo_raft.verifiers.pytest_suites.suite import Suite, suite_of

PYTEST = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
"""Installed packages that suites, and programs, may import beside the standard library."""


class PytestVerifier(Verifier):
    """Runs the task's suite under pytest itself; every test that its source names has to pass."""

    version: ClassVar[str] = "1"
    languages: ClassVar[tuple[str, ...]] = ("python",)
    needs_tests: ClassVar[bool] = True

    def check(self) -> None:
        """Find out before a run whether pytest is here.

        Raises:
            ConfigError: It is not.
        """
        super().check()
        missing = [name for name in PYTEST if importlib.util.find_spec(name) is None]
        if missing:
            raise ConfigError(f"verifier 'pytest' needs the package {missing[0]}: pip install pytest")

    def verify(self, code: str, task: Task) -> VerifyResult:
        """Judge `code` by the suite of `task`.

        Raises:
            DataError: The task has no usable suite.
            SandboxError: The sandbox failed.
        """
        suite = suite_of(task)
        packages = (*self.options.packages, *PYTEST)
        if not suite.outside:
            return judge_beside(code, task.test_setup or "", suite, self.options.limits, packages)
        setup = compiled(task.test_setup or "")
        payload: dict[str, Any] = {"sources": [code], "setup": setup, "entry_point": None}
        job: dict[str, Any] = {
            "setup": setup,
            "setup_names": [],
            "tests": _call_of_pytest(suite),
            "targets": list(suite.names),
            "entry_point": None,
            "calls": [],
        }
        return result(*judge(payload, job, self.options.limits, packages), len(suite.expected))

    def extract(self, completion: str, task: Task) -> str:
        """Return the program in `completion`: the block that defines what the suite imports.

        Raises:
            DataError: The task has no usable suite.
        """
        names = suite_of(task).names
        return extract(completion, "python", task.entry_point or (names[0] if names else None))


def _call_of_pytest(suite: Suite) -> bytes:
    """Return the code that the judge's process runs: the runner, and a call of it."""
    call = f"run({suite.source!r}, {list(suite.expected)!r}, __judge_ok__, __judge_bad__)"
    return marshal.dumps(compile(f"{inspect.getsource(running)}\n{call}\n", "tests.py", "exec", dont_inherit=True))
