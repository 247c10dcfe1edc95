"""The file system of tier A: an empty root, the system read-only, and a work folder per run.

There is no /proc, no /sys, no home and no network configuration: nothing to learn from, nothing to
mount over, and no path by which one process reaches another.
"""

from __future__ import annotations

import os

from halo_raft.sandbox.inside import system

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_FILES = ("/etc/alternatives", "/etc/ld.so.cache")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
WORK, PACKAGES = "/work", "/packages"
LINKS = {"/tmp": "work", "/dev/shm": "../work", "/dev/stdin": "../work/.stdin"}
"""What programs expect to write to, or to read their input from -> the work folder."""
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
        _bind(path, scratch + path)
    for path, target in LINKS.items():
        if not os.path.lexists(scratch + path):  # something readable may lie below it
            os.symlink(target, scratch + path)
    os.mkdir(scratch + WORK)
    os.mkdir(scratch + "/.old")
    system.pivot_root(scratch, scratch + "/.old")
    os.chdir("/")
    system.unmount("/.old")
    os.rmdir("/.old")
    flags = system.MS_REMOUNT | system.MS_BIND | system.MS_RDONLY | system.MS_NOSUID | system.MS_NODEV
    system.mount("", "/", "", flags)


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
    attributes = (ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV).to_bytes(8, "little") + bytes(24)
    system.syscall(MOUNT_SETATTR, -100, target.encode(), AT_RECURSIVE, attributes, len(attributes))


def _bind(path: str, target: str) -> None:
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    system.mount(path, target, "", system.MS_BIND | system.MS_REC)


def make_workdir(megabytes: int) -> None:
    """Mount a fresh work folder of a given size over this run's own /work."""
    options = f"size={megabytes}m,nr_inodes=16k,mode=700"
    system.mount("halo-raft", WORK, "tmpfs", system.MS_NOSUID | system.MS_NODEV, options)
