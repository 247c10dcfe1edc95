"""What processes use right now."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    """CPU seconds (ended children included), resident MiB and number of processes."""

    cpu_s: float
    resident_mb: float
    processes: int


def of_tree(root: int) -> Usage:
    """Return what a process and all its descendants use together."""
    stats = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    # fields after the command's name: 1 parent, 11 to 14 CPU ticks, 21 resident pages
                    stats[int(name)] = stat.read().rpartition(b")")[2].split()
            except OSError:
                continue
    children: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        children.setdefault(int(fields[1]), []).append(pid)
    ticks = pages = count = 0
    queue = [root] if root in stats else []
    while queue:
        pid = queue.pop()
        queue += children.get(pid, [])
        ticks += sum(map(int, stats[pid][11:15]))
        pages += int(stats[pid][21])
        count += 1
    return Usage(ticks / TICKS_PER_S, pages * PAGE_BYTES / 2**20, count)


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of one process, its threads included; 0 when it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # the kernel's clock id for a process
    except OSError:
        return 0.0


def folder_mb(path: str) -> float:
    """Return MiB of all files below a folder, as far as it can be read; for folders that no mount limits."""
    total, folders = 0, [path]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
            total += sum(e.stat(follow_symlinks=False).st_blocks * 512 for e in entries)
            folders += [e.path for e in entries if e.is_dir(follow_symlinks=False)]
        except OSError:
            continue
    return total / 2**20
