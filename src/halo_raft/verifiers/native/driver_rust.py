"""Rust programs that report values."""

from __future__ import annotations

import re

from halo_raft.verifiers.native.checks import Suite
from halo_raft.verifiers.native.driver import Driver, Units
from halo_raft.verifiers.native.program import Signature
from halo_raft.verifiers.native.report_rust import RUST_MODULE
from halo_raft.verifiers.native.source_text import masked


class RustDriver(Driver):
    """Rust; the module of `report_rust` becomes part of the crate."""

    language = "rust"

    def candidate(self, program: str, suite: Suite, head: Signature | None, tests: str) -> Units:
        """Return the program with a `main` that reports the calls."""
        alias = f"let {suite.alias} = {suite.function};\n" if suite.alias != suite.function else ""
        calls = "\n".join(f"halo_raft::report({index}, {check.call});" for index, check in enumerate(suite.checks))
        return {"main.rs": f"{without_main(program)}\n{RUST_MODULE}\nfn main() {{\n{alias}{calls}\n}}\n"}

    def expected(self, before: str, suite: Suite, head: Signature | None) -> Units:
        """Return a program that reports the expected values, each of the function's type."""
        returns = re.sub(r"'[a-z_]+ ", "", head.returns) if head else ""
        kind = f": {returns}" if returns else ""
        values = "\n".join(
            f"{{ let it{kind} = {check.expected}; halo_raft::report({index}, it); }}"
            for index, check in enumerate(suite.checks)
        )
        return {"main.rs": f"{before}\n{RUST_MODULE}\nfn main() {{\n{values}\n}}\n"}


def without_main(program: str) -> str:
    """Return the program with its own `main` under another name."""
    found = re.search(r"\bfn\s+(main)\s*\(", masked(program, "rust"))
    return f"{program[: found.start(1)]}halo_raft_candidate_main{program[found.end(1) :]}" if found else program
