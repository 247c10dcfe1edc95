"""The worker's part in judging Python: it brings a candidate and a judge together, and watches both.

Both are forked for one program and gone with its verdict. What the judge uses counts as the program's: its
values make tests compute.
"""

from __future__ import annotations

import dataclasses
import marshal
import signal
import socket
from contextlib import suppress
from typing import Any

from halo_raft.sandbox import (
    POOL,
    Job,
    KilledBy,
    Limits,
    Outcome,
    Run,
    View,
    Zygote,
    ZygoteLostError,
    probe,
    usage,
)

CANDIDATE = "halo_raft.verifiers.functions.candidate"
JUDGE = "halo_raft.verifiers.functions.judge"
JUDGE_MB = 256
"""Address space that a judge gets at least, MiB: tests have to load what they import."""
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
        border: Whether a test asked for what only the program's own process could say.
    """

    state: str
    passed: frozenset[int]
    failures: tuple[tuple[int, str, str], ...]
    border: bool = False


HUNG = Report(state="hung", passed=frozenset(), failures=())


def judge(
    payload: dict[str, Any], job: dict[str, Any], limits: Limits, packages: tuple[str, ...]
) -> tuple[Outcome, Report]:
    """Load a program in a box of its own and have a judge test it from another.

    Args:
        payload: For `candidate.main`.
        job: For `judge.judge`.
        limits: For the candidate; what the judge uses on its behalf counts as its own.
        packages: Python packages that both may import.

    Raises:
        SandboxError: The sandbox failed, twice.
    """
    for attempt in (1, 2):
        try:
            return _judge_once(payload, job, limits, packages)
        except ZygoteLostError:
            if attempt == 2:
                raise
    raise AssertionError


def _judge_once(
    payload: dict[str, Any], job: dict[str, Any], limits: Limits, packages: tuple[str, ...]
) -> tuple[Outcome, Report]:
    tier = probe().name
    judging = View(tier, packages=packages, harnesses=(JUDGE,))
    running = View(tier, packages=packages, harnesses=(CANDIDATE,))
    with POOL.zygote(judging) as theirs, POOL.zygote(running) as zygote:
        return _bring_together(theirs, zygote, payload, job, limits)


def _bring_together(
    judges: Zygote, zygote: Zygote, payload: dict[str, Any], job: dict[str, Any], limits: Limits
) -> tuple[Outcome, Report]:
    own = dataclasses.replace(limits, memory_mb=max(limits.memory_mb, JUDGE_MB))
    ours, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    near, far = socket.socketpair()
    with ours, end, near, far, Run(judges, Job(harness=JUDGE, payload=job, limits=own), end.fileno()) as judging:
        end.close()
        with Run(zygote, Job(harness=CANDIDATE, payload=payload, limits=limits), far.fileno()) as run:
            far.close()
            with suppress(OSError):  # a judge that is gone is seen below
                socket.send_fds(ours, [b"job"], [near.fileno()])
            near.close()
            done = run.wait(until=ours.fileno(), others_cpu_s=lambda: _cpu_s(judging))
            ours.settimeout(None if done else KILLED_GRACE_S if run.killed_by else GRACE_S)
            message = _received(ours)
            if done:
                run.end()
            outcome = run.outcome()
        if message is None:
            judging.end()
            report = HUNG
        else:
            report = _report(message) if message else _gone(judging)
        cpu_s = _ended(judging).cpu_s
    return dataclasses.replace(outcome, cpu_s=outcome.cpu_s + cpu_s), report


def _cpu_s(judging: Run) -> float:
    """Return the CPU seconds that a judge has used so far."""
    judging.poll()
    return usage.cpu_s(judging.pid) if judging.pid else 0.0


def _received(line: socket.socket) -> bytes | None:
    """Return the judge's report, nothing where it has ended without one, None where it does not come in time."""
    try:
        return line.recv(REPORT_BYTES)
    except TimeoutError:
        return None
    except OSError:
        return b""


def _ended(judging: Run) -> Outcome:
    judging.end()
    return judging.outcome()


def _gone(judging: Run) -> Report:
    """Return what a judge that ended without a report says: what its tests computed with was too much for it.

    Raises:
        ZygoteLostError: It failed by itself.
    """
    outcome = _ended(judging)
    words = outcome.stderr.decode("utf-8", "replace").strip()[-300:]
    if outcome.signal == signal.SIGKILL or (outcome.signal is None and outcome.killed_by is None):
        raise ZygoteLostError(f"the judge died: {words or outcome.returncode}")
    if outcome.killed_by is KilledBy.CPU:
        return HUNG
    text = "its tests break with what the program returned"
    return Report(state="abort", passed=frozenset(), failures=((-1, "runtime", text),))


def _report(message: bytes) -> Report:
    facts = marshal.loads(message)
    return Report(
        state=facts["state"],
        passed=frozenset(facts["passed"]),
        failures=tuple(map(tuple, facts["failures"])),
        border=facts["border"],
    )
