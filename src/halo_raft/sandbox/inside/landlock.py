"""File access rights for candidates on machines without user namespaces (Landlock, Linux 5.13 and later)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable

from halo_raft.sandbox.inside import system

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
READ_ONLY = EXECUTE | READ_FILE | READ_DIR
READ_ONE = EXECUTE | READ_FILE
RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""ABI version -> number of file rights that it knows; later ones know no more."""
IOCTL_BIT = 15
SCOPE_ABI = 6
NET_RIGHTS, SCOPES = 3, 3
PATH_BENEATH = 1
VERSION = 1


def abi() -> int:
    """Return the kernel's Landlock version, 0 where there is none."""
    try:
        return system.syscall(system.LANDLOCK_CREATE_RULESET, None, 0, VERSION)
    except OSError:
        return 0


def ruleset(readable: Iterable[str], listable: Iterable[str], writable: Iterable[str]) -> int:
    """Return a descriptor of rules: these paths and what is below them, and nothing else.

    Of what is below the `listable` ones, the names alone can be read.

    Where the kernel can (ABI 6), signals and abstract sockets are kept inside as well.

    Raises:
        OSError: There is no Landlock.
    """
    version = abi()
    files = (1 << RIGHTS_BY_ABI.get(version, 16)) - 1
    handled = struct.pack("QQQ", files, NET_RIGHTS if version >= 4 else 0, SCOPES if version >= SCOPE_ABI else 0)
    size = 24 if version >= SCOPE_ABI else 16 if version >= 4 else 8
    rules = system.syscall(system.LANDLOCK_CREATE_RULESET, handled, size, 0)
    for path in readable:
        _allow(rules, path, READ_ONLY)
    for path in listable:
        _allow(rules, path, READ_DIR)
    for path in writable:
        _allow(rules, path, files & ~(1 << IOCTL_BIT))
    return rules


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # it is not on this machine
    try:
        if not os.path.isdir(path):
            rights &= READ_ONE | WRITE_FILE
        system.syscall(system.LANDLOCK_ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", rights, fd), 0)
    finally:
        os.close(fd)


def restrict(rules: int) -> None:
    """Put the rules in force for this process and its descendants."""
    system.syscall(system.LANDLOCK_RESTRICT_SELF, rules, 0)
