"""The worker's part in judging Python: it brings a candidate and a judge together, and watches both.

Both are forked for one program and gone with its verdict: the candidate from a zygote, the judge from a process
that stays up in a box of its own. What the judge uses counts as the program's: its values make tests compute.
Plain tests need no fork; see `judge`.
"""

from __future__ import annotations

import atexit
import dataclasses
import marshal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from math import inf
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
JUDGE_MB = 256
"""Address space that a judge gets at least, MiB: tests have to load what they import."""
UNSEEN_S = 0.5
"""For so long the CPU time of a judge is not looked at."""
REPORT_BYTES = 1 << 17
GONE_S = 60.0
"""For so long it is waited for what has become of a judge that ended."""
GRACE_S, KILLED_GRACE_S = 2.0, 0.1
"""How long a judge may take to see that its candidate is gone: by itself, or past a limit."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the judge says of one program; see `judge.judge`.

    Attributes:
        state: `done`, `abort`, `syntax`, `load`, `exit`, `gone`, `violation`, `not_plain` when it takes a judge
            of its own, or `hung` when the judge itself did not come to an end.
        passed: Numbers of the tests that reported success.
        failures: The first of (test number, group, text); -1 is no test.
        border: Whether a test asked for what only the program's own process could say.
        handed: Whether a test handed the program an object that cannot cross.
    """

    state: str
    passed: frozenset[int]
    failures: tuple[tuple[int, str, str], ...]
    border: bool = False
    handed: bool = False


HUNG = Report(state="hung", passed=frozenset(), failures=())


def judge(
    payload: dict[str, Any], job: dict[str, Any], limits: Limits, packages: tuple[str, ...], plain: bool = False
) -> tuple[Outcome, Report]:
    """Load a program in a box of its own and have a judge test it from another.

    Args:
        payload: For `candidate.main`.
        job: For `judge.judge`.
        limits: For the candidate; what the judge uses on its behalf counts as its own.
        packages: Python packages that both may import.
        plain: Whether the tests are; see `plain.is_plain`.

    Raises:
        SandboxError: The sandbox failed, twice.
    """
    if plain:
        with suppress(ZygoteLostError):
            outcome, report = _judge_once(payload, job, limits, packages, plain=True)
            if report.state != "not_plain":
                return outcome, report
    with suppress(ZygoteLostError):
        return _judge_once(payload, job, limits, packages)
    return _judge_once(payload, job, limits, packages)


def _judge_once(
    payload: dict[str, Any], job: dict[str, Any], limits: Limits, packages: tuple[str, ...], plain: bool = False
) -> tuple[Outcome, Report]:
    try:
        return _judge_by(payload, job, limits, packages, plain)
    except _Hung as hung:
        return hung.result


def _judge_by(
    payload: dict[str, Any], job: dict[str, Any], limits: Limits, packages: tuple[str, ...], plain: bool
) -> tuple[Outcome, Report]:
    tier = probe().name
    memory_mb = JUDGE_MB if plain else max(limits.memory_mb, JUDGE_MB)
    job = {**job, "memory": memory_mb << 20, "cpu_s": int(limits.cpu_s) + 2}
    running = View(tier, packages=packages, harnesses=(CANDIDATE,))
    key = View(tier, packages=() if plain else packages, harnesses=(JUDGE,)), memory_mb, plain
    with JUDGES.lend(key) as judges:
        with POOL.zygote(running) as zygote:
            outcome, report = _bring_together(judges, zygote, payload, job, limits)
        if report is HUNG:
            raise _Hung((outcome, report))
    return outcome, report


def _bring_together(
    judges: Judges, zygote: Zygote, payload: dict[str, Any], job: dict[str, Any], limits: Limits
) -> tuple[Outcome, Report]:
    ours, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    near, far = socket.socketpair()
    job_of_candidate = Job(harness=CANDIDATE, payload=payload, limits=limits)
    with ours, end, near, far, Run(zygote, job_of_candidate, far.fileno()) as run:
        far.close()
        judges.begin(job, near.fileno(), end.fileno())
        near.close()
        end.close()
        done = run.wait(until=ours.fileno(), others=judges)
        ours.settimeout(None if done else KILLED_GRACE_S if run.killed_by else GRACE_S)
        message = _received(ours)
        if done:
            run.end()
        outcome = run.outcome()
    if message is None:
        cpu_s = outcome.cpu_s + judges.cpu_s()
        waited_s = max(outcome.waited_s, judges.waited_s(cpu_s))
        return dataclasses.replace(outcome, cpu_s=cpu_s, waited_s=waited_s), HUNG
    if not message:  # its tests break with what the program returned, unless more than the judge is gone
        judges.check()
        failure = (-1, "memory", "its tests cannot hold what the program returned")
        return outcome, Report(state="abort", passed=frozenset(), failures=(failure,))
    facts = marshal.loads(message)
    report = Report(
        state=facts["state"],
        passed=frozenset(facts["passed"]),
        failures=tuple(map(tuple, facts["failures"])),
        **{name: facts[name] for name in ("border", "handed")},
    )
    return dataclasses.replace(outcome, cpu_s=outcome.cpu_s + facts["cpu_s"]), report


