"""Programs that read standard input and print: their cases, and how output is compared.

Whole outputs are compared, in the judge's own process. `exact` ignores blanks at the end of a line and
empty lines at the end of the output, nothing else; `token` compares the words; `numeric` compares the
words, numbers among them by value.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable

from halo_raft.errors import DataError
from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import Outcome
from halo_raft.verifiers.base import VerifierOptions
from halo_raft.verifiers.native.build import broken_limit
from halo_raft.verifiers.native.outside import crash_kind, end_of


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """One run: its input, and what it must print."""

    stdin: bytes
    expected: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CasesReport:
    """What became of the cases.

    Attributes:
        passed: Cases with the right output.
        crashed: Cases that did not end by themselves with status 0.
        total: All cases.
        kind: `passed`, or what was wrong with the first case that was not right.
        details: The same in words.
        cpu_s: CPU seconds.
        wall_s: Wall-clock seconds.
    """

    passed: int
    crashed: int
    total: int
    kind: VerdictKind
    details: str
    cpu_s: float
    wall_s: float


def cases_of(task: Task, options: VerifierOptions) -> tuple[Case, ...]:
    """Return the task's cases; none if neither it nor the settings say what must be printed.

    Raises:
        DataError: A case lacks `expected_output`.
    """
    if task.test_cases:
        return tuple(_case(task, number, row) for number, row in enumerate(task.test_cases, start=1))
    expected = options.expected_output if task.expected_output is None else task.expected_output
    return () if expected is None else (Case(_input(task.stdin), expected),)


def _case(task: Task, number: int, row: dict[str, str]) -> Case:
    expected = row.get("expected_output", row.get("output"))
    if not isinstance(expected, str):
        raise DataError(f"task {task.task_id!r}: test_cases[{number - 1}] has no expected_output")
    return Case(_input(row.get("stdin", row.get("input"))), expected)


def _input(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "replace")


def run_cases(run: Callable[[bytes], Outcome], cases: tuple[Case, ...], options: VerifierOptions) -> CasesReport:
    """Run a program on every case, up to the first that breaks a limit.

    Args:
        run: Runs the program on an input.
        cases: At least one.
        options: How to compare.
    """
    passed = crashed = 0
    cpu_s = wall_s = 0.0
    first: tuple[VerdictKind, str] | None = None
    for number, case in enumerate(cases, start=1):
        outcome = run(case.stdin)
        cpu_s, wall_s = cpu_s + outcome.cpu_s, wall_s + outcome.wall_s
        wrong = _wrong(outcome, case, options)
        if wrong is None:
            passed += 1
            continue
        crashed += not outcome.clean
        first = first or (wrong[0], f"case {number}: {wrong[1]}")
        if outcome.killed_by is not None:
            break  # the others would cost as much and change nothing
    kind, details = first or (VerdictKind.PASSED, "")
    return CasesReport(
        passed=passed,
        crashed=crashed,
        total=len(cases),
        kind=kind,
        details=f"{passed}/{len(cases)} cases passed" + (f"; {details}" if details else ""),
        cpu_s=cpu_s,
        wall_s=wall_s,
    )


def _wrong(outcome: Outcome, case: Case, options: VerifierOptions) -> tuple[VerdictKind, str] | None:
    if limit := broken_limit(outcome):
        return limit, f"broke its {outcome.killed_by} limit"
    if not outcome.clean:
        syntax = re.search(rb"^(?:Syntax|Indentation|Tab)Error: .*", outcome.stderr[-4096:], re.MULTILINE)
        if syntax and b"Traceback" not in outcome.stderr:
            return VerdictKind.COMPILE, syntax[0].decode("utf-8", "replace")
        return crash_kind(outcome), end_of(outcome)
    actual = outcome.stdout.decode("utf-8", "replace")
    if same(actual, case.expected, options.comparison, options.tolerance):
        return None
    return VerdictKind.WRONG, f"printed {_short(actual)}, not {_short(case.expected)}"


def same(actual: str, expected: str, comparison: str, tolerance: float) -> bool:
    """Return whether two outputs are the same under `exact`, `token` or `numeric` comparison."""
    if comparison == "exact":
        return _lines(actual) == _lines(expected)
    left, right = actual.split(), expected.split()
    if comparison == "token":
        return left == right
    return len(left) == len(right) and all(_close(a, e, tolerance) for a, e in zip(left, right, strict=True))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.replace("\r\n", "\n").rstrip().split("\n")]


def _close(actual: str, expected: str, tolerance: float) -> bool:
    if actual == expected:
        return True
    try:
        wanted, got = float(expected), float(actual)
    except ValueError:
        return False
    return math.isclose(got, wanted, rel_tol=tolerance, abs_tol=tolerance)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")
