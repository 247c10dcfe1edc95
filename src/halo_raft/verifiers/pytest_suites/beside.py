"""The worker's part in judging a program whose suite has to run beside it."""

from __future__ import annotations

import secrets
from typing import Any

from halo_raft.records import VerdictKind
from halo_raft.sandbox import Limits, Outcome, run_python
from halo_raft.verifiers.base import IN_PROCESS, VerifyResult
from halo_raft.verifiers.functions.supervisor import Report
from halo_raft.verifiers.functions.verifier import result
from halo_raft.verifiers.pytest_suites.guard import guarded
from halo_raft.verifiers.pytest_suites.screen import objection
from halo_raft.verifiers.pytest_suites.suite import Suite

HARNESS = "halo_raft.verifiers.pytest_suites.harness"
ENDS = ("done", "syntax", "load", "gone", "violation")


def judge_beside(code: str, setup: str, suite: Suite, limits: Limits, packages: tuple[str, ...]) -> VerifyResult:
    """Judge a program by a suite in the same process.

    Args:
        code: The program.
        setup: Trusted code that runs before it.
        suite: Its tests.
        limits: For program and suite together.
        packages: Python packages that both may import.

    Raises:
        SandboxError: The sandbox failed.
    """
    if used := objection(code):
        details = f"a program beside its tests may not use {used}"
        kind = VerdictKind.VIOLATION
        return VerifyResult(False, 0.0, details, kind=kind, tests_total=len(suite.expected), integrity=IN_PROCESS)
    token = secrets.token_hex(16)
    payload: dict[str, Any] = {
        "token": token,
        "code": code,
        "setup": setup,
        "source": guarded(suite.source),
        "expected": list(suite.expected),
    }
    outcome = run_python(HARNESS, payload, limits=limits, packages=packages)
    return result(outcome, _report(outcome, token), len(suite.expected), IN_PROCESS)


def _report(outcome: Outcome, token: str) -> Report:
    """Read the harness' lines, trusting only a report that is whole and has nothing else in it."""
    passed: set[int] = set()
    failures: list[tuple[int, str, str]] = []
    state = ""
    for line in filter(None, outcome.result.decode("utf-8", "replace").split("\n")):
        parts = line.split(" ", 4)
        forged = len(parts) != 5 or not secrets.compare_digest(parts[0].encode(), token.encode())
        if forged or state or parts[1] not in (*ENDS, "ok", "bad") or not parts[2].isdigit():
            return Report(
                state="violation", passed=frozenset(), failures=((-1, "runtime", "wrote on the judge's channel"),)
            )
        _, event, number, group, text = parts
        if event == "ok":
            passed.add(int(number))
        elif group != "-":
            failures.append((int(number) if event == "bad" else -1, group, text))
        state = event if event in ENDS else ""
    if not state or not outcome.clean:
        state, failures = "gone", [*failures, (-1, "runtime", "it ended before its tests did")]
    return Report(state=state, passed=frozenset(passed), failures=tuple(failures))
