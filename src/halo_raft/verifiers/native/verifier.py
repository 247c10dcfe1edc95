"""What gcc, clang, mingw, rust and go share: compile, run, compare, and the reward for each.

Without tests, the reward climbs a ladder: 0.0 does not compile, 0.3 compiles with warnings, 0.5 clean,
0.7 runs without crashing, 1.0 prints what it should. With tests it is 1.0 when all pass, else partial
credit. A verdict is a success only at the top of what the task and the settings ask for.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import ClassVar

from halo_raft import sandbox
from halo_raft.extract import Source, extract, find, language_of
from halo_raft.records import Task, VerdictKind
from halo_raft.verifiers.base import OUTSIDE, Verifier, VerifierOptions, VerifyResult
from halo_raft.verifiers.native.build import PROGRAM, Build, broken_limit, build
from halo_raft.verifiers.native.cases import Case, CasesReport, cases_of, limits_of, run_cases
from halo_raft.verifiers.native.checks import function_of, split
from halo_raft.verifiers.native.driver import Driver
from halo_raft.verifiers.native.driver_cc import CDriver, CppDriver
from halo_raft.verifiers.native.driver_go import GoDriver
from halo_raft.verifiers.native.driver_rust import RustDriver
from halo_raft.verifiers.native.outside import (
    DETAIL_CHARS,
    Tools,
    crash_kind,
    end_of,
    expected_values,
    judge_values,
    not_compiled,
    too_long,
)
from halo_raft.verifiers.native.program import assemble, has_main, signature
from halo_raft.verifiers.native.running import Program, run_on
from halo_raft.verifiers.native.screen import reads_files
from halo_raft.verifiers.native.shared import judge_shared
from halo_raft.verifiers.native.source_text import MAX_SOURCE
from halo_raft.verifiers.native.toolchain_cc import ONLINE_JUDGE
from halo_raft.verifiers.native.toolchains import Toolchain, Wanted

DRIVERS: dict[str, Driver] = {d.language: d for d in (CDriver(), CppDriver(), RustDriver(), GoDriver())}
FILES = {"c": "solution.c", "cpp": "solution.cpp", "rust": "main.rs", "go": "solution.go"}
WITH_WARNINGS, CLEAN, RUNS, RIGHT = 0.3, 0.5, 0.7, 1.0


class NativeVerifier(Verifier):
    """Compiles a program and, as far as task and settings ask for it, runs and compares."""

    version: ClassVar[str] = "1"
    toolchain: ClassVar[Toolchain]
    can_run: ClassVar[bool] = True

    def configure(self, options: VerifierOptions) -> None:
        """Take the settings.

        Raises:
            ConfigError: A compiler flag could do more than choose how to compile.
        """
        self.toolchain.check_flags(options.flags, self.name)
        super().configure(options)

    def check(self) -> None:
        """Find out whether the compiler is there and works.

        Raises:
            ConfigError: It is missing, or cannot be used.
        """
        super().check()
        for language in self.languages:
            self.toolchain.command(Wanted(units={}, reports=self.can_run, flags=self.options.flags), language)

    def extract(self, completion: str, task: Task) -> str:
        """Return the program; where the task does not say its language, the fence does."""
        language = self._language(task)
        function = self.function(task, language)
        if task.language in self.languages or len(self.languages) == 1:
            return extract(completion, language, function)
        block = find(completion, language, function)
        return Source(block.code, block.tag if block.tag in self.languages else "")

    def verify(self, code: str, task: Task) -> VerifyResult:
        """Judge `code` by the task's tests, by its expected output, or by the compiler alone.

        Raises:
            ConfigError: The compiler is missing.
            DataError: The task's tests cannot be used.
            SandboxError: The sandbox failed.
        """
        if len(code) > MAX_SOURCE:
            return too_long(len(code))
        language = language_of(code, self._language(task))
        if reason := reads_files(code, language):
            return VerifyResult(False, 0.0, reason, kind=VerdictKind.VIOLATION, integrity=OUTSIDE)
        if task.tests and self.can_run:
            return self._by_tests(code, task, language)
        return self._by_ladder(code, task, language)

    def _language(self, task: Task) -> str:
        return task.language if task.language in self.languages else self.languages[0]

    @staticmethod
    def function(task: Task, language: str) -> str | None:
        """Return the function under test: what the tests call, or what the prompt opens."""
        if task.tests and (called := function_of(task.tests, language)):
            return called
        if task.entry_point:
            return task.entry_point
        head = signature(task.prompt, language) if task.tests else None
        return head.name if head else None

    def _by_tests(self, code: str, task: Task, language: str) -> VerifyResult:
        function = self.function(task, language)
        assert task.tests is not None
        program = assemble(task.prompt, code, language, function) if function else code
        tools = self._tools(language)
        suite = split(task.tests, language, function) if function else None
        values = expected_values(tools, task, suite) if suite else None
        if suite is None or values is None:
            return judge_shared(tools, program, task, function)
        return judge_values(tools, program, task, suite, values)

    def _tools(self, language: str) -> Tools:
        options = self.options
        limits = self.toolchain.run_limits(options.limits)
        return Tools(DRIVERS[language], self.toolchain, options.flags, options.compile_limits, limits)

    def _by_ladder(self, code: str, task: Task, language: str) -> VerifyResult:
        cases = cases_of(task, self.options) if self.can_run else ()
        runs = self.can_run and (self.options.run_after_compile or bool(cases))
        linked = has_main(code, language)
        made = self.compile(code, language, link=linked, contest=bool(cases))
        if made.program is None:
            return not_compiled(made, len(cases), OUTSIDE)
        compiled = WITH_WARNINGS if made.warnings else CLEAN
        said = f"compiles with {made.warnings} warnings: {made.message}" if made.warnings else "compiles clean"
        result = functools.partial(self._step, made)
        if not runs:
            note = "; not run: a Windows program" if self.options.run_after_compile or task.has_tests else ""
            return result(compiled, compiled == CLEAN, said + note)
        if not linked:
            return result(compiled, False, f"{said}, but has no main to run", kind=VerdictKind.WRONG)
        assert made.program is not None
        if cases:
            report = run_cases(self.runner(made.program, language, task), cases, task, self.options)
            success = report.kind is VerdictKind.PASSED
            reward = RIGHT if success else compiled if report.crashed else RUNS
            step = self._step(made, reward, success, report.details, report.kind, report)
            return dataclasses.replace(step, tests_passed=report.passed, tests_total=report.total)
        return self._run(made, compiled, said)

    def _run(self, made: Build, compiled: float, said: str) -> VerifyResult:
        """Run a compiled program that nobody compares anything with."""
        assert made.program is not None
        limits = self.toolchain.run_limits(self.options.limits)
        outcome = sandbox.run([f"./{PROGRAM}"], limits=limits, files={PROGRAM: made.program})
        if outcome.clean:
            return self._step(made, RUNS, True, f"{said}, runs", None, outcome)
        kind = broken_limit(outcome) or crash_kind(outcome)
        details = f"{said}; when run, {end_of(outcome)}"
        return self._step(made, compiled, False, details, kind, outcome)

    @staticmethod
    def _step(
        made: Build,
        reward: float,
        success: bool,
        details: str,
        kind: VerdictKind | None = None,
        ran: sandbox.Outcome | CasesReport | None = None,
    ) -> VerifyResult:
        return VerifyResult(
            success,
            reward,
            details[:DETAIL_CHARS],
            kind=kind,
            integrity=OUTSIDE,
            cpu_s=made.cpu_s + (ran.cpu_s if ran else 0.0),
            wall_s=made.wall_s + (ran.wall_s if ran else 0.0),
            starved=ran is not None and ran.starved,
        )

    def compile(self, code: str, language: str, *, link: bool, contest: bool = False) -> Build:
        """Compile a program as the settings say; `contest` is one that is run on cases."""
        if len(code) > MAX_SOURCE:
            return Build(program=None, kind=VerdictKind.COMPILE, message=too_long(len(code)).details)
        flags = (*self.options.flags, ONLINE_JUDGE) if contest and language in ("c", "cpp") else self.options.flags
        wanted = Wanted(
            units={FILES[language]: str(code)},
            link=link,
            warnings=True,
            warn_as_error=self.options.warn_as_error,
            flags=flags,
        )
        return build(self.toolchain.command(wanted, language), self.options.compile_limits)

    def runner(self, program: bytes, language: str, task: Task) -> Callable[[Case], sandbox.Outcome]:
        """Return what runs a binary on the cases of a task."""
        ready = Program(argv=(f"./{PROGRAM}",), files={PROGRAM: program}, stack_mb=self.options.stack_mb)

        def run(case: Case) -> sandbox.Outcome:
            limits = self.toolchain.run_limits(limits_of(task, case, self.options, language))
            return run_on(ready, case, task, limits)

        return run
