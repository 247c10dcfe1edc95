"""C and C++ programs that report values."""

from __future__ import annotations

from collections.abc import Iterator

from halo_raft.verifiers.native.checks import Suite
from halo_raft.verifiers.native.driver import Driver, Units
from halo_raft.verifiers.native.program import Signature

RENAMED_MAIN = "#define main halo_raft_candidate_main\n{program}\n#undef main\n"
"""A completion often brings a `main` of its own."""


class CppDriver(Driver):
    """C++; the header of `report_cc` comes precompiled with the compiler's command."""

    language = "cpp"

    def candidate(self, program: str, suite: Suite, head: Signature | None, tests: str) -> Units:
        """Return the program with a `main` that reports the calls."""
        alias = f"auto {suite.alias} = {suite.function};" if suite.alias != suite.function else ""
        calls = (check.call for check in suite.checks)
        return {"solution.cpp": RENAMED_MAIN.format(program=program) + _main(_reports(calls, head), alias)}

    def expected(self, before: str, suite: Suite, head: Signature | None) -> Units:
        """Return a program that reports the expected values."""
        values = (f"({check.expected})" for check in suite.checks)
        return {"expected.cpp": before + "\n" + _main(_reports(values, head))}


class CDriver(Driver):
    """C; the header of `report_cc` is included by the compiler's command."""

    language = "c"

    def candidate(self, program: str, suite: Suite, head: Signature | None, tests: str) -> Units:
        """Return the program with a `main` that reports the calls."""
        calls = (f"HALO_RAFT_REPORT({index}, {check.call});" for index, check in enumerate(suite.checks))
        return {"solution.c": RENAMED_MAIN.format(program=program) + _main(calls)}

    def expected(self, before: str, suite: Suite, head: Signature | None) -> Units:
        """Return a program that reports the expected values."""
        values = (f"HALO_RAFT_REPORT({index}, ({check.expected}));" for index, check in enumerate(suite.checks))
        return {"expected.c": before + "\n" + _main(values)}


def _reports(values: Iterator[str], head: Signature | None) -> Iterator[str]:
    returns = f"<{head.returns}>" if head else ""
    return (f"halo_raft::halo_raft_report{returns}({index}, {value});" for index, value in enumerate(values))


def _main(statements: Iterator[str], first: str = "") -> str:
    # `signed`: competitive programs define `int` away
    return "\n".join(['#line 1 "checks"', "signed main(void) {", first, *statements, "return 0;", "}", ""])
