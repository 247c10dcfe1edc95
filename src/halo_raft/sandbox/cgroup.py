"""A control group per zygote, wherever one can be had: what is in it is counted whole, whatever it does.

Processes that left their parents, ended children that nobody waited for, and, where the memory controller
is ours to use, the kernel's own memory (socket buffers, page tables) are all in the count, at a cost that
does not depend on how many processes the machine has.

Only version 2 is used, below the group that this process is in, or below the one that `VARIABLE` names:
a folder handed over to this user, such as the one of `systemd-run --user --scope -p Delegate=yes`.
"""

from __future__ import annotations

import errno
import functools
import os
import time
from contextlib import suppress
from pathlib import Path

VARIABLE = "HALO_RAFT_CGROUP"
"""Environment variable: the folder of a delegated group to make groups in; `off` for none."""
PREFIX = "halo-raft-"
REMOVE_S = 1.0
"""How long the kernel may take to see that a group is empty."""
MEMORY = ("anon", "shmem", "sock", "kernel")
"""Lines of `memory.stat` that are a run's own doing; what the page cache holds is not."""
OLDER_KERNEL = ("kernel_stack", "pagetables", "percpu", "slab_unreclaimable")
"""What `kernel` is the sum of, on kernels that do not say it (before 5.18)."""


class Group:
    """One control group.

    Args:
        folder: Its folder, which exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.counts_memory = (folder / "memory.stat").exists()

    def take(self, pid: int) -> None:
        """Move a process here; what it starts from then on is born here.

        Raises:
            OSError: The kernel refuses.
        """
        (self._folder / "cgroup.procs").write_text(str(pid))

    def cpu_s(self) -> float:
        """Return the CPU seconds of everything that ever ran here."""
        with open(self._folder / "cpu.stat") as file:
            return int(file.readline().split()[1]) / 1e6

    def waited_s(self) -> float:
        """Return the seconds for which something here stood ready and nothing ran; 0 where the kernel does not say."""
        with suppress(OSError), open(self._folder / "cpu.pressure") as file:
            totals = {line.split()[0]: int(line.rpartition("=")[2]) for line in file}
            return totals.get("full", 0) / 1e6
        return 0.0

    def memory_mb(self) -> float:
        """Return MiB in use, the kernel's on behalf of the group included; see `counts_memory`."""
        with open(self._folder / "memory.stat") as file:
            values = {name: int(value) for name, value in map(str.split, file)}
        names = MEMORY if "kernel" in values else (*MEMORY, *OLDER_KERNEL)
        return sum(values.get(name, 0) for name in names) / 2**20

    def processes(self) -> list[int]:
        """Return the processes that are alive here."""
        with open(self._folder / "cgroup.procs") as file:
            return [int(line) for line in file]

    def close(self) -> None:
        """Kill what is left here and remove the group."""
        with suppress(OSError):
            (self._folder / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + REMOVE_S
        while True:
            try:
                self._folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                if time.monotonic() > deadline:
                    return  # the next worker sweeps it away
                time.sleep(0.01)
            else:
                return


def create(name: str) -> Group | None:
    """Return a new group, None where none can be had."""
    parent = parent_folder()
    if parent is None:
        return None
    folder = parent / f"{PREFIX}{os.getpid()}-{name}"
    try:
        folder.mkdir()
        group = Group(folder)
        group.cpu_s()
        with suppress(OSError):  # there where groups share the CPU out: by theirs, whatever their processes' niceness
            (folder / "cpu.weight.nice").write_text(str(os.nice(0)))
    except (OSError, ValueError, IndexError):
        with suppress(OSError):
            folder.rmdir()
        return None
    return group


@functools.cache
def parent_folder() -> Path | None:
    """Return the folder to make groups in, None where there is none; looked for once per process."""
    named = os.environ.get(VARIABLE, "")
    if named == "off":
        return None
    folder = Path(named) if named else _own_folder()
    if folder is None or not os.access(folder, os.W_OK):
        return None
    _sweep(folder)
    _share_memory(folder)
    return folder


def _own_folder() -> Path | None:
    """Return the folder of the version 2 group that this process is in."""
    try:
        own = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    except (OSError, StopIteration):
        return None
    for line in mounts:
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            root, point = before.split()[3:5]
            below = os.path.relpath(own, root)
            return None if below.startswith("..") else Path(point, below)
    return None


def _share_memory(folder: Path) -> None:
    """Have the groups below `folder` count memory, if that is ours to say and nobody is moved but ourselves."""
    control = folder / "cgroup.subtree_control"
    with suppress(OSError):
        if "memory" not in (folder / "cgroup.controllers").read_text().split():
            return
        if "memory" in control.read_text().split():
            return
        try:
            control.write_text("+memory")
        except OSError as error:
            if error.errno != errno.EBUSY or Group(folder).processes() != [os.getpid()]:
                return
            leaf = folder / f"{PREFIX}{os.getpid()}-worker"  # groups that share controllers out hold no process
            leaf.mkdir()
            Group(leaf).take(os.getpid())
            control.write_text("+memory")


def _sweep(folder: Path) -> None:
    """Remove the empty groups that a killed worker left; one with a process in it does not go."""
    for left in folder.glob(f"{PREFIX}*-*"):
        worker = left.name.removeprefix(PREFIX).partition("-")[0]
        if worker.isdigit() and not os.path.exists(f"/proc/{worker}"):
            with suppress(OSError):
                left.rmdir()
