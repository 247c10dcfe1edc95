"""What a verifier is, what it returns, and how its answer becomes a verdict.

A user's own verifier is a subclass of `Verifier` with one method, `verify(self, code)` or
`verify(self, code, task)`. Everything else here has a default.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import inspect
import logging
import math
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Self

from halo_raft.errors import ConfigError, DataError
from halo_raft.extract import extract
from halo_raft.records import Task, Verdict, VerdictKind, stable_hash
from halo_raft.sandbox import Limits, probe

if TYPE_CHECKING:
    from halo_raft.config.judging import SandboxConfig, VerifierConfig

logger = logging.getLogger(__name__)

OUTSIDE, IN_PROCESS, USER = "outside", "in_process", "user"
"""Values of `integrity`: where the judge stood when it judged."""
BUSY = "; the machine was too busy to run it"
"""Said of a program that may have run out of wall time for no fault of its own."""
PARTIAL_CREDIT = 0.4
"""Reward for all tests but none failing to pass: below the threshold 0.5, which means `passed`."""


@dataclasses.dataclass(frozen=True, slots=True)
class VerifyResult:
    """What a verifier thinks of one program.

    Attributes:
        success: True only at the verifier's own top.
        reward: In [0, 1].
        details: One short human-readable line.
        kind: Why; `passed` or `wrong` by `success` when not given.
        tests_passed: Tests that passed, of `tests_total`.
        integrity: `outside`, `in_process` or `user`.
        cpu_s: CPU seconds.
        wall_s: Wall-clock seconds; the time that `verify` took when 0.
        starved: Whether it ran out of wall time and the machine, not the program, may be to blame.
    """

    success: bool
    reward: float
    details: str = ""
    kind: VerdictKind | None = None
    tests_passed: int = 0
    tests_total: int = 0
    integrity: str = USER
    cpu_s: float = 0.0
    wall_s: float = 0.0
    starved: bool = False

    def __post_init__(self) -> None:
        """Refuse what no ranking could use: a reward outside [0, 1], a kind that contradicts `success`."""
        reward = float(self.reward)
        if not (math.isfinite(reward) and 0 <= reward <= 1):
            raise ValueError(f"reward must be in [0, 1], not {self.reward!r}")
        success = bool(self.success)
        kind = VerdictKind(self.kind or (VerdictKind.PASSED if success else VerdictKind.WRONG))
        if success != (kind is VerdictKind.PASSED):
            raise ValueError(f"success={success} contradicts kind={kind.value}")
        object.__setattr__(self, "reward", reward)
        object.__setattr__(self, "success", success)
        object.__setattr__(self, "kind", kind)


@dataclasses.dataclass(frozen=True, slots=True)
class Mode:
    """Where a task's tests stand.

    Attributes:
        name: `outside`, `in_process`, or `none` for a task that neither can judge.
        reason: Why, in a few words.
    """

    name: str
    reason: str


COMPILE_LIMITS = Limits(cpu_s=20, wall_s=60, memory_mb=2048, open_files=256, file_mb=128)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VerifierOptions:
    """Settings that every verifier gets.

    Attributes:
        limits: Limits for running a candidate.
        compile_limits: Limits for a compiler.
        run_after_compile: Compile verifiers also run the program.
        warn_as_error: A compiler's warnings are errors.
        flags: More flags for the compiler.
        expected_output: What programs must print whose task does not say it.
        comparison: How output is compared: `exact`, `token` or `numeric`.
        tolerance: How far numbers may be off with `numeric`, absolute or relative.
        packages: Installed Python packages that programs and tests may import.
        stack_mb: Stack of programs that print, MiB; None is as much as their memory.
        limit_factor: What a task's own limits are multiplied by; None leaves it to the language.
    """

    limits: Limits = dataclasses.field(default_factory=Limits)
    compile_limits: Limits = COMPILE_LIMITS
    run_after_compile: bool = False
    warn_as_error: bool = False
    flags: tuple[str, ...] = ()
    expected_output: str | None = None
    comparison: str = "exact"
    tolerance: float = 1e-6
    packages: tuple[str, ...] = ("numpy",)
    stack_mb: int | None = None
    limit_factor: float | None = None

    @classmethod
    def from_config(cls, config: VerifierConfig, sandbox: SandboxConfig) -> Self:
        """Return the options that the sections `verifier:` and `sandbox:` ask for."""
        limits = Limits.from_config(sandbox)
        if config.run_timeout is not None:
            limits = dataclasses.replace(limits, cpu_s=config.run_timeout, wall_s=3 * config.run_timeout)
        if config.memory_limit_mb is not None:
            limits = dataclasses.replace(limits, memory_mb=config.memory_limit_mb)
        compiling = ("run_after_compile", "warn_as_error", "flags")
        names = (*compiling, "expected_output", "comparison", "tolerance", "stack_mb", "limit_factor")
        return cls(limits=limits, packages=sandbox.packages, **{name: getattr(config, name) for name in names})


class Verifier(abc.ABC):
    """Judges programs.

    Attributes:
        version: Changes whenever a verdict could; a hash of the class's source when left empty.
        languages: Languages it judges, the usual one first; empty takes each task's own.
        tools: Programs it needs -> the package that brings them.
        needs_tests: Whether it can judge only tasks that bring tests.
        options: Settings in force; see `configure`.
    """

    version: ClassVar[str] = ""
    languages: ClassVar[tuple[str, ...]] = ()
    tools: ClassVar[Mapping[str, str]] = {}
    needs_tests: ClassVar[bool] = False
    options: VerifierOptions = VerifierOptions()

    verify: Callable[..., VerifyResult]
    """`verify(code)` or `verify(code, task)`: what a subclass defines."""

    def configure(self, options: VerifierOptions) -> None:
        """Take the settings. Called once, before anything is judged."""
        self.options = options

    def check(self) -> None:
        """Find out before a run whether everything needed is there.

        Raises:
            ConfigError: A program is missing, or `verify` has a signature that cannot be called.
        """
        for program, package in self.tools.items():
            if shutil.which(program) is None:
                raise ConfigError(f"verifier {self.name!r} needs `{program}`: install {package}")
        _ = self._takes_task

    def check_for(self, tasks: Iterable[Task]) -> None:
        """Find out before a run whether everything is there to judge answers to these tasks.

        Raises:
            ConfigError: As `check`.
            DataError: No answer to one of them can be judged.
        """
        self.check()
        for task in tasks:
            if reason := self.refusal(task):
                raise DataError(f"task {task.task_id} {reason}")

    def refusal(self, task: Task) -> str | None:
        """Return why no answer to a task can be judged, as the end of a sentence; None if one can."""
        if task.our_limit:
            return f"cannot be judged here: {task.our_limit}"
        testless = self.needs_tests and not task.has_tests
        return self.lacking(task) or (f"has no tests, which the verifier {self.name} needs" if testless else None)

    def lacking(self, task: Task) -> str | None:
        """Return which package a task needs that cannot be had here, as the end of a sentence; None if none is."""
        return None

    def mode_of(self, task: Task) -> Mode | None:
        """Return where the tests of a task stand, and why; None where a verifier has one way alone."""
        return None

    @property
    def name(self) -> str:
        """The name that selects this verifier: a built-in's module, or `my_module:MyVerifier`."""
        package, _, module = type(self).__module__.rpartition(".")
        return module if package == __package__ else f"{type(self).__module__}:{type(self).__qualname__}"

    @property
    def identity(self) -> str:
        """The version that verdicts carry."""
        if self.version:
            return self.version
        try:
            return stable_hash(inspect.getsource(type(self)))[:8]
        except (OSError, TypeError):
            return "unknown"

    def extract(self, completion: str, task: Task) -> str:
        """Return the program in `completion`."""
        language = task.language if not self.languages or task.language in self.languages else self.languages[0]
        return extract(completion, language, task.entry_point)

    def judge(self, sample_id: str, completion: str, task: Task) -> Verdict:
        """Extract the code, verify it, and return the verdict. Never raises but for an interrupt.

        Whatever goes wrong in a verifier, ours or the user's, is our failure and not the sample's: the
        verdict is of kind `infra`, without a reward, and the traceback is logged.
        """
        started = time.perf_counter()
        try:
            code = self.extract(completion, task)
            result = self.verify(code, task) if self._takes_task else self.verify(code)
            if not isinstance(result, VerifyResult):
                raise TypeError(f"verify returned {type(result).__name__}, not VerifyResult")
        except (Exception, SystemExit) as error:
            logger.exception("verifier %s failed on sample %s of task %s", self.name, sample_id, task.task_id)
            return self._infra(sample_id, task, error, time.perf_counter() - started)
        return self._verdict(sample_id, task, result, time.perf_counter() - started)

    def _verdict(self, sample_id: str, task: Task, result: VerifyResult, seconds: float) -> Verdict:
        infra = result.kind is VerdictKind.INFRA
        return Verdict(
            sample_id=sample_id,
            task_id=task.task_id,
            kind=result.kind or VerdictKind.WRONG,
            success=result.success,
            reward=None if infra else result.reward,
            tests_passed=result.tests_passed,
            tests_total=result.tests_total,
            details=_one_line(result.details) + (BUSY if result.starved else ""),
            integrity=result.integrity,
            tier=_tier(result.integrity),
            cpu_s=result.cpu_s,
            wall_s=result.wall_s or seconds,
            starved=result.starved,
            verifier=self.name,
            verifier_version=self.identity,
        )

    def _infra(self, sample_id: str, task: Task, error: BaseException, seconds: float) -> Verdict:
        try:
            message = str(error)
        except Exception:
            message = "(its message cannot be shown)"
        result = VerifyResult(False, 0.0, f"{type(error).__name__}: {message}", kind=VerdictKind.INFRA)
        return self._verdict(sample_id, task, result, seconds)

    @functools.cached_property
    def _takes_task(self) -> bool:
        """Return whether `verify` wants the task as its second argument.

        Raises:
            ConfigError: It wants something else.
        """
        verify = getattr(self, "verify", None)
        if not callable(verify):
            raise ConfigError(f"verifier {self.name!r} defines no verify(self, code)")
        signature = inspect.signature(verify)
        parameters = signature.parameters.values()
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        required = [p for p in positional if p.default is p.empty]
        keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
        variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        if len(required) > 2 or keywords or not (positional or variadic):
            raise ConfigError(
                f"verifier {self.name!r}: verify takes (code) or (code, task), not ({', '.join(map(str, parameters))})"
            )
        return len(required) == 2 or variadic or (len(positional) > 1 and positional[1].name == "task")


def _one_line(text: object) -> str:
    """Return text without line ends and control characters: it may be a program's own."""
    line = str(text)
    return " ".join((line if line.isprintable() else "".join(c if c.isprintable() else " " for c in line)).split())


def _tier(integrity: str) -> str:
    """Return the tier that judged: a user's verifier need not use the sandbox at all."""
    try:
        return "none" if integrity == USER else probe().name
    except RuntimeError:
        return "unknown"
