"""The filter that refuses the system calls of `calls` which no candidate needs.

A deny-list over a default of `allow`: interpreters, compilers and run-times keep working, while ways
to other processes, to namespaces, to the network and to little-used kernel code are shut.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from halo_raft.sandbox.inside import system
from halo_raft.sandbox.inside.calls import (
    AF_UNIX,
    AUDIT_ARCH,
    CLONE,
    CLONE3,
    CLONE_THREAD,
    DENIED,
    FIRST_UNKNOWN,
    FORK,
    KILL,
    MAP_ANONYMOUS,
    MAP_SHARED,
    METADATA,
    MMAP,
    NAMESPACES,
    PR_SET_PDEATHSIG,
    PRCTL,
    PRLIMIT,
    SETSOCKOPT,
    SIGQUEUEINFO,
    SO_RCVBUF,
    SO_SNDBUF,
    SOCKET,
    SOCKETPAIR,
    SOL_SOCKET,
    TKILL,
    TOUCH,
    VFORK,
    X32_BIT,
)

LOAD, JUMP, JUMP_EQUAL, JUMP_FROM, JUMP_SET, RETURN = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
REFUSE, UNKNOWN = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS
PRETEND = ERRNO
"""The call is not made, and says that it succeeded."""
NUMBER, ARCH = 0, 4
ARGUMENTS = tuple(range(16, 64, 8))
"""Where the arguments' lower halves are; the upper ones follow."""
SET_MODE_FILTER = 1

FILTERS = {
    "A": {"sockets": True, "processes": True, "signals": True, "metadata": True, "touch": True},
    "B, a user id of its own": {
        "sockets": False,
        "processes": True,
        "signals": True,
        "metadata": True,
        "touch": False,
    },
    "B, a shared user id": {
        "sockets": False,
        "processes": False,
        "signals": False,
        "metadata": False,
        "touch": False,
    },
    "B, compilers": {"sockets": False, "processes": True, "signals": True, "metadata": True, "touch": True},
    "B, compilers, a shared user id": {
        "sockets": False,
        "processes": True,
        "signals": False,
        "metadata": True,
        "touch": True,
    },
}
"""What each tier's programs may do; a shared user id can neither be limited in processes nor swept at once."""

Instruction = tuple[int, int, int, int]
"""Operation, how far to jump if true and if false, operand: classic BPF."""


def program(machine: str, *, sockets: bool, processes: bool, signals: bool, metadata: bool, touch: bool) -> bytes:
    """Return the filter as classic BPF.

    The kernel tries a filter on every call there is when it is loaded, which each run does: so it is
    a search tree over the numbers and not a list.

    Args:
        machine: `x86_64` or `aarch64`.
        sockets: Whether AF_UNIX sockets may be made (other families never).
        processes: Whether processes may be made; threads always may.
        signals: Whether signals may be sent to other processes.
        metadata: Whether modes, owners and times of files may be changed.
        touch: Whether times may be set to now, which takes no more than the right to write.
    """
    column = ("x86_64", "aarch64").index(machine)
    answers = _looked_into(column, processes, touch)
    denied = [*DENIED.values()]
    if not signals:
        denied += [KILL, TKILL, *SIGQUEUEINFO]
    if not processes:
        denied += [FORK, VFORK]
    if not metadata:
        denied += METADATA.values()
    if not sockets:
        denied += [SOCKET]
    answers |= {number: [(RETURN, 0, 0, REFUSE)] for numbers in denied if (number := numbers[column]) is not None}
    code: list[Instruction] = [
        (LOAD, 0, 0, ARCH),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER),
    ]
    if machine == "x86_64":
        code += [(JUMP_FROM, 0, 1, X32_BIT), (RETURN, 0, 0, KILL_PROCESS)]
    code += _tree(_runs(answers))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def _looked_into(column: int, processes: bool, touch: bool) -> dict[int, list[Instruction]]:
    """Return the answers, by number, to calls that depend on their arguments."""
    namespaces = [(JUMP_SET, 0, 1, NAMESPACES), (RETURN, 0, 0, REFUSE)]
    threads_alone = [] if processes else [(JUMP_SET, 1, 0, CLONE_THREAD), (RETURN, 0, 0, REFUSE)]
    unix_alone = [(JUMP_EQUAL, 1, 0, AF_UNIX), (RETURN, 0, 0, ERRNO | errno.EAFNOSUPPORT)]
    checks = {
        CLONE: [*namespaces, *threads_alone],
        PRCTL: [(JUMP_EQUAL, 0, 1, PR_SET_PDEATHSIG), (RETURN, 0, 0, REFUSE)],
        PRLIMIT: [(JUMP_EQUAL, 1, 0, 0), (RETURN, 0, 0, REFUSE)],  # its own alone
        SOCKET: unix_alone,
        SOCKETPAIR: unix_alone,
    }
    answers: dict[int, list[Instruction]] = {
        numbers[column]: [(LOAD, 0, 0, ARGUMENTS[0]), *check, (RETURN, 0, 0, ALLOW)]
        for numbers, check in checks.items()
    }
    answers[SETSOCKOPT[column]] = _larger_buffers()
    answers[MMAP[column]] = _memory_without_owner()
    if not touch:
        answers |= {n: _null(index) for numbers, index in TOUCH.values() if (n := numbers[column]) is not None}
    answers[CLONE3[column]] = [(RETURN, 0, 0, UNKNOWN)]  # its flags are out of a filter's reach; libc takes clone
    return answers


