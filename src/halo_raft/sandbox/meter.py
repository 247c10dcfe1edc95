"""What one run uses, all of it: by its zygote's control group, or else by the tree of processes below the zygote."""

from __future__ import annotations

from math import inf
from typing import NamedTuple, Protocol

from halo_raft.sandbox import usage
from halo_raft.sandbox.zygote import Zygote

SHARED_MB = 24
"""Resident memory that each forked process shares with the zygote, and should not pay for."""
SOCKET_MB = 0.25
"""What a socket's buffers can hold when nobody may make them larger; the kernel's memory, so no process shows it."""
HONEST_SOCKETS = 64
"""So many sockets cost nothing: an event loop or a pool has a few."""
MOST_SOCKETS = 256
"""A run with more is over its memory, whatever they hold just now."""


class Usage(NamedTuple):
    """CPU seconds since the run began, ended children included; MiB beyond what is shared; processes alive."""

    cpu_s: float
    memory_mb: float
    processes: int


class Others(Protocol):
    """Processes outside of a run that work on its behalf."""

    def cpu_s(self) -> float:
        """Return the CPU seconds that they have used for it."""
        ...

    def waited_s(self, cpu_s: float) -> float:
        """Return the seconds for which they stood ready and were given no CPU, less `cpu_s`; see `usage.waited_s`."""
        ...


class Meter:
    """Counts for one run.

    Without a group, CPU time is that of the living, of the ended ones that were waited for, and of those
    that were seen alive: what lives for less than a look and is reaped by the kernel is not in it.

    Args:
        zygote: Who runs it.
    """

    def __init__(self, zygote: Zygote) -> None:
        self._zygote, self._group = zygote, zygote.group
        self._tree = usage.Tree(zygote.pid)
        self._seen: dict[int, float] = {}
        self._cpu_before: float | None = None
        self._waited_before = 0.0

    def look(self) -> Usage:
        """Return what is in use now.

        Nothing is looked at before the first look, which most runs do not live to see: the group's count of
        what ran before is then taken to be all but the share of who is alive.
        """
        processes = self._processes()
        if self._cpu_before is None:
            self._waited_before = self._group.waited_s() if self._group else 0.0
            self._cpu_before = self._group_cpu_s() - sum(process.cpu_s for process in processes.values())
        cpu_s = self._cpu_s(processes)
        if self._group and self._group.counts_memory:
            return Usage(cpu_s, self._group.memory_mb() - self._zygote.idle_mb, len(processes))
        sockets = self._sockets()
        resident = sum(max(0.0, process.resident_mb - SHARED_MB) for process in processes.values())
        buffers = max(0, sockets - HONEST_SOCKETS) * SOCKET_MB if sockets <= MOST_SOCKETS else inf
        return Usage(cpu_s, resident + buffers, len(processes))

    def final_cpu_s(self) -> float:
        """Return the CPU seconds of a run that has ended; 0 for one that was never looked at, or without a group."""
        return self._group_cpu_s() - self._cpu_before if self._group and self._cpu_before is not None else 0.0

    def _group_cpu_s(self) -> float:
        """Return the CPU seconds of all that the zygote ever ran, without its own."""
        return self._group.cpu_s() - usage.cpu_s(self._zygote.pid) if self._group else 0.0

    def waited_s(self, others: Others | None) -> float:
        """Return the seconds for which the run, or who works on its behalf, had to wait for a CPU."""
        cpu_s = self.look().cpu_s + (others.cpu_s() if others else 0.0)
        found = [usage.waited_s(self._processes(), cpu_s)]
        if others:
            found.append(others.waited_s(cpu_s))
        if self._group:
            found.append(self._group.waited_s() - self._waited_before)
        return max(found)

    def _cpu_s(self, processes: dict[int, usage.Process]) -> float:
        if self._group and self._cpu_before is not None:
            return self._group_cpu_s() - self._cpu_before
        self._seen |= {pid: process.own_cpu_s for pid, process in processes.items()}
        return max(sum(self._seen.values()), sum(process.cpu_s for process in processes.values()))

    def _processes(self) -> dict[int, usage.Process]:
        if self._group is None:
            return self._tree.look()
        pids = [pid for pid in self._group.processes() if pid != self._zygote.pid]
        return {pid: found for pid in pids if (found := usage.process(pid))}

    def _sockets(self) -> int:
        return usage.sockets(self._zygote.pid) if self._zygote.apart else 0
