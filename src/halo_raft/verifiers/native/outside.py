"""Judging a native program by its task's checks, outside of its process.

The candidate's program evaluates the calls and reports values; a trusted program, which never meets
the candidate, has evaluated the expected ones; the two are compared here. Whatever the candidate does
to its own process, all that it can send is a value.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Sequence

from halo_raft import sandbox
from halo_raft.errors import DataError
from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import Limits, Outcome
from halo_raft.verifiers.base import OUTSIDE, PARTIAL_CREDIT, VerifyResult
from halo_raft.verifiers.native.build import MEMORY_SIGNS, PROGRAM, Build, broken_limit, build
from halo_raft.verifiers.native.checks import Check, Suite
from halo_raft.verifiers.native.driver import Driver
from halo_raft.verifiers.native.program import Signature, preamble, signature
from halo_raft.verifiers.native.source_text import MAX_SOURCE
from halo_raft.verifiers.native.toolchains import Toolchain, Wanted

_LINE = re.compile(rb"(\d{1,6}) ([^\n ]*)\n")
DETAIL_CHARS = 300


@dataclasses.dataclass(frozen=True, slots=True)
class Tools:
    """Driver, compiler and limits: with what a suite is judged."""

    driver: Driver
    toolchain: Toolchain
    flags: tuple[str, ...]
    compile_limits: Limits
    run_limits: Limits


def expected_values(tools: Tools, task: Task, suite: Suite) -> tuple[bytes, ...] | None:
    """Return the values that the checks expect, None if they cannot be compared as values.

    Raises:
        DataError: The tests themselves do not compile or run.
        SandboxError: The sandbox failed.
    """
    return _expected(tools, task.prompt, suite)


@functools.lru_cache(maxsize=1024)
def _expected(tools: Tools, prompt: str, suite: Suite) -> tuple[bytes, ...] | None:
    language = tools.driver.language
    head = signature(prompt, language, suite.function)
    units = tools.driver.expected(preamble(prompt, language, suite.function), suite, head)
    made = _compile(tools, units)
    if made.program is None:
        return None
    values, _ = read_values(run(tools, made.program).result)
    return tuple(values) if len(values) == len(suite.checks) else None


def judge_values(tools: Tools, program: str, task: Task, suite: Suite, expected: Sequence[bytes]) -> VerifyResult:
    """Judge a program by what its calls return.

    Raises:
        SandboxError: The sandbox failed.
    """
    head: Signature | None = signature(task.prompt, tools.driver.language, suite.function)
    made = _compile(tools, tools.driver.candidate(program, suite, head, task.tests or ""))
    total = len(suite.checks)
    if made.program is None:
        return not_compiled(made, total, OUTSIDE)
    outcome = run(tools, made.program)
    values, forged = read_values(outcome.result)
    right = [matches(v, e, c) for v, e, c in zip(values, expected, suite.checks, strict=False)]
    kind, details = _kind(outcome, right, total, forged or len(values) > total)
    success = kind is VerdictKind.PASSED
    reward = 1.0 if success else 0.0 if kind is VerdictKind.VIOLATION else PARTIAL_CREDIT * sum(right) / total
    return VerifyResult(
        success,
        reward,
        details[:DETAIL_CHARS],
        kind=kind,
        tests_passed=sum(right),
        tests_total=total,
        integrity=OUTSIDE,
        cpu_s=made.cpu_s + outcome.cpu_s,
        wall_s=made.wall_s + outcome.wall_s,
        starved=outcome.starved,
    )


def not_compiled(made: Build, total: int, integrity: str) -> VerifyResult:
    """Return the result of a program that no compiler took."""
    return VerifyResult(
        False,
        0.0,
        made.message[:DETAIL_CHARS],
        kind=made.kind,
        tests_total=total,
        integrity=integrity,
        cpu_s=made.cpu_s,
        wall_s=made.wall_s,
        starved=made.starved,
    )


def too_long(characters: int) -> VerifyResult:
    """Return the result of a program that is longer than any that is read."""
    details = f"the program has {characters} characters, over {MAX_SOURCE}"
    return VerifyResult(False, 0.0, details, kind=VerdictKind.COMPILE, integrity=OUTSIDE)


def read_values(channel: bytes) -> tuple[list[bytes], bool]:
    """Read the values of checks 0, 1, ... from the private channel.

    Returns:
        The values, and whether anything was there that no driver writes.
    """
    values: list[bytes] = []
    position = 0
    for line in _LINE.finditer(channel):
        if line.start() != position or int(line.group(1)) != len(values):
            return values, True
        values.append(line.group(2))
        position = line.end()
    return values, b"\n" in channel[position:]


def matches(value: bytes, expected: bytes, check: Check) -> bool:
    """Return whether a value equals the expected one, or is close enough where the check says so."""
    if b"nan" in expected:
        return False  # it does not equal itself
    if check.tolerance is None:
        return value == expected
    try:
        return abs(_number(value) - _number(expected)) < check.tolerance
    except ValueError:
        return False


def _number(text: bytes) -> float:
    digits = text.decode("ascii", "replace").removeprefix("f")
    return float.fromhex(digits) if "0x" in digits else float(digits)


def run(tools: Tools, program: bytes) -> Outcome:
    """Run a binary that reports values.

    Raises:
        SandboxError: The sandbox failed.
    """
    return sandbox.run([f"./{PROGRAM}"], limits=tools.run_limits, files={PROGRAM: program})


def _compile(tools: Tools, units: object) -> Build:
    wanted = Wanted(units=units, reports=True, flags=tools.flags)  # type: ignore[arg-type]
    return build(tools.toolchain.command(wanted, tools.driver.language), tools.compile_limits)


def _kind(outcome: Outcome, right: list[bool], total: int, forged: bool) -> tuple[VerdictKind, str]:
    passed = sum(right)
    score = f"{passed}/{total} checks passed"
    if limit := broken_limit(outcome):
        return limit, f"broke its {outcome.killed_by} limit; {score}"
    if forged:
        return VerdictKind.VIOLATION, "wrote on the judge's channel"
    if not all(right):
        return VerdictKind.WRONG, f"{score}; check {right.index(False) + 1} got another value"
    if passed == total and outcome.clean:
        return VerdictKind.PASSED, score
    return crash_kind(outcome), f"{score}; then {end_of(outcome)}"


def crash_kind(outcome: Outcome) -> VerdictKind:
    """Return the kind of a program that ended by itself before it should."""
    text = (outcome.stderr[:4096] + outcome.stderr[-4096:]).decode("utf-8", "replace").lower()
    return VerdictKind.MEMORY if any(sign in text for sign in MEMORY_SIGNS) else VerdictKind.RUNTIME


def end_of(outcome: Outcome) -> str:
    """Say how a program ended."""
    end = f"it got signal {outcome.signal}" if outcome.signal else f"it ended with status {outcome.returncode}"
    error = outcome.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"{end}: {error[0][:200]}" if error else end


def broken_tests(task: Task) -> DataError:
    """Return the error of a task whose tests are no program."""
    return DataError(f"task {task.task_id!r}: its own tests do not compile or run")
