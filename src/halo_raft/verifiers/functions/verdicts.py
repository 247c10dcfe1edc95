"""Outcome and report of a judged Python program -> kind, reward and details."""

from __future__ import annotations

from halo_raft.records import VerdictKind
from halo_raft.sandbox import KilledBy, Outcome
from halo_raft.verifiers.base import OUTSIDE, PARTIAL_CREDIT, VerifyResult
from halo_raft.verifiers.functions.supervisor import Report

DETAIL_CHARS = 300


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
        starved=outcome.starved,
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
    if report.state == "done" and report.handed and not report.failures:
        return VerdictKind.RUNTIME, f"{tally}; one handed the program an object that cannot cross"
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
