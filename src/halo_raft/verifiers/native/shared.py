"""Judging a C or C++ program by tests that cannot be split into checks: they share its process.

The tests are another translation unit with their own `assert`, in which every check reports; one that
was never reached fails. The unit knows the candidate by the head of the prompt's function alone, so it
is compiled once for all programs of a task.
"""

from __future__ import annotations

import re
import secrets

from halo_raft import sandbox
from halo_raft.errors import DataError
from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import Outcome
from halo_raft.verifiers.base import IN_PROCESS, PARTIAL_CREDIT, VerifyResult
from halo_raft.verifiers.native.build import PROGRAM, Command, broken_limit, build
from halo_raft.verifiers.native.checks import without_brace
from halo_raft.verifiers.native.outside import DETAIL_CHARS, Tools, broken_tests, crash_kind, end_of, not_compiled
from halo_raft.verifiers.native.program import preamble, signature
from halo_raft.verifiers.native.report_shared import SHARED_HEADER, SHARED_MAIN
from halo_raft.verifiers.native.source_text import closing, masked
from halo_raft.verifiers.native.toolchains import Wanted

_LINE = re.compile(r"([0-9a-f]{32}) (ok|bad|done) (\d{6})")


def judge_shared(tools: Tools, program: str, task: Task, function: str | None) -> VerifyResult:
    """Judge a program in one process with its tests.

    Raises:
        DataError: The tests cannot be used.
        SandboxError: The sandbox failed.
    """
    language = tools.driver.language
    head = signature(task.prompt, language, function) if function else None
    if language not in ("c", "cpp") or head is None or not task.tests:
        raise DataError(
            f"task {task.task_id!r}: its tests are neither a list of checks nor, in C or C++, "
            f"a `main` with asserts about the function that the prompt opens"
        )
    prototype = f"{head.returns} {head.name}({head.parameters});\n"
    before = preamble(task.prompt, language, head.name)
    tests = f"{before}\n{prototype}{SHARED_HEADER}{_returning(without_brace(task.tests), language)}{SHARED_MAIN}"
    compiled = _compiled_tests(tools, tests)
    if compiled is None:
        raise broken_tests(task)
    solution = f"#define main halo_raft_candidate_main\n{program}\n#undef main\n{prototype}"
    made = build(_command(tools, compiled, solution), tools.compile_limits)
    if made.program is None:
        return not_compiled(made, 0, IN_PROCESS)
    secret = secrets.token_hex(16)
    outcome = sandbox.run(
        [f"./{PROGRAM}"], limits=tools.run_limits, stdin=secret.encode(), files={PROGRAM: made.program}
    )
    return _result(outcome, secret)


def _returning(tests: str, language: str) -> str:
    """End the tests' `main` with a return: under another name it does not return 0 by itself."""
    text = masked(tests, language)
    main = re.search(r"\bmain\s*\([^)]*\)\s*\{", text)
    end = closing(text, main.end() - 1) if main else None
    return tests if end is None else f"{tests[:end]}\nreturn 0;\n{tests[end:]}"


def _compiled_tests(tools: Tools, tests: str) -> bytes | None:
    """Return the object of the tests, which all programs of a task share; None if they do not compile."""
    units = {f"tests.{tools.driver.language}": tests}
    wanted = Wanted(units=units, link=False, reports=True, flags=tools.flags)
    return build(tools.toolchain.command(wanted, tools.driver.language), tools.compile_limits).program


def _command(tools: Tools, tests: bytes, solution: str) -> Command:
    language = tools.driver.language
    wanted = Wanted(
        units={f"solution.{language}": solution},
        objects={"tests.o": tests},  # linked in front: what is ours starts first
        reports=True,
        flags=tools.flags,
    )
    return tools.toolchain.command(wanted, language)


def _result(outcome: Outcome, secret: str) -> VerifyResult:
    lines = [_LINE.fullmatch(line) for line in outcome.result.decode("utf-8", "replace").split("\n")[:-1]]
    events = [(line[2], int(line[3])) for line in lines if line and secrets.compare_digest(line[1], secret)]
    forged = len(events) != len(lines) or any(word == "done" for word, _ in events[:-1])
    bad = {number for word, number in events if word == "bad"}
    right = {number for word, number in events if word == "ok"} - bad
    total = events[-1][1] if events and events[-1][0] == "done" else None
    kind, details = _kind(outcome, forged, total, len(right), bad)
    success = kind is VerdictKind.PASSED
    known = total or max([*right, *bad], default=-1) + 1
    # where the tests did not come to their end, nobody knows how many there are: no credit for the first few
    partial = PARTIAL_CREDIT * len(right) / total if total and not forged else 0.0
    return VerifyResult(
        success,
        1.0 if success else partial,
        details[:DETAIL_CHARS],
        kind=kind,
        tests_passed=len(right),
        tests_total=known,
        integrity=IN_PROCESS,
        cpu_s=outcome.cpu_s,
        wall_s=outcome.wall_s,
        starved=outcome.starved,
    )


def _kind(outcome: Outcome, forged: bool, total: int | None, right: int, bad: set[int]) -> tuple[VerdictKind, str]:
    if limit := broken_limit(outcome):
        return limit, f"broke its {outcome.killed_by} limit"
    if forged:
        return VerdictKind.VIOLATION, "wrote on the judge's channel"
    if bad:
        return VerdictKind.WRONG, f"{right} checks passed; check {min(bad) + 1} did not"
    if total is None or not outcome.clean:
        return crash_kind(outcome), f"before the tests were done, {end_of(outcome)}"
    if right != total or not total:
        return VerdictKind.WRONG, f"{right}/{total} checks passed; the others were not reached"
    return VerdictKind.PASSED, f"{right}/{total} checks passed"
