"""Judging a Python program by its task's tests: what `python`, `humaneval` and `mbpp` share."""

from __future__ import annotations

import dataclasses
import functools
import secrets
import sysconfig
from typing import Any, ClassVar

from halo_raft.extract import defines, extract
from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import KilledBy, Outcome, run_python
from halo_raft.verifiers.base import IN_PROCESS, PARTIAL_CREDIT, Verifier, VerifyResult
from halo_raft.verifiers.python_suite import Suite, compiled, definitions, suite_of

HARNESS = "halo_raft.verifiers.python_harness"
DETAIL_CHARS = 300


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the harness' report: what happened, to which test, and of what class it was."""

    name: str
    number: int
    detail: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that came over the private channel.

    Attributes:
        events: Lines that carried the run's token, in order.
        forged: Whether anything else was there.
    """

    events: tuple[Event, ...]
    forged: bool

    def first(self, *names: str) -> Event | None:
        """Return the first event with one of these names."""
        return next((event for event in self.events if event.name in names), None)

    def failures(self) -> list[Event]:
        """Return what went wrong, in order."""
        return [event for event in self.events if event.name in ("bad", "abort")]

    def passed(self, total: int) -> int:
        """Return how many of `total` tests reported success and never failure."""
        ok = {event.number for event in self.events if event.name == "ok"}
        bad = {event.number for event in self.events if event.name == "bad"}
        return len((ok - bad) & set(range(total)))


class PythonTests(Verifier):
    """Runs a candidate beside its tests, in one process of its own; every test has to report."""

    version: ClassVar[str] = "1"
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
        token = secrets.token_hex(16)
        payload: dict[str, Any] = {
            "token": token,
            "path": _site_packages(),
            "setup": compiled(f"{prompt}\n{task.test_setup or ''}") or compiled(task.test_setup or ""),
            "sources": _sources(code, prompt, suite.entry_point),
            "entry_point": suite.entry_point,
            "targets": list(suite.targets),
            "imports": list(suite.imports),
            "tests": suite.code,
            "calls": [list(call) for call in suite.calls],
        }
        outcome = run_python(HARNESS, payload, limits=self.options.limits)
        return _result(outcome, read_report(outcome.result, token), suite)

    def extract(self, completion: str, task: Task) -> str:
        """Return the program in `completion`: the block that defines what the tests call.

        Raises:
            DataError: The task has no usable tests.
        """
        return extract(completion, "python", suite_of(task).entry_point)


def read_report(channel: bytes, token: str) -> Report:
    """Read what came over the private channel, trusting only lines that carry `token`."""
    events: list[Event] = []
    forged = False
    for line in channel.decode("utf-8", "replace").split("\n"):
        parts = line.split(" ", 3)
        if not line:
            continue
        if len(parts) != 4 or not secrets.compare_digest(parts[0].encode(), token.encode()) or not parts[2].isdigit():
            forged = True
            continue
        if events and events[-1].name == "done":
            forged = True
        events.append(Event(name=parts[1], number=int(parts[2][:9]), detail=parts[3]))
    return Report(events=tuple(events), forged=forged)


def _result(outcome: Outcome, report: Report, suite: Suite) -> VerifyResult:
    """Turn outcome and report into a result. Only a complete report and a clean end can pass."""
    passed = report.passed(suite.total)
    kind, details = _kind(outcome, report, suite.total, passed)
    success = kind is VerdictKind.PASSED
    reward = 1.0 if success else 0.0 if kind is VerdictKind.VIOLATION else PARTIAL_CREDIT * passed / suite.total
    return VerifyResult(
        success,
        reward,
        details[:DETAIL_CHARS],
        kind=kind,
        tests_passed=passed,
        tests_total=suite.total,
        integrity=IN_PROCESS,
        cpu_s=outcome.cpu_s,
        wall_s=outcome.wall_s,
    )


def _kind(outcome: Outcome, report: Report, total: int, passed: int) -> tuple[VerdictKind, str]:
    if outcome.killed_by is KilledBy.OUTPUT_LIMIT:
        return VerdictKind.OUTPUT_LIMIT, "wrote more than the output limit"
    if outcome.killed_by is not None:
        return VerdictKind.TIMEOUT, f"used up its {outcome.killed_by.value} time ({passed}/{total} tests passed)"
    if report.forged:
        return VerdictKind.VIOLATION, "wrote on the judge's channel"
    if event := report.first("syntax"):
        return VerdictKind.COMPILE, event.detail.partition(" ")[2]
    if event := report.first("load"):
        return _class_of(event), f"while loading: {event.detail.partition(' ')[2]}"
    if failures := report.failures():
        memory = [event for event in failures if _class_of(event) is VerdictKind.MEMORY]
        crashes = [event for event in failures if _class_of(event) is not VerdictKind.WRONG]
        worst = (memory or crashes or failures)[0]
        return _class_of(worst), f"{passed}/{total} tests passed; {_where(worst)}: {worst.detail.partition(' ')[2]}"
    if report.first("done") is None or not outcome.clean:
        end = f"signal {outcome.signal}" if outcome.signal else f"status {outcome.returncode}"
        return VerdictKind.RUNTIME, f"ended with {end} before its tests were done ({passed}/{total} passed)"
    if passed != total:
        return VerdictKind.WRONG, f"{passed}/{total} tests passed; the others did not report"
    return VerdictKind.PASSED, f"{passed}/{total} tests passed"


def _class_of(event: Event) -> VerdictKind:
    name = event.detail.partition(" ")[0]
    kinds = {"wrong": VerdictKind.WRONG, "memory": VerdictKind.MEMORY}
    return kinds.get(name, VerdictKind.RUNTIME)


def _where(event: Event) -> str:
    return f"test {event.number + 1}" if event.name == "bad" else "between tests"


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


@functools.cache
def _site_packages() -> list[str]:
    """Return where this interpreter's packages are, so that a candidate can import numpy."""
    return sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
