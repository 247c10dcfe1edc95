"""The worker's part in judging Python: it brings a candidate and a judge together, and watches both.

The judge stays up from program to program; where one hangs (a value can make a test compute for ever)
it is ended with the run and the next program gets a new one.
"""

from __future__ import annotations

import atexit
import dataclasses
import marshal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from halo_raft.sandbox import (
    POOL,
    Job,
    Limits,
    Outcome,
    Run,
    SandboxError,
    View,
    Zygote,
    ZygoteLostError,
    memory_file,
    probe,
    usage,
)

CANDIDATE = "halo_raft.verifiers.functions.candidate"
JUDGE = "halo_raft.verifiers.functions.judge"
JUDGE_LIMITS = Limits(cpu_s=10**8, wall_s=10**8, memory_mb=2048, open_files=64)
"""The judge outlives its programs; what one of them makes it use is counted as that program's."""
REPORT_BYTES = 1 << 17
GRACE_S, KILLED_GRACE_S = 2.0, 0.1
"""How long a judge may take to see that its candidate is gone: by itself, or past a limit."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the judge says of one program; see `judge.judge`.

    Attributes:
        state: `done`, `abort`, `syntax`, `load`, `exit`, `gone`, `violation`, or `hung` when the judge
            itself did not come to an end.
        passed: Numbers of the tests that reported success.
        failures: The first of (test number, group, text); -1 is no test.
    """

    state: str
    passed: frozenset[int]
    failures: tuple[tuple[int, str, str], ...]


class Judge:
    """A running judge process in a box."""

    def __init__(self, zygote: Zygote) -> None:
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._run = Run(zygote, Job(harness=JUDGE, limits=JUDGE_LIMITS), theirs.fileno())

    def close(self) -> None:
        """End the process."""
        self.socket.close()
        with suppress(SandboxError):
            self._run.__exit__()

    @property
    def cpu_s(self) -> float:
        """CPU seconds used so far."""
        self._run.poll()
        return usage.cpu_s(self._run.pid) if self._run.pid else 0.0

    def begin(self, job: dict[str, Any], candidate: int) -> None:
        """Give it a program to judge, at the other end of the socket `candidate`.

        Raises:
            ZygoteLostError: It is gone.
        """
        with ExitStack() as stack:
            spec = memory_file(marshal.dumps(job), stack)
            try:
                socket.send_fds(self.socket, [b"job"], [spec, candidate])
            except OSError as error:
                raise ZygoteLostError(f"the judge is gone: {error}") from error

    def _last_words(self) -> str:
        with suppress(SandboxError):
            self._run.end()
        return bytes(self._run.data["stderr"]).decode("utf-8", "replace").strip()[-300:]

    def report(self, timeout_s: float | None) -> Report | None:
        """Return the report; None when it does not come in time.

        Raises:
            ZygoteLostError: The judge died.
        """
        self.socket.settimeout(timeout_s)
        try:
            message = self.socket.recv(REPORT_BYTES)
        except TimeoutError:
            return None
        except OSError:
            message = b""
        if not message:
            raise ZygoteLostError(f"the judge died: {self._last_words()}")
        facts = marshal.loads(message)
        return Report(
            state=facts["state"], passed=frozenset(facts["passed"]), failures=tuple(map(tuple, facts["failures"]))
        )


class _Judges:
    """The judges of this worker, by tier and packages; one for each thread that asks at once."""

    def __init__(self) -> None:
        self._idle: dict[View, list[tuple[Judge, ExitStack]]] = {}
        self._lock = threading.Lock()
        atexit.register(self.close)

    @contextmanager
    def lend(self, view: View) -> Iterator[Judge]:
        """Lend a judge; one under which anything failed is ended."""
        with self._lock:
            idle = self._idle.setdefault(view, [])
            judge, stack = idle.pop() if idle else (None, ExitStack())
        if judge is None:
            zygote = stack.enter_context(POOL.zygote(view))
            judge = Judge(zygote)
            stack.callback(judge.close)
        try:
            yield judge
        except BaseException as error:
            if not stack.__exit__(type(error), error, error.__traceback__):  # its zygote is not used again either
                raise
        with self._lock:
            self._idle[view].append((judge, stack))

    def close(self) -> None:
        """End all idle judges."""
        with self._lock:
            stacks = [stack for idle in self._idle.values() for _, stack in idle]
            self._idle.clear()
        for stack in stacks:
            stack.close()


JUDGES = _Judges()
"""This process's judges; none is started before the first program."""


class _Hung(Exception):
    """Carries a result out of the context of a judge that must be ended."""

    def __init__(self, result: tuple[Outcome, Report]) -> None:
        super().__init__("the judge hung")
        self.result = result


def judge(
    payload: dict[str, Any], job: dict[str, Any], limits: Limits, packages: tuple[str, ...]
) -> tuple[Outcome, Report]:
    """Load a program in a box of its own and have the judge test it.

    Args:
        payload: For `candidate.main`.
        job: For `judge.judge`.
        limits: For the candidate; the judge's CPU time on its behalf counts as its own.
        packages: Python packages that both may import.

    Raises:
        SandboxError: The sandbox failed, twice.
    """
    for attempt in (1, 2):
        try:
            return _judge_once(payload, job, limits, packages)
        except _Hung as hung:
            return hung.result
        except ZygoteLostError:
            if attempt == 2:
                raise
    raise AssertionError


def _judge_once(
    payload: dict[str, Any], job: dict[str, Any], limits: Limits, packages: tuple[str, ...]
) -> tuple[Outcome, Report]:
    tier = probe().name
    judging, running = (
        View(tier, packages=packages, harnesses=(JUDGE,)),
        View(tier, packages=packages, harnesses=(CANDIDATE,)),
    )
    with JUDGES.lend(judging) as judge:
        with POOL.zygote(running) as zygote:
            outcome, report = _bring_together(judge, zygote, payload, job, limits)
        if report is None:
            raise _Hung((outcome, Report(state="hung", passed=frozenset(), failures=())))
    return outcome, report


def _bring_together(
    judge: Judge, zygote: Zygote, payload: dict[str, Any], job: dict[str, Any], limits: Limits
) -> tuple[Outcome, Report | None]:
    before = judge.cpu_s
    ours, theirs = socket.socketpair()
    with ours, theirs, Run(zygote, Job(harness=CANDIDATE, payload=payload, limits=limits), theirs.fileno()) as run:
        theirs.close()
        judge.begin(job, ours.fileno())
        ours.close()
        done = run.wait(until=judge.socket.fileno(), others_cpu_s=lambda: judge.cpu_s - before)
        report = judge.report(None if done else KILLED_GRACE_S if run.killed_by else GRACE_S)
        if done:
            run.end()
        outcome = run.outcome()
    return dataclasses.replace(outcome, cpu_s=outcome.cpu_s + judge.cpu_s - before), report
