"""The file system of tier A: an empty root, the system read-only, and a work folder per run.

There is no /proc, no /sys, no home and no network configuration: nothing to learn from, nothing to
mount over, and no path by which one process reaches another.
"""

from __future__ import annotations

import os

from halo_raft.sandbox.inside import system

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_FILES = ("/etc/alternatives", "/etc/ld.so.cache")
DEVICES = ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom")
"""Not /dev/zero: mapped by several, it is memory that no process shows (`seccomp` refuses the same without a file)."""
WORK, PACKAGES, INPUT = "/work", "/packages", "/run"
SHARED = "/dev/shm"
LINKS = {"/tmp": "work", SHARED: "../work"}
"""What programs expect to write to -> the work folder."""
MOUNT_SETATTR, AT_RECURSIVE, ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV = 442, 0x8000, 1, 2, 4


def make_root(scratch: str, readable: list[str], hidden: list[str], packages: list[str]) -> None:
    """Build a root from read-only views of this machine's files, and move into it.

    Args:
        scratch: An existing empty folder that only serves as the mount point.
        readable: Absolute paths, beyond the system's own, that runs may read.
        hidden: Folders among them that runs must find empty.
        packages: Files and folders that appear in `/packages`.

    Raises:
        OSError: Mounting is not allowed here.
    """
    system.mount("", "/", "", system.MS_PRIVATE | system.MS_REC)
    system.mount("halo-raft", scratch, "tmpfs", system.MS_NOSUID | system.MS_NODEV, "mode=755,size=1m")
    for path in (*SYSTEM, *SYSTEM_FILES, *readable):
        _show(path, scratch + path)
    for path in hidden:
        if os.path.isdir(scratch + path):
            system.mount("halo-raft", scratch + path, "tmpfs", system.MS_RDONLY, "mode=755,size=4k")
    os.mkdir(scratch + PACKAGES)
    for path in packages:
        _show(path, f"{scratch}{PACKAGES}/{os.path.basename(path)}")
    for path in DEVICES:
        if os.path.lexists(path):
            _bind(path, scratch + path)
            _restrict(scratch + path, ATTR_RDONLY | ATTR_NOSUID)  # can be written to, and its times stay as they are
    for path, target in LINKS.items():
        if not os.path.lexists(scratch + path):  # something readable may lie below it
            os.symlink(target, scratch + path)
    os.mkdir(scratch + INPUT)
    os.close(os.open(f"{scratch}{INPUT}/stdin", os.O_CREAT | os.O_WRONLY, 0o644))  # what is seen without an input
    os.symlink(f"..{INPUT}/stdin", f"{scratch}/dev/stdin")
    os.mkdir(scratch + WORK)
    os.mkdir(scratch + "/.old")
    system.pivot_root(scratch, scratch + "/.old")
    os.chdir("/")
    system.unmount("/.old")
    os.rmdir("/.old")
    flags = system.MS_REMOUNT | system.MS_BIND | system.MS_RDONLY | system.MS_NOSUID | system.MS_NODEV
    system.mount("", "/", "", flags)


def set_apart(runs: str, needed: list[str]) -> None:
    """Give a root process without user namespaces its own view: work folders of a size, and no closed folders.

    Where something needed lies in a folder that is closed to others, an open one stands there, with only that in it.

    Args:
        runs: Folder in which work folders are made.
        needed: Absolute paths that runs, or the zygote, go on using.

    Raises:
        OSError: Mounting is not allowed here.
    """
    system.mount("", "/", "", system.MS_PRIVATE | system.MS_REC)
    needed = sorted({*needed, *map(os.path.realpath, needed)})
    for top in sorted({closed for path in needed if (closed := _closed_above(path))}):
        _open_up(top, [path for path in needed if path.startswith(f"{top}/")])
    for path in DEVICES:
        if os.path.lexists(path):
            system.mount(path, path, "", system.MS_BIND)
            _restrict(path, ATTR_RDONLY | ATTR_NOSUID)
    system.mount("halo-raft", runs, "tmpfs", system.MS_NOSUID | system.MS_NODEV, "mode=1777,size=1m")
    if os.path.isdir(SHARED) and not runs.startswith(f"{SHARED}/"):
        system.mount(runs, SHARED, "", system.MS_BIND)  # process pools keep their semaphores there


def resize(runs: str, size: int) -> None:
    """Let work folders have so many bytes."""
    flags = system.MS_REMOUNT | system.MS_NOSUID | system.MS_NODEV
    system.mount("halo-raft", runs, "tmpfs", flags, f"size={size},nr_inodes=16k")


def _closed_above(path: str) -> str | None:
    """Return the topmost folder on the way to `path` that is closed to others than its owner."""
    parents = [path[:i] for i, letter in enumerate(path) if letter == "/" and i]
    return next((parent for parent in parents if not os.stat(parent).st_mode & 0o001), None)


def _open_up(top: str, inside: list[str]) -> None:
    """Put an open folder in the place of `top`, with `inside` in it."""
    kept = [os.open(path, os.O_PATH) for path in inside]
    system.mount("halo-raft", top, "tmpfs", system.MS_NOSUID | system.MS_NODEV, "mode=755,size=1m")
    for path, fd in zip(inside, kept, strict=True):
        if not os.path.lexists(path):
            _bind(f"/proc/self/fd/{fd}", path)
        os.close(fd)
    flags = system.MS_REMOUNT | system.MS_BIND | system.MS_RDONLY | system.MS_NOSUID | system.MS_NODEV
    system.mount("", top, "", flags)


def without(top: str, hidden: list[str]) -> list[str]:
    """Return paths that cover `top` but for the hidden folders below it."""
    below = [path for path in hidden if path == top or path.startswith(top.rstrip("/") + "/")]
    if not below:
        return [top]
    if top in below or not os.path.isdir(top):
        return []
    return [path for entry in os.scandir(top) for path in without(entry.path, below)]


def _show(path: str, target: str) -> None:
    """Show one path of this machine at `target`, read-only; links stay links."""
    if os.path.lexists(target) or not os.path.lexists(path):
        return
    if os.path.islink(path):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(os.readlink(path), target)
        return
    _bind(path, target)
    _restrict(target, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV)


def _restrict(target: str, attributes: int) -> None:
    packed = attributes.to_bytes(8, "little") + bytes(24)
    system.syscall(MOUNT_SETATTR, -100, target.encode(), AT_RECURSIVE, packed, len(packed))


def _bind(path: str, target: str) -> None:
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    system.mount(path, target, "", system.MS_BIND | system.MS_REC)


def make_workdir(size: int) -> None:
    """Mount a fresh work folder of so many bytes over this run's own /work."""
    options = f"size={size},nr_inodes=16k,mode=700"
    system.mount("halo-raft", WORK, "tmpfs", system.MS_NOSUID | system.MS_NODEV, options)


def show_input(fd: int) -> None:
    """Give the content of a file without a name a place where this run's /dev/stdin leads."""
    size = os.fstat(fd).st_size
    system.mount("halo-raft", INPUT, "tmpfs", system.MS_NOSUID | system.MS_NODEV, f"size={size + 4096},mode=755")
    with open(f"{INPUT}/stdin", "wb") as file:
        sent = 0
        while sent < size:
            sent += os.sendfile(file.fileno(), fd, sent, size - sent)
