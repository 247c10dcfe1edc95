"""One run in a zygote, from the worker's side: feed it, drain it, hold it to its limits, end it."""

from __future__ import annotations

import marshal
import math
import os
import select
import signal
import socket
import time
from contextlib import ExitStack, suppress
from typing import Self

from halo_raft.sandbox import usage
from halo_raft.sandbox.job import Job
from halo_raft.sandbox.meter import Meter, Others
from halo_raft.sandbox.outcome import KilledBy, Outcome
from halo_raft.sandbox.zygote import SandboxError, Zygote, memory_file

TICK_S, FOLDER_TICK_S = 0.2, 0.05
"""How often the use of CPU and memory is looked at; and that of a folder that no mount limits, which fills faster."""
END_S = 30.0
"""How long a zygote may take to end a run; on a machine too busy for that there is no sandbox."""
CHUNK = 1 << 16
RESULT_CAP = 4 << 20
OUR_PROCESSES = 2
"""Processes of a run that are ours: who leads it, and who was there before its command."""
FILES = 16_384
"""Files and folders that a run may have in its work folder; tier A's mount has as many."""


class ZygoteLostError(SandboxError):
    """The zygote died under a run; the same job can be done by another."""


class Run:
    """A job that is running. Leaving the context ends it, whatever happened.

    Args:
        zygote: Who runs it; busy until the run has ended.
        job: What to run.
        channel: Descriptor that the run gets as its private channel; None drains it as `result`.
    """

    def __init__(self, zygote: Zygote, job: Job, channel: int | None = None) -> None:
        self.zygote, self.limits = zygote, job.limits
        self.data = {"stdout": bytearray(), "stderr": bytearray(), "result": bytearray()}
        self.killed_by: KilledBy | None = None
        self.pid: int | None = None
        self._gone = False
        self._end: list[int] | None = None
        self._cpu_seen = self._waited_s = 0.0
        self._output_left = job.limits.output_kb << 10
        self._folder_mb = job.folder_bytes / 2**20 + 1
        self._readers: dict[int, str] = {}
        self._ours = ExitStack()
        self._poll = select.poll()
        self._meter = Meter(zygote)
        self._started = time.monotonic()
        self._next_look = self._next_folder_look = self._started
        try:
            self._report = memory_file(b"", self._ours)
            self._send(job, channel)
        except BaseException:
            self._ours.close()
            raise
        self._poll.register(zygote.socket, select.POLLIN)

    def _send(self, job: Job, channel: int | None) -> None:
        with ExitStack() as theirs:
            spec = memory_file(job.to_bytes(), theirs)
            stdin = memory_file(job.stdin, theirs) if job.stdin else os.open(os.devnull, os.O_RDONLY)
            if not job.stdin:
                theirs.callback(os.close, stdin)
            out, err = self._pipe("stdout", theirs), self._pipe("stderr", theirs)
            private = self._pipe("result", theirs) if channel is None else channel
            what = b"run %d %d" % (job.folder_bytes, bool(job.collect))
            try:
                socket.send_fds(self.zygote.socket, [what], [spec, stdin, out, err, private, self._report])
            except OSError as error:
                raise ZygoteLostError(f"the zygote is gone: {error}") from error

    def _pipe(self, name: str, theirs: ExitStack) -> int:
        reader, writer = os.pipe()
        theirs.callback(os.close, writer)
        self._readers[reader] = name
        self._poll.register(reader, select.POLLIN)
        return writer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._end is None:
                self.end()
        finally:
            for reader in list(self._readers):
                self._close(reader)
            self._ours.close()

    @property
    def wall_s(self) -> float:
        """Seconds since the run was started."""
        return time.monotonic() - self._started

    def wait(self, until: int | None = None, others: Others | None = None) -> bool:
        """Drain the run until it has ended, or until descriptor `until` is readable.

        Past a limit the run is killed, and waited for. Limits are looked at by the clock, whatever there is to drain.

        Args:
            until: Descriptor of somebody else who may be done first.
            others: Who works on the run's behalf; what they use counts as its own.

        Returns:
            Whether `until` became readable while the run had not ended.

        Raises:
            SandboxError: The sandbox failed.
        """
        if until is not None:
            self._poll.register(until, select.POLLIN)
        try:
            self._next_look = time.monotonic() + TICK_S
            while self._end is None and not self._gone:
                ready = self._ready(self._until_next_look())
                self._read(ready)
                if until in ready:
                    return self._end is None
                if self._end is None and not self._gone and self._until_next_look() == 0:
                    self._look(others)
            self._await_end()
            return False
        finally:
            if until is not None:
                self._poll.unregister(until)

    def _ready(self, seconds: float) -> set[int]:
        """Return the descriptors that can be read, after waiting for one for so long at most."""
        return {fd for fd, _ in self._poll.poll(math.ceil(seconds * 1e3))}

    def _until_next_look(self) -> float:
        due = min(self._next_look, self._started + self.limits.wall_s)
        if not self.zygote.apart:
            due = min(due, self._next_folder_look)
        return max(0.0, due - time.monotonic())

    def poll(self) -> None:
        """Take in what has arrived, without waiting.

        Raises:
            SandboxError: The sandbox failed.
        """
        self._read(self._ready(0))

    @property
    def over(self) -> bool:
        """Whether the run has ended, or its zygote is gone, as far as was seen by `poll`."""
        return self._gone or self._end is not None

    def watch(self) -> float:
        """Hold to its limits a run that nobody waits for, such as a judge's; return its CPU seconds at the last look.

        Raises:
            SandboxError: The sandbox failed.
        """
        self.poll()
        if self._end is None and not self._gone and self._until_next_look() == 0:
            self._look()
        return self._cpu_seen

    def end(self) -> None:
        """Kill the run and wait until nothing of it is left.

        Raises:
            ZygoteLostError: The zygote does not answer.
        """
        if not self._gone:
            with suppress(OSError):
                self.zygote.socket.send(b"kill")
        self._await_end()

    def _await_end(self) -> None:
        deadline = time.monotonic() + END_S
        while self._end is None:
            if time.monotonic() > deadline:
                raise self._lost("does not answer")
            self._read(self._ready(max(0.0, deadline - time.monotonic())))

    def _kill(self, reason: KilledBy) -> None:
        if self.killed_by is None:
            self.killed_by = reason
            self.end()

    def _look(self, others: Others | None = None) -> None:
        """Hold the run to its limits."""
        now = time.monotonic()
        if self.wall_s >= self.limits.wall_s:
            self._waited_s = self._meter.waited_s(others)
            self._kill(KilledBy.WALL)
        elif now >= self._next_look:
            self._next_look = now + TICK_S
            used = self._meter.look()
            self._cpu_seen = max(self._cpu_seen, used.cpu_s)
            if used.cpu_s + (others.cpu_s() if others else 0.0) >= self.limits.cpu_s:
                self._kill(KilledBy.CPU)
            elif used.memory_mb > self.limits.memory_mb or used.processes > self.limits.processes + OUR_PROCESSES:
                self._kill(KilledBy.MEMORY)  # the kernel limits processes, but not those of a root without other ids
        elif now >= self._next_folder_look:
            self._next_folder_look = now + FOLDER_TICK_S
            found = usage.folder(self.zygote.runs, FILES)
            if found.megabytes > self._folder_mb or found.entries > FILES:
                self._kill(KilledBy.OUTPUT_LIMIT)

    def _read(self, ready: set[int]) -> None:
        for fd in ready & self._readers.keys():
            if not self._read_pipe(fd, self._readers[fd]):
                self._kill(KilledBy.OUTPUT_LIMIT)
        if self.zygote.socket.fileno() in ready and self._end is None:
            self._read_message()

    def _read_message(self) -> None:
        try:
            message = self.zygote.socket.recv(4096).split()
        except OSError:
            message = []
        if not message:
            raise self._lost("died")
        if message[0] == b"pid":
            self.pid = int(message[1])
        elif message[0] == b"gone":
            self._gone = True
            self._cpu_seen = max(self._cpu_seen, self._meter.final_cpu_s())
        elif message[0] == b"end":
            self._end = [int(value) for value in message[1:]]
            if not self._gone:
                self._cpu_seen = max(self._cpu_seen, self._meter.final_cpu_s())

    def _lost(self, what: str) -> ZygoteLostError:
        """Clean up after a zygote that is no more, and return the error to raise."""
        self._end = [signal.SIGKILL, 0, 0]
        if self.pid is not None:
            with suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
        return ZygoteLostError(f"the zygote {what}")

    def _read_pipe(self, fd: int, name: str) -> bool:
        """Read one chunk; return False when the cap cut it."""
        chunk = os.read(fd, CHUNK)
        if not chunk:
            self._close(fd)
            return True
        if name == "result":
            kept = chunk[: RESULT_CAP - len(self.data[name])]
        else:
            kept = chunk[: self._output_left]
            self._output_left -= len(kept)
        self.data[name] += kept
        return len(kept) == len(chunk)

    def _close(self, fd: int) -> None:
        del self._readers[fd]
        self._poll.unregister(fd)
        os.close(fd)

    def outcome(self) -> Outcome:
        """Return what became of the run, which has ended.

        Raises:
            SandboxError: It never started.
        """
        assert self._end is not None
        while self._readers and (ready := self._ready(0) & self._readers.keys()):
            self._read(ready)
        report = os.pread(self._report, os.fstat(self._report).st_size, 0)
        facts = marshal.loads(report) if report else {}  # written by trusted code alone
        if "error" in facts:
            raise SandboxError(facts["error"])
        status, cpu_us, max_rss_kb = self._end
        status = facts.get("status", status)
        killed_by, cpu_s = self.killed_by, max(cpu_us / 1e6, self._cpu_seen)
        if killed_by is None and cpu_s >= self.limits.cpu_s:  # since the last look
            killed_by = KilledBy.CPU
        return Outcome(
            returncode=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            stdout=bytes(self.data["stdout"]),
            stderr=bytes(self.data["stderr"]),
            result=bytes(self.data["result"]),
            files=facts.get("files", {}),
            killed_by=killed_by,
            cpu_s=cpu_s,
            wall_s=self.wall_s,
            peak_memory_mb=max_rss_kb / 1024,
            waited_s=self._waited_s,
        )
