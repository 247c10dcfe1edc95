"""Programs that read an input and print: their cases, what each may use, and how its output is judged.

Whole outputs are compared, in the judge's own process. `exact` ignores blanks at the end of a line and
empty lines at the end of the output, nothing else; `token` compares the words; `numeric` compares the
words, numbers among them by value: whole numbers exactly, others within a tolerance. Where a task has a
special judge, that decides instead (`special_judge`).
"""

from __future__ import annotations

import dataclasses
import decimal
import functools
import math
import re
from collections.abc import Callable

from halo_raft.errors import DataError
from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import Limits, Outcome
from halo_raft.verifiers.base import VerifierOptions
from halo_raft.verifiers.native.build import broken_limit
from halo_raft.verifiers.native.outside import crash_kind, end_of
from halo_raft.verifiers.native.special_judge import objection

TIME_FACTOR, PYTHON_TIME_FACTOR = 2.0, 5.0
"""What a task's own time limit is multiplied by where the settings do not say: contests time other machines."""
PYTHON_MEMORY_MB = 64
"""What the interpreter itself may use beside a task's own memory limit."""
MAX_CPU_S, MAX_MEMORY_MB = 60.0, 8192
"""No row may ask for more."""
SLACK_KB = 64
NUMBER_CHARS = 10_000
_WHOLE = re.compile(r"[+-]?\d+")


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
        starved: Whether the machine may be to blame for a case that ran out of wall time.
    """

    passed: int
    crashed: int
    total: int
    kind: VerdictKind
    details: str
    cpu_s: float
    wall_s: float
    starved: bool


def cases_of(task: Task, options: VerifierOptions) -> tuple[Case, ...]:
    """Return the task's cases; none if neither it nor the settings say what must be printed.

    Raises:
        DataError: A case lacks `expected_output`, or the task is one that we cannot judge.
    """
    if task.our_limit:
        raise DataError(f"task {task.task_id!r} cannot be judged here: {task.our_limit}")
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


def limits_of(task: Task, case: Case, options: VerifierOptions, language: str) -> Limits:
    """Return what a program may use for a case: the task's own limits times a factor, else the settings'.

    The output may always be as long as what is expected.
    """
    limits = options.limits
    python = language == "python"
    cpu_s, memory_mb = limits.cpu_s, limits.memory_mb
    if task.time_limit_s:
        factor = options.limit_factor or (PYTHON_TIME_FACTOR if python else TIME_FACTOR)
        cpu_s = min(task.time_limit_s * factor, MAX_CPU_S)
    if task.memory_limit_mb:
        own = task.memory_limit_mb * (options.limit_factor or 1.0)
        memory_mb = min(int(own) + (PYTHON_MEMORY_MB if python else 0), MAX_MEMORY_MB)
    output_kb = max(limits.output_kb, 2 * len(case.expected.encode("utf-8", "replace")) // 1024 + SLACK_KB)
    file_mb = max(limits.file_mb, (len(case.stdin) >> 20) + limits.file_mb // 2)
    return dataclasses.replace(
        limits,
        cpu_s=cpu_s,
        wall_s=limits.wall_s * cpu_s / limits.cpu_s,
        memory_mb=memory_mb,
        output_kb=output_kb,
        file_mb=file_mb,
    )


def run_cases(
    run: Callable[[Case], Outcome], cases: tuple[Case, ...], task: Task, options: VerifierOptions
) -> CasesReport:
    """Run a program on every case, up to the first that breaks a limit.

    Args:
        run: Runs the program on a case.
        cases: At least one.
        task: Whose cases they are; says how output is judged.
        options: How to compare where the task does not say.

    Raises:
        DataError: The task's special judge is broken.
        SandboxError: The sandbox failed.
    """
    passed = crashed = 0
    cpu_s = wall_s = 0.0
    starved = False
    first: tuple[VerdictKind, str] | None = None
    why_not = functools.partial(_why_not, task=task, options=options)
    for number, case in enumerate(cases, start=1):
        outcome = run(case)
        cpu_s, wall_s = cpu_s + outcome.cpu_s, wall_s + outcome.wall_s
        wrong = _wrong(outcome, case, task, why_not)
        if wrong is None:
            passed += 1
            continue
        crashed += not outcome.clean
        starved = starved or outcome.starved
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
        starved=starved,
    )


def _wrong(
    outcome: Outcome, case: Case, task: Task, why_not: Callable[[Case, bytes], str | None]
) -> tuple[VerdictKind, str] | None:
    if limit := broken_limit(outcome):
        return limit, f"broke its {outcome.killed_by} limit"
    if not outcome.clean:
        syntax = re.search(rb"^(?:Syntax|Indentation|Tab)Error: .*", outcome.stderr[-4096:], re.MULTILINE)
        if syntax and b"Traceback" not in outcome.stderr:
            return VerdictKind.COMPILE, syntax[0].decode("utf-8", "replace")
        return crash_kind(outcome), _end_of(outcome)
    output = outcome.stdout
    if task.output_file:
        if task.output_file not in outcome.files:
            return VerdictKind.WRONG, f"wrote no {task.output_file}"
        output = outcome.files[task.output_file]
    reason = why_not(case, output)
    return None if reason is None else (VerdictKind.WRONG, reason)


def _end_of(outcome: Outcome) -> str:
    """Say how a program ended; of a traceback, the last line says what happened."""
    lines = outcome.stderr[-4096:].decode("utf-8", "replace").strip().splitlines()
    if b"Traceback" not in outcome.stderr or not lines:
        return end_of(outcome)
    said = next((line for line in reversed(lines) if line and not line[0].isspace()), lines[-1])
    return f"it ended with status {outcome.returncode}: {said[:200]}"


def _why_not(case: Case, output: bytes, task: Task, options: VerifierOptions) -> str | None:
    """Return why an output is not right, None if it is."""
    if task.checker:
        return objection(task.checker, case.stdin, output, case.expected.encode("utf-8", "replace"))
    actual = output.decode("utf-8", "replace")
    tolerance = options.tolerance if task.tolerance is None else task.tolerance
    if same(actual, case.expected, task.comparison or options.comparison, tolerance):
        return None
    return f"printed {_short(actual)}, not {_short(case.expected)}"


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
    """Return whether two words are the same number; where a whole one is expected, exactly that."""
    if actual == expected:
        return True
    if len(actual) > NUMBER_CHARS or "_" in actual:  # Python would read 1_000
        return False
    try:
        if _WHOLE.fullmatch(expected):
            return decimal.Decimal(actual) == decimal.Decimal(expected)
        wanted, got = float(expected), float(actual)
    except (ValueError, decimal.InvalidOperation):
        return False
    return math.isclose(got, wanted, rel_tol=tolerance, abs_tol=tolerance)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")
