"""Go programs that report values: as text in `%v`, which is how MultiPL-E's tests compare."""

from __future__ import annotations

import re
from collections.abc import Iterable

from halo_raft.verifiers.native.checks import Suite
from halo_raft.verifiers.native.driver import Driver, Units
from halo_raft.verifiers.native.program import Signature
from halo_raft.verifiers.native.source_text import masked, uncommented

USES = {"fmt": "fmt.Sprint", "testing": "testing.Short"}
"""Packages that MultiPL-E's prompts import for the tests' sake, and something in each to use."""
MAIN = """package main

import (
	halo_raft_fmt "fmt"
	halo_raft_syscall "syscall"
)

func halo_raft_report(index int, it interface{}) {
	line := halo_raft_fmt.Sprintf("%%d s%%x\\n", index, halo_raft_fmt.Sprintf("%%v", it))
	for len(line) > 0 {
		sent, err := halo_raft_syscall.Write(3, []byte(line))
		if err != nil {
			halo_raft_syscall.Exit(3)
		}
		line = line[sent:]
	}
}

func main() {
%s
}
"""


class GoDriver(Driver):
    """Go; the driver is a file of its own in the candidate's package."""

    language = "go"

    def candidate(self, program: str, suite: Suite, head: Signature | None, tests: str) -> Units:
        """Return the program and a `main` that reports the calls."""
        alias = [f"{suite.alias} := {suite.function}"] if suite.alias != suite.function else []
        calls = _reports(check.call for check in suite.checks)
        return {"solution.go": as_main_package(program, tests), "main.go": MAIN % "\n".join([*alias, *calls])}

    def expected(self, before: str, suite: Suite, head: Signature | None) -> Units:
        """Return a program that reports the expected values."""
        return {"main.go": MAIN % "\n".join(_reports(check.expected for check in suite.checks))}


def _reports(values: Iterable[str]) -> list[str]:
    return [f"halo_raft_report({index}, {value})" for index, value in enumerate(values)]


def as_main_package(program: str, tests: str) -> str:
    """Return the program in package `main`, without its own `main`; imports that the tests use count as used."""
    text = masked(program, "go")
    spans = [(match, "main") for match in re.finditer(r"^\s*package\s+(\w+)", text)]
    spans += [(match, "halo_raft_candidate_main") for match in re.finditer(r"^func\s+(main)\s*\(", text, re.MULTILINE)]
    parts, end = [], 0
    for match, name in sorted(spans, key=lambda span: span[0].start(1)):
        parts += [program[end : match.start(1)], name]
        end = match.end(1)
    program = "".join([*parts, program[end:]])
    head = uncommented(program, "go").partition("\nfunc ")[0]
    used = [
        name
        for name in USES
        if re.search(rf"\b{name}\.", tests) and re.search(rf'^[^\w\n]*(?:import[^\w\n]*)?"{name}"', head, re.M)
    ]
    return program + "".join(f"\nvar _ = {USES[name]}\n" for name in used)
