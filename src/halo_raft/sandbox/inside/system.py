"""Linux calls that Python's `os` lacks, each raising `OSError` when it fails."""

from __future__ import annotations

import ctypes
import os
import struct

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT = 1, 2, 4, 32
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
MNT_DETACH = 2
SIGCHLD = 17
LAST_CAPABILITY = 63
NUMBERS = {
    "x86_64": {"clone": 56, "pivot_root": 155, "capset": 126, "seccomp": 317},
    "aarch64": {"clone": 220, "pivot_root": 41, "capset": 91, "seccomp": 277},
}
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446

_libc = ctypes.CDLL(None, use_errno=True)
# with the GIL held throughout: a fork by system call must find the interpreter at rest
_python = ctypes.PyDLL(None, use_errno=True)
_syscall, _prctl, _mount = _libc.syscall, _libc.prctl, _libc.mount
"""Looked up once: to do so in each run costs more than most calls."""
_CAPABILITY_HEADER = struct.pack("Ii", 0x20080522, 0)


def machine() -> str:
    """Return the architecture as the kernel names it."""
    return os.uname().machine


_fork = _python.syscall
_fork.argtypes = [ctypes.c_long] * 6
_CLONE = NUMBERS.get(machine(), {}).get("clone", -1)
_CAPSET = NUMBERS.get(machine(), {}).get("capset", -1)


def _checked(result: int, name: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def syscall(number: int, *arguments: object) -> int:
    """Make a system call by number."""
    return _checked(_syscall(ctypes.c_long(number), *arguments), f"system call {number}")


def prctl(option: int, *arguments: int) -> int:
    """Change one setting of this process, absent arguments being 0."""
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(_prctl(option, *values), f"prctl {option}")


def unshare(flags: int) -> None:
    """Move this process into new namespaces."""
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount a file system; `kind` may be empty for binds."""
    arguments = [text.encode() or None for text in (source, target, kind)]
    _checked(_mount(*arguments, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def pivot_root(new_root: str, old_root: str) -> None:
    """Make `new_root` the root of this mount namespace."""
    syscall(NUMBERS[machine()]["pivot_root"], new_root.encode(), old_root.encode())


def unmount(target: str) -> None:
    """Detach a mount, busy or not."""
    _checked(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def fork_into(flags: int) -> int:
    """Fork, into new namespaces if `flags` say so; return the child's process id, or 0 in the child.

    Only for a process without other threads, which has no lock to mend in the child: neither Python nor its modules
    are told of the fork, which would touch, and so copy, more of its memory than most runs do.
    """
    return _checked(_fork(_CLONE, flags | SIGCHLD, 0, 0, 0, 0), "clone")


def drop_bounding_set() -> None:
    """Make sure that no exec, now or later, brings a capability."""
    for capability in range(LAST_CAPABILITY + 1):
        _prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)  # fails past the kernel's last one


def drop_capabilities() -> None:
    """Give up every capability of this process."""
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    syscall(_CAPSET, _CAPABILITY_HEADER, bytes(24))