def _received(line: socket.socket) -> bytes | None:
    """Return the judge's report, nothing where it has ended without one, None where it does not come in time."""
    try:
        return line.recv(REPORT_BYTES)
    except TimeoutError:
        return None
    except OSError:
        return b""


class Judges:
    """A process in a box that forks judges, one at a time, or judges by plain tests itself.

    Args:
        zygote: Who runs it.
        memory_mb: Address space of each judge, MiB.
        plain: Whether it forks none.
    """

    def __init__(self, zygote: Zygote, memory_mb: int, plain: bool) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.zygote = zygote
        self._begun = self._stood_before = 0.0
        limits = Limits(cpu_s=10**8, wall_s=10**8, memory_mb=memory_mb, open_files=64)
        with theirs:
            self._run = Run(
                zygote, Job(harness=JUDGE, payload={"plain": plain}, limits=limits, tool=True), theirs.fileno()
            )

    def close(self) -> None:
        """End the process, and the judge that it has forked."""
        self._socket.close()
        with suppress(SandboxError):
            self._run.__exit__()

    def begin(self, job: dict[str, Any], candidate: int, report: int) -> None:
        """Have a program judged.

        Args:
            job: For `judge.judge`, and `preload`: modules to have loaded.
            candidate: Socket to it.
            report: Socket that the report is sent on; closed when the judge ends.

        Raises:
            ZygoteLostError: The process is gone.
        """
        self._run.poll()
        self._begun = time.monotonic()
        self._stood_before = self._stood_s() if job["preload"] else inf  # else it does nothing of its own
        message = (" ".join(job["preload"]) or " ").encode()
        with ExitStack() as stack:
            spec = memory_file(marshal.dumps(job), stack)
            try:
                socket.send_fds(self._socket, [message], [spec, candidate, report])
            except OSError as error:
                raise ZygoteLostError(f"the judge is gone: {error}") from error

    def check(self) -> None:
        """Find out whether the judge alone is gone, after it has ended without a report.

        Raises:
            ZygoteLostError: The process is gone.
        """
        self._socket.settimeout(GONE_S)
        try:
            only_the_judge = self._socket.recv(1)
        except OSError:
            only_the_judge = b""
        self._socket.settimeout(None)
        if not only_the_judge:
            raise ZygoteLostError("the process that judges is gone")

    def cpu_s(self) -> float:
        """Return the CPU seconds that the judge has used so far for its program; 0 while they cannot matter.

        No judge uses more CPU than time has gone by.
        """
        if time.monotonic() - self._begun < UNSEEN_S:
            return 0.0
        return sum(judge.cpu_s for judge in self._judge().values())

    def waited_s(self, cpu_s: float) -> float:
        """Return the seconds for which the judge, or this process that loads packages for it, had to wait for a CPU.

        Args:
            cpu_s: What program and judge used: for so long they may have waited for each other.
        """
        return max(usage.waited_s(self._judge(), cpu_s), self._stood_s() - self._stood_before - cpu_s)

    def _stood_s(self) -> float:
        return usage.waited_s([self._run.pid], 0.0) if self._run.pid else 0.0

    def _judge(self) -> dict[int, usage.Process]:
        """Return the judge that is alive, and what it has started."""
        return usage.Tree(self._run.pid).look() if self._run.pid else {}


class _Pool:
    """The processes that fork this worker's judges; one for each thread that asks at once."""

    def __init__(self) -> None:
        self._idle: dict[tuple[View, int, bool], list[tuple[Judges, ExitStack]]] = {}
        self._lock = threading.Lock()
        atexit.register(self.close)

    @contextmanager
    def lend(self, key: tuple[View, int, bool]) -> Iterator[Judges]:
        """Lend one; one under which anything failed is ended."""
        with self._lock:
            idle = self._idle.setdefault(key, [])
            while idle and not idle[-1][0].zygote.is_alive:
                idle.pop()[1].close()
            judges, stack = idle.pop() if idle else (None, ExitStack())
        if judges is None:
            zygote = stack.enter_context(POOL.zygote(key[0]))
            judges = Judges(zygote, *key[1:])
            stack.callback(judges.close)
        try:
            yield judges
        except BaseException as error:
            if not stack.__exit__(type(error), error, error.__traceback__):  # its zygote is not used again either
                raise
        with self._lock:
            self._idle[key].append((judges, stack))

    def close(self) -> None:
        """End all that are idle."""
        with self._lock:
            stacks = [stack for idle in self._idle.values() for _, stack in idle]
            self._idle.clear()
        for stack in stacks:
            stack.close()


JUDGES = _Pool()
"""Where this process's judges come from; nothing is started before the first program."""


class _Hung(Exception):
    """Carries a result out of the context of what must be ended."""

    def __init__(self, result: tuple[Outcome, Report]) -> None:
        super().__init__("the judge hung")
        self.result = result
