"""Runs a pytest suite and says of each expected test whether it passed.

This source runs in the sandbox, in the judge's process or beside the program; it imports nothing of
ours. A test has passed when each of its cases ran to its end and passed: skipped, expected to fail, not
collected or cut short is not passed.
"""

from __future__ import annotations

import builtins
import os
import shutil
import sys
import tempfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

OFF = ("cacheprovider", "terminal", "faulthandler", "unraisableexception", "threadexception", "junitxml", "pastebin")
"""Plugins of pytest's own that nobody needs here."""


class Unreported(Exception):
    """A test that should have run to its end did not."""


class Outcomes:
    """A plugin that notes the outcome of every case."""

    def __init__(self) -> None:
        self.passed: dict[str, int] = {}
        self.errors: dict[str, BaseException] = {}

    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:
        """Note what a phase of a case raised; skips and pytest's own exits are exceptions too."""
        if call.excinfo is not None:
            self.errors.setdefault(_name(item.nodeid), _as_wrong(call.excinfo.value))

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count a case that passed; one that is expected to fail counts for nothing."""
        name = _name(report.nodeid)
        if hasattr(report, "wasxfail"):
            self.errors.setdefault(name, Unreported("expected to fail"))
        elif report.when == "call" and report.passed:
            self.passed[name] = self.passed.get(name, 0) + 1

    def pytest_collectreport(self, report: Any) -> None:
        """Note why the suite cannot be collected."""
        if report.failed:
            lines = str(report.longrepr).splitlines()
            self.errors.setdefault("", Unreported(lines[-1].removeprefix("E").strip() if lines else "not collected"))


def _as_wrong(error: BaseException) -> BaseException:
    """Return what pytest raises where an expectation failed (`raises`, `fail`) as the failed assert that it is."""
    kind = type(error)
    failed = kind.__name__ == "Failed" and any(base.__module__ == "_pytest.outcomes" for base in kind.__mro__)
    return AssertionError(str(error)) if failed else error


def run(
    source: str,
    expected: list[tuple[str, int]],
    ok: Callable[[int], None],
    bad: Callable[[int, BaseException], None],
    names: dict[str, Any],
) -> None:
    """Run a suite. What pytest collects takes its content from memory: no file holds the tests.

    Args:
        source: The suite.
        expected: Name of each test (`test_f`, `TestC::test_m`) and how many cases it has at least.
        ok: Called with the number of a test that passed.
        bad: Called with the number of one that did not, and why.
        names: What the suite finds defined; its own classes are added.
    """
    import pytest

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    folder = tempfile.mkdtemp(dir=os.getcwd())
    before = set(sys.modules)
    outcomes = Outcomes()
    code = compile(source, "test_task.py", "exec", dont_inherit=True)
    given = {name: value for name, value in names.items() if not name.startswith("__")}

    def fill(module: dict[str, Any]) -> None:
        delattr(builtins, "__judge_suite__")
        module.update(given)
        exec(code, module)
        sys.modules.pop(module["__name__"], None)  # where a program looks up names by that of a module
        names.update({name: value for name, value in module.items() if isinstance(value, type) and name not in names})

    try:
        path = os.path.join(folder, "test_task.py")
        for name, text in ((path, "__judge_suite__(globals())\n"), (os.path.join(folder, "pytest.ini"), "[pytest]\n")):
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
        options = [path, "--noconftest", "--import-mode=importlib", f"--basetemp={folder}/tmp", f"--rootdir={folder}"]
        options += ["-c", os.path.join(folder, "pytest.ini"), "-W", "ignore", "--capture=sys"]
        builtins.__judge_suite__ = fill  # type: ignore[attr-defined]
        pytest.main([*options, *(word for name in OFF for word in ("-p", f"no:{name}"))], plugins=[outcomes])
    finally:
        for name in set(sys.modules) - before:
            if name.startswith("test_task") or getattr(sys.modules[name], "__file__", None) == path:
                del sys.modules[name]
        shutil.rmtree(folder, ignore_errors=True)
    for number, (name, cases) in enumerate(expected):
        error = outcomes.errors.get(name) or outcomes.errors.get("")
        if error is None and outcomes.passed.get(name, 0) >= cases:
            ok(number)
        else:
            bad(number, _short(error or Unreported("it was not run to its end")))


def _name(nodeid: str) -> str:
    return nodeid.partition("::")[2].partition("[")[0]


def _short(error: BaseException) -> BaseException:
    """Return an assertion's error with its first line alone: pytest adds a page to it."""
    if isinstance(error, AssertionError):
        return AssertionError((str(error).splitlines() or [""])[0])
    return error
