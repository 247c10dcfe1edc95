"""The worker's part in judging a program whose suite has to run beside it."""

from __future__ import annotations

import secrets
from typing import Any

from halo_raft.records import VerdictKind
from halo_raft.sandbox import Limits, Outcome, run_python
from halo_raft.verifiers.base import IN_PROCESS, VerifyResult
from halo_raft.verifiers.functions.guarding import guarded
from halo_raft.verifiers.functions.names import parse
from halo_raft.verifiers.functions.supervisor import Report
from halo_raft.verifiers.functions.trusted import halves
from halo_raft.verifiers.functions.verdicts import result
from halo_raft.verifiers.pytest_suites.screen import PATCHED, allowed, objection
from halo_raft.verifiers.pytest_suites.suite import Tests

HARNESS = "halo_raft.verifiers.pytest_suites.harness"
ENDS = ("done", "abort", "syntax", "load", "gone", "violation")


def judge_beside(
    sources: list[str], tests: Tests, prompt: str, solution: str, limits: Limits, preload: list[str]
) -> VerifyResult:
    """Judge a program by tests in the same process.

    Args:
        sources: The programs that the answer may stand for; the first that compiles is the program.
        tests: Its tests.
        prompt: The task's prompt, which may speak of what the program may use.
        solution: The task's reference; empty without one.
        limits: For program and tests together.
        preload: Modules that the tests use; they are loaded before the program, which may not change them.

    Raises:
        SandboxError: The sandbox failed.
    """
    suite = tests.suite
    code = next((source for source in sources if _compiles(source)), sources[0])
    permitted = allowed(f"{suite.setup}\n{suite.source}", prompt, solution)
    if used := objection(code, permitted):
        details = f"a program beside its tests may not use {used}"
        kind = VerdictKind.VIOLATION
        return VerifyResult(False, 0.0, details, kind=kind, tests_total=tests.total, integrity=IN_PROCESS)
    token = secrets.token_hex(16)
    before, after = halves(suite.setup, suite.terms.targets)
    payload: dict[str, Any] = {
        "token": token,
        "code": code,
        "allowed": sorted(permitted),
        "classes": sorted(suite.terms.classes),
        "patched": sorted({"input", "open", "print", *PATCHED.findall(suite.source)}),
        "preload": preload,
        "before": before,
        "after": guarded(after, suite.terms.classes, suite.terms.unbelieved),
        "targets": list(suite.terms.targets),
        "under_test": suite.entry_point,
        "entry_point": suite.expression,
        "tests": suite.guarded,
        "calls": [list(call) for call in suite.calls],
        "source": tests.guarded,
        "expected": list(tests.expected),
    }
    outcome = run_python(HARNESS, payload, limits=limits, packages=tests.packages)
    return result(outcome, _report(outcome, token), tests.total, IN_PROCESS)


def _compiles(source: str) -> bool:
    try:
        parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


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
