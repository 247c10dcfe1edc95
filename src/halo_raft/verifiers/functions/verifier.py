"""Judging a Python program by its task's tests: what `python`, `humaneval` and `mbpp` share."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from halo_raft.extract import defines, extract
from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import KilledBy, Outcome
from halo_raft.verifiers.base import OUTSIDE, PARTIAL_CREDIT, Verifier, VerifyResult
from halo_raft.verifiers.functions.instrument import assigned, compiled, definitions, suite_of
from halo_raft.verifiers.functions.supervisor import Report, judge

DETAIL_CHARS = 300


class PythonTests(Verifier):
    """Runs a program in a box of its own and its tests outside of it; every test has to report."""

    version: ClassVar[str] = "2"
    languages: ClassVar[tuple[str, ...]] = ("python",)
    needs_tests: ClassVar[bool] = True
    uses_prompt: ClassVar[bool] = False
    """Whether a prompt that is code belongs to the program: its imports, its helpers, its signature."""

    def verify(self, code: str, task: Task) -> VerifyResult:
        """Judge `code` by the tests of `task`.

        Raises:
            DataError: The task has no usable tests.
            SandboxError: The sandbox failed.
        """
        suite = suite_of(task)
        prompt = task.prompt if self.uses_prompt and _is_code(task.prompt, suite.entry_point) else ""
        setup = f"{prompt}\n{task.test_setup or ''}"
        setup_code = compiled(setup) or compiled(task.test_setup or "")
        payload: dict[str, Any] = {
            "sources": _sources(code, prompt, suite.entry_point),
            "setup": setup_code,
            "entry_point": suite.entry_point,
        }
        job: dict[str, Any] = {
            "setup": setup_code,
            "setup_names": list(assigned(task.test_setup or "")),
            "tests": suite.code,
            "targets": list(suite.targets),
            "entry_point": suite.entry_point,
            "calls": [list(call) for call in suite.calls],
        }
        return result(*judge(payload, job, self.options.limits, self.options.packages), suite.total)

    def extract(self, completion: str, task: Task) -> str:
        """Return the program in `completion`: the block that defines what the tests call.

        Raises:
            DataError: The task has no usable tests.
        """
        return extract(completion, "python", suite_of(task).entry_point)


def result(outcome: Outcome, report: Report, total: int, integrity: str = OUTSIDE) -> VerifyResult:
    """Turn outcome and report into a result. Only a judge that came to the end of its tests can pass."""
    passed = len(report.passed & frozenset(range(total)))
    kind, details = _kind(outcome, report, f"{passed}/{total} tests passed")
    if kind is VerdictKind.PASSED and passed != total:
        kind, details = VerdictKind.WRONG, f"{details}; the others did not report"
    success = kind is VerdictKind.PASSED
    reward = 1.0 if success else 0.0 if kind is VerdictKind.VIOLATION else PARTIAL_CREDIT * passed / total
    return VerifyResult(
        success,
        reward,
        details[:DETAIL_CHARS],
        kind=kind,
        tests_passed=passed,
        tests_total=total,
        integrity=integrity,
        cpu_s=outcome.cpu_s,
        wall_s=outcome.wall_s,
    )


LIMIT_KINDS = {
    KilledBy.OUTPUT_LIMIT: (VerdictKind.OUTPUT_LIMIT, "wrote more than the output limit"),
    KilledBy.MEMORY: (VerdictKind.MEMORY, "used more than the memory limit"),
    KilledBy.CPU: (VerdictKind.TIMEOUT, "used up its cpu time"),
    KilledBy.WALL: (VerdictKind.TIMEOUT, "used up its wall time"),
}


def _kind(outcome: Outcome, report: Report, tally: str) -> tuple[VerdictKind, str]:
    if outcome.killed_by is not None:
        kind, why = LIMIT_KINDS[outcome.killed_by]
        return kind, f"{why} ({tally})"
    if report.state == "hung":
        return VerdictKind.TIMEOUT, "a test does not come to an end with what the program returned"
    if report.state == "done" and not report.failures:
        return VerdictKind.PASSED, tally
    number, group, text = _worst(report.failures)
    kind = {"wrong": VerdictKind.WRONG, "memory": VerdictKind.MEMORY}.get(group, VerdictKind.RUNTIME)
    if report.state == "violation":
        return VerdictKind.VIOLATION, text
    if report.state == "syntax":
        return VerdictKind.COMPILE, text
    if report.state == "load":
        return kind, f"while loading: {text}"
    if report.state == "gone":
        how = f"signal {outcome.signal}" if outcome.signal else f"status {outcome.returncode}"
        return kind, f"{tally}; {text} with {how}"
    return kind, f"{tally}; {f'test {number + 1}' if number >= 0 else 'between tests'}: {text}"


def _worst(failures: tuple[tuple[int, str, str], ...]) -> tuple[int, str, str]:
    """Return the failure to tell of: running out of memory, then a crash, then a wrong answer."""
    return min(failures, key=lambda failure: ("memory", "runtime", "wrong").index(failure[1]))


def _sources(code: str, prompt: str, entry_point: str | None) -> list[str]:
    """Return the programs that the code may stand for; the first one that compiles is judged.

    A body is tried as it is, with the indentation of its first line restored (chat templates strip it),
    with all of it indented, and cut where it falls back to the margin (a truncated next function).
    """
    if not prompt or (entry_point and defines(code, entry_point)):
        return [code]
    head = prompt if prompt.endswith("\n") else prompt + "\n"
    lines = code.split("\n")
    margin = next((i for i, line in enumerate(lines) if i and line.strip() and not line[0].isspace()), len(lines))
    bodies = [
        code,
        "    " + code.lstrip(),
        "\n".join("    " + line for line in lines),
        "\n".join(lines[:margin]),
    ]
    return [head + body for body in dict.fromkeys(bodies)]


@functools.lru_cache(maxsize=1024)
def _is_code(prompt: str, entry_point: str | None) -> bool:
    return entry_point is not None and entry_point in definitions(prompt)
