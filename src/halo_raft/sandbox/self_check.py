"""What every tier has to hold, found out by doing it.

`short` is what the probe asks before a tier is believed: a zygote that starts may still run nothing. `long`
tries each promise, the limits while output drips, because a limit that is looked at between two reads is none.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

from halo_raft.sandbox.job import Job
from halo_raft.sandbox.limits import Limits
from halo_raft.sandbox.outcome import KilledBy, Outcome
from halo_raft.sandbox.run import Run
from halo_raft.sandbox.zygote import SandboxError, SandboxLateError, View, Zygote

STATUS = 7
CHANNELS = {"standard output": 1, "standard error": 2, "the private channel": 3}
RUNS = 20
"""Runs that speed is measured with."""
QUICK = Limits(cpu_s=1, wall_s=10, memory_mb=256, processes=8, file_mb=8)
PATIENT = dataclasses.replace(QUICK, wall_s=300)
"""A machine that is busy takes its time, and holds nothing the less."""
DRIP = """
import os, sys, threading, time
def drip():
    while True:
        os.write({channel}, b'.')
        time.sleep(0.02)
threading.Thread(target=drip, daemon=True).start()
"""
ORPHAN = """
def apart(work):
    try:
        if os.fork(): return
        if os.fork(): os._exit(0)
    except OSError: pass  # where no process may be made, it is done here
    work()
"""
SPIN = """
def work():
    while True: pass
apart(work)
time.sleep(60)
"""
GROW = """
kept = []
def work():
    for _ in range(3): kept.append(bytearray(80 << 20))
    time.sleep(60)
for _ in range(3): apart(work)
time.sleep(60)
"""
FILL = """
for n in range(40):
    with open(f'f{n}', 'wb') as f: f.write(bytes(1 << 20))
    time.sleep(0.02)
"""
ABUSES = {
    KilledBy.CPU: SPIN,
    KilledBy.MEMORY: GROW,
    KilledBy.OUTPUT_LIMIT: FILL,
    KilledBy.WALL: "time.sleep(60)",
}
NAMES = {
    KilledBy.CPU: "CPU limit",
    KilledBy.MEMORY: "memory limit",
    KilledBy.OUTPUT_LIMIT: "limit of the work folder",
    KilledBy.WALL: "wall limit",
}
REACH = """
import os, socket, sys
def refused(what, action):
    try: action()
    except OSError: return
    print('it can', what)
refused('read a file of the worker', lambda: open(sys.argv[1]).read())
try: open(sys.argv[1] + '.new', 'w')  # it may be a folder of its own that lies there
except OSError: pass
refused('open a network socket', socket.socket)
refused('signal the worker', lambda: os.kill(int(sys.argv[2]), 0))
print('in the box')
sys.exit(7)
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """One promise of a tier.

    Attributes:
        name: What it is about.
        held: Whether it was kept.
        said: What was seen.
    """

    name: str
    held: bool
    said: str


def short(zygote: Zygote) -> None:
    """Run a program in a box and see that it ran, ended as it wanted to, and reached nothing.

    Raises:
        SandboxError: It did not.
        SandboxLateError: The machine was too busy to run it.
    """
    with tempfile.NamedTemporaryFile() as secret:
        os.chmod(secret.name, 0o644)
        outcome = _python(zygote, REACH, (secret.name, str(os.getpid())), PATIENT)
        beside = os.path.exists(f"{secret.name}.new")
        if beside:
            os.unlink(f"{secret.name}.new")
    reached = outcome.stdout.decode("utf-8", "replace").splitlines()
    if outcome.starved:
        raise SandboxLateError("the machine is too busy to run a program")
    if outcome.returncode != STATUS or reached[-1:] != ["in the box"]:
        raise SandboxError(f"a program does not run in it: {_end(outcome)}")
    escapes = [*reached[:-1], *(["it can write beside a file of the worker"] if beside else [])]
    if escapes and zygote.view.tier != "C":
        raise SandboxError(f"a program is not held in it: {'; '.join(escapes)}")


