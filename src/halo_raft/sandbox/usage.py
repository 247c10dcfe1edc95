"""What processes use right now, as /proc tells it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
"""Whether the kernel lists the children of a process, which not every one is built for."""
LOOK_AGAIN = 16
"""After so many looks the processes that are nobody's descendants are found anew: ids come round again."""


class Process(NamedTuple):
    """One process: its parent, its CPU seconds without and with those of ended children, its resident MiB."""

    parent: int
    own_cpu_s: float
    cpu_s: float
    resident_mb: float


def process(pid: int) -> Process | None:
    """Return what one process uses, None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            # fields after the command's name: 1 parent, 11 to 14 CPU ticks, 21 resident pages
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    own, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return Process(int(fields[1]), own / TICKS_PER_S, (own + ended) / TICKS_PER_S, int(fields[21]) * PAGE_BYTES / 2**20)


class Tree:
    """Finds the processes below one, again and again.

    Where the kernel lists children, a look costs as much as there are descendants. Where it does not, the
    names in /proc are listed, but only processes that were not there at the last look are opened.

    Args:
        root: The process; it does not count itself.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._others: set[int] = set()
        self._looks = 0

    def look(self) -> dict[int, Process]:
        """Return the descendants."""
        return self._by_children() if CHILDREN else self._by_parents()

    def _by_children(self) -> dict[int, Process]:
        found: dict[int, Process] = {}
        queue = [self._root]
        while queue:
            for child in _children(queue.pop()):
                if child not in found and (seen := process(child)):
                    found[child] = seen
                    queue.append(child)
        return found

    def _by_parents(self) -> dict[int, Process]:
        if self._looks % LOOK_AGAIN == 0:
            self._others.clear()
        self._looks += 1
        there = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        seen = {pid: found for pid in there - self._others if (found := process(pid))}
        children: dict[int, list[int]] = {}
        for pid, found in seen.items():
            children.setdefault(found.parent, []).append(pid)
        below: dict[int, Process] = {}
        queue = [self._root]
        while queue:
            for child in children.get(queue.pop(), ()):
                below[child] = seen[child]
                queue.append(child)
        self._others = (self._others & there) | (seen.keys() - below.keys() - {self._root})
        return below


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    return found


def waited_s(pids: Iterable[int], cpu_s: float) -> float:
    """Return the longest that a thread stood ready and was given no CPU, for which its own kind is not to blame.

    While a thread stands ready, another one may run in its place. What these processes used is taken off, all of
    it but the thread's own share: no number of threads makes a program wait for others than itself.

    Args:
        pids: The processes alive.
        cpu_s: CPU seconds of them and of those that have ended.
    """
    longest = 0.0
    for pid in pids:
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with suppress(OSError), open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                    own, waited = (int(value) / 1e9 for value in file.read().split()[:2])
                    longest = max(longest, waited - max(0.0, cpu_s - own))
    return longest


def sockets(pid: int) -> int:
    """Return how many sockets there are in the network namespace of a process."""
    with suppress(OSError), open(f"/proc/{pid}/net/sockstat") as file:
        return int(file.readline().split()[2])
    return 0


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of one process, its threads included; 0 when it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # the kernel's clock id for a process
    except OSError:
        return 0.0


class Folder(NamedTuple):
    """MiB of the files below a folder, and how many files and folders there are."""

    megabytes: float
    entries: int


def folder(path: str, stop_at: int) -> Folder:
    """Return what is below a folder, as far as it can be read; for folders that no mount limits.

    Args:
        path: The folder.
        stop_at: Entries after which counting ends: a program can make more than a worker has time to count.
    """
    total = entries = 0
    folders = [path]
    while folders and entries <= stop_at:
        with suppress(OSError), os.scandir(folders.pop()) as found:
            for entry in found:
                entries += 1
                if entries > stop_at:
                    break
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
    return Folder(total / 2**20, entries)
