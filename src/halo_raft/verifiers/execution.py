"""Programs that read standard input and print, in any language: every case has to match."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from collections.abc import Callable
from typing import ClassVar

from halo_raft import sandbox
from halo_raft.errors import DataError
from halo_raft.extract import find
from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import Outcome
from halo_raft.verifiers.base import OUTSIDE, PARTIAL_CREDIT, Verifier, VerifierOptions, VerifyResult
from halo_raft.verifiers.gcc import GccVerifier
from halo_raft.verifiers.go import GoVerifier
from halo_raft.verifiers.native.cases import Case, CasesReport, cases_of, run_cases
from halo_raft.verifiers.native.language_mark import NATIVE, mark, unmark
from halo_raft.verifiers.native.outside import DETAIL_CHARS, not_compiled
from halo_raft.verifiers.native.screen import reads_files
from halo_raft.verifiers.native.verifier import NativeVerifier
from halo_raft.verifiers.rust import RustVerifier

COMPILERS: dict[str, type[NativeVerifier]] = {
    "c": GccVerifier,
    "cpp": GccVerifier,
    "rust": RustVerifier,
    "go": GoVerifier,
}
SOURCE = "solution.py"


class ExecutionVerifier(Verifier):
    """Compiles where the language asks for it, runs each case, and compares in this process."""

    version: ClassVar[str] = "1"

    def extract(self, completion: str, task: Task) -> str:
        """Return the program; where the task does not say its language, the fence does."""
        block = find(completion, task.language)
        if task.language != "python" or block.tag not in NATIVE:
            return block.code
        return mark(find(completion, block.tag).code, block.tag)

    def verify(self, code: str, task: Task) -> VerifyResult:
        """Judge `code` by what it prints.

        Raises:
            ConfigError: The compiler is missing, or does not take the flags.
            DataError: Nothing says what to print, or the language is not one of ours.
            SandboxError: The sandbox failed.
        """
        language, code = unmark(code, task.language)
        cases = cases_of(task, self.options)
        if not cases:
            raise DataError(f"task {task.task_id!r} has neither expected_output nor test_cases")
        if language == "python":
            return _result(run_cases(functools.partial(self._python, code), cases, self.options))
        if language not in COMPILERS:
            raise DataError(f"task {task.task_id!r}: no compiler for {language!r}; there are: {', '.join(COMPILERS)}")
        return self._compiled(code, language, cases)

    def _compiled(self, code: str, language: str, cases: tuple[Case, ...]) -> VerifyResult:
        if reason := reads_files(code, language):
            return VerifyResult(False, 0.0, reason, kind=VerdictKind.VIOLATION, integrity=OUTSIDE)
        compiler = _compiler(language, self.options)
        made = compiler.compile(code, language, link=True)
        if made.program is None:
            return not_compiled(made, len(cases), OUTSIDE)
        run: Callable[[bytes], Outcome] = functools.partial(compiler.run, made.program)
        result = _result(run_cases(run, cases, self.options))
        return dataclasses.replace(result, cpu_s=result.cpu_s + made.cpu_s, wall_s=result.wall_s + made.wall_s)

    def _python(self, code: str, stdin: bytes) -> Outcome:
        interpreter = os.path.realpath(sys.executable)
        return sandbox.run(
            [interpreter, "-I", "-S", "-B", SOURCE], limits=self.options.limits, stdin=stdin, files={SOURCE: code}
        )


@functools.lru_cache(maxsize=16)
def _compiler(language: str, options: VerifierOptions) -> NativeVerifier:
    compiler = COMPILERS[language]()
    compiler.configure(options)
    return compiler


def _result(report: CasesReport) -> VerifyResult:
    success = report.kind is VerdictKind.PASSED
    return VerifyResult(
        success,
        1.0 if success else PARTIAL_CREDIT * report.passed / report.total,
        report.details[:DETAIL_CHARS],
        kind=report.kind,
        tests_passed=report.passed,
        tests_total=report.total,
        integrity=OUTSIDE,
        cpu_s=report.cpu_s,
        wall_s=report.wall_s,
    )