def long(tier: str) -> Iterator[Held]:
    """Try every promise of a tier and yield what came of it, some seconds in all.

    Raises:
        SandboxError: The tier cannot be had.
    """
    with Zygote(View(tier)) as zygote:
        yield _tried("runs, ends, files, network, signals", lambda: short(zygote))
        for limit in ABUSES:
            for channel, number in CHANNELS.items():
                name = f"{NAMES[limit]} of the whole tree, dripping on {channel}"
                yield _tried(name, functools.partial(_limit, zygote, limit, number))
        yield _tried("processes", lambda: _processes(zygote))
        yield _tried("survivors", lambda: _survivors(zygote))
        started = time.monotonic()
        for _ in range(RUNS):
            _run(zygote, ["/bin/true"], QUICK)
        yield Held("speed", True, f"{(time.monotonic() - started) / RUNS * 1000:.1f} ms a run of `true`")
        counts = "a control group" if zygote.group else "the tree of processes"
        memory = ", kernel memory included" if zygote.group and zygote.group.counts_memory else ""
        yield Held("counting", True, f"by {counts}{memory}")


def _tried(name: str, action: Callable[[], None]) -> Held:
    try:
        action()
    except (SandboxError, AssertionError, OSError) as error:
        return Held(name, False, str(error))
    return Held(name, True, "held")


def _limit(zygote: Zygote, limit: KilledBy, channel: int) -> None:
    limits = dataclasses.replace(QUICK, wall_s=1) if limit is KilledBy.WALL else PATIENT
    limits = dataclasses.replace(limits, cpu_s=60) if limit is KilledBy.MEMORY else limits
    outcome = _python(zygote, DRIP.format(channel=channel) + ORPHAN + ABUSES[limit], (), limits)
    if limit is KilledBy.OUTPUT_LIMIT:  # a mount, or a look at the folder, ends it
        assert outcome.killed_by is limit or b"No space left" in outcome.stderr, _end(outcome)
    else:
        alone = limit is KilledBy.MEMORY and b"MemoryError" in outcome.stderr
        assert outcome.killed_by is limit or alone, _end(outcome)


def _processes(zygote: Zygote) -> None:
    code = (
        "import os, time\nn = 0\ntry:\n    while n < 200:\n        if os.fork() == 0: time.sleep(60)\n        n += 1\n"
    )
    outcome = _python(zygote, f"{code}except OSError: pass\ntime.sleep(1)\nprint(n)", (), PATIENT)
    if outcome.killed_by is KilledBy.MEMORY:
        return
    made = int(outcome.stdout or 200)
    assert made <= QUICK.processes + 2, f"it made {made} processes of {QUICK.processes}"


def _survivors(zygote: Zygote) -> None:
    mark = f"60.{os.getpid()}"
    script = f"(setsid sleep {mark} & setsid sh -c 'setsid sleep {mark} & setsid sleep {mark} &' &); exit 0"
    _run(zygote, ["/bin/sh", "-c", script], QUICK, tool=True)
    left = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if mark.encode() in file.read() and int(name) != os.getpid():
                    left.append(int(name))
        except OSError:
            continue
    assert not left, f"processes {left} are left"


def _python(zygote: Zygote, code: str, arguments: tuple[str, ...], limits: Limits) -> Outcome:
    return _run(zygote, [os.path.realpath(sys.executable), "-I", "-S", "-c", code, *arguments], limits)


def _run(zygote: Zygote, argv: list[str], limits: Limits, *, tool: bool = False) -> Outcome:
    with Run(zygote, Job(argv=argv, limits=limits, tool=tool)) as run:
        run.wait()
        return run.outcome()


def _end(outcome: Outcome) -> str:
    how = f"killed by its {outcome.killed_by.value} limit" if outcome.killed_by else f"status {outcome.returncode}"
    how = f"signal {outcome.signal}" if outcome.signal and not outcome.killed_by else how
    return f"{how}, {outcome.cpu_s:.1f} s of CPU: {(outcome.stdout + outcome.stderr)[-200:].decode('utf-8', 'replace')}"
