"""Programs that read their input and print, in any language: every case has to be right."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from typing import ClassVar

from halo_raft.errors import DataError
from halo_raft.extract import NATIVE, Source, find, language_of
from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import Outcome
from halo_raft.verifiers.base import OUTSIDE, PARTIAL_CREDIT, Verifier, VerifierOptions, VerifyResult
from halo_raft.verifiers.gcc import GccVerifier
from halo_raft.verifiers.go import GoVerifier
from halo_raft.verifiers.native.cases import Case, CasesReport, cases_of, limits_of, run_cases
from halo_raft.verifiers.native.outside import DETAIL_CHARS, not_compiled
from halo_raft.verifiers.native.running import python_program, run_on
from halo_raft.verifiers.native.screen import reads_files
from halo_raft.verifiers.native.special_judge import refusal as refusal_of_checker
from halo_raft.verifiers.native.toolchains import offered
from halo_raft.verifiers.native.verifier import NativeVerifier
from halo_raft.verifiers.python_suites.packages import with_requirements
from halo_raft.verifiers.rust import RustVerifier

COMPILERS: dict[str, type[NativeVerifier]] = {
    "c": GccVerifier,
    "cpp": GccVerifier,
    "rust": RustVerifier,
    "go": GoVerifier,
}


class ExecutionVerifier(Verifier):
    """Compiles where the language asks for it, runs each case, and judges its output outside of the program."""

    version: ClassVar[str] = "2"

    def extract(self, completion: str, task: Task) -> str:
        """Return the program; where the task does not say its language, the fence does."""
        block = find(completion, task.language)
        if task.language != "python" or block.tag not in NATIVE or not offered(block.tag):
            return block.code
        return Source(find(completion, block.tag).code, block.tag)

    def check_for(self, tasks: Iterable[Task]) -> None:
        """Find out before a run whether the compilers of the tasks' languages are here; of fences nobody knows."""
        listed = list(tasks)
        super().check_for(listed)
        for language in sorted({task.language for task in listed} & COMPILERS.keys()):
            _compiler(language, self.options).check()

    def refusal(self, task: Task) -> str | None:
        """Return why no answer to a task can be judged: nothing says what to print, or in which language."""
        if reason := super().refusal(task):
            return reason
        if task.checker and (reason := refusal_of_checker(task.checker)):
            return f"cannot be judged: its checker {reason}"
        if not task.prints and self.options.expected_output is None:
            return "has neither expected_output nor test_cases"
        if task.language != "python" and task.language not in COMPILERS:
            return f"is in {task.language!r}: there are compilers for {', '.join(COMPILERS)}"
        return None

    def verify(self, code: str, task: Task) -> VerifyResult:
        """Judge `code` by what it prints.

        Raises:
            ConfigError: The compiler is missing, or does not take the flags.
            DataError: Nothing says what to print, or the language is not one of ours.
            SandboxError: The sandbox failed.
        """
        language = language_of(code, task.language)
        cases = cases_of(task, self.options)
        if not cases:
            raise DataError(f"task {task.task_id!r} has neither expected_output nor test_cases")
        if language == "python":
            return self._python(str(code), task, cases)
        if language not in COMPILERS:
            raise DataError(f"task {task.task_id!r}: no compiler for {language!r}; there are: {', '.join(COMPILERS)}")
        return self._compiled(str(code), language, task, cases)

    def _compiled(self, code: str, language: str, task: Task, cases: tuple[Case, ...]) -> VerifyResult:
        if reason := reads_files(code, language):
            return VerifyResult(False, 0.0, reason, kind=VerdictKind.VIOLATION, integrity=OUTSIDE)
        compiler = _compiler(language, self.options)
        made = compiler.compile(code, language, link=True, contest=True)
        if made.program is None:
            return not_compiled(made, len(cases), OUTSIDE)
        run = compiler.runner(made.program, language, task)
        result = _result(run_cases(run, cases, task, self.options))
        return dataclasses.replace(result, cpu_s=result.cpu_s + made.cpu_s, wall_s=result.wall_s + made.wall_s)

    def _python(self, code: str, task: Task, cases: tuple[Case, ...]) -> VerifyResult:
        program = python_program(code, with_requirements(self.options.packages), self.options.stack_mb)

        def run(case: Case) -> Outcome:
            return run_on(program, case, task, limits_of(task, case, self.options, "python"))

        return _result(run_cases(run, cases, task, self.options))


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
        starved=report.starved,
    )