def _larger_buffers() -> list[Instruction]:
    """Pretend to give a socket larger buffers: they are the kernel's memory, which no limit of a process counts."""
    return [
        (LOAD, 0, 0, ARGUMENTS[1]),
        (JUMP_EQUAL, 0, 4, SOL_SOCKET),
        (LOAD, 0, 0, ARGUMENTS[2]),
        (JUMP_EQUAL, 1, 0, SO_SNDBUF),
        (JUMP_EQUAL, 0, 1, SO_RCVBUF),
        (RETURN, 0, 0, PRETEND),
        (RETURN, 0, 0, ALLOW),
    ]


def _memory_without_owner() -> list[Instruction]:
    """Refuse shared memory without a file: a process can hold it without having it resident, so nothing counts it."""
    return [
        (LOAD, 0, 0, ARGUMENTS[3]),
        (JUMP_SET, 0, 2, MAP_ANONYMOUS),
        (JUMP_SET, 0, 1, MAP_SHARED),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]


def _null(index: int) -> list[Instruction]:
    """Refuse a call whose argument of that index is null."""
    return [
        (LOAD, 0, 0, ARGUMENTS[index]),
        (JUMP_EQUAL, 0, 3, 0),
        (LOAD, 0, 0, ARGUMENTS[index] + 4),
        (JUMP_EQUAL, 0, 1, 0),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]


def _runs(answers: dict[int, list[Instruction]]) -> list[tuple[int, list[Instruction]]]:
    """Return the first number of each run of calls with one answer, and the answer."""
    allow, unknown = [(RETURN, 0, 0, ALLOW)], [(RETURN, 0, 0, UNKNOWN)]
    runs: list[tuple[int, list[Instruction]]] = []
    for number in range(FIRST_UNKNOWN + 1):
        answer = answers.get(number, allow) if number < FIRST_UNKNOWN else unknown
        if not runs or runs[-1][1] != answer:
            runs.append((number, answer))
    return runs


def _tree(runs: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """Return a binary search over runs."""
    if len(runs) == 1:
        return runs[0][1]
    middle = len(runs) // 2
    below, above = _tree(runs[:middle]), _tree(runs[middle:])
    return [(JUMP_FROM, 0, 1, runs[middle][0]), (JUMP, 0, 0, len(below)), *below, *above]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class Filter:
    """A filter that is ready to be put in force.

    Args:
        code: See `program`.
    """

    def __init__(self, code: bytes) -> None:
        self._code = ctypes.create_string_buffer(code, len(code))
        self._header = _Program(len(code) // 8, ctypes.cast(self._code, ctypes.c_void_p))
        self._pointer = ctypes.byref(self._header)
        self._number = system.NUMBERS[system.machine()]["seccomp"]

    def load(self) -> None:
        """Put the filter in force for this process and all that it becomes; it cannot be taken back.

        Raises:
            OSError: The kernel refuses, or `no_new_privs` is not set.
        """
        system.syscall(self._number, SET_MODE_FILTER, 0, self._pointer)
