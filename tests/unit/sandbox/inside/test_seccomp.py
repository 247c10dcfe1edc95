"""The filter's code, run step by step as the kernel would run it."""

from __future__ import annotations

import errno
import itertools
import struct

import pytest

from halo_raft.sandbox.inside import seccomp
from halo_raft.sandbox.inside.seccomp import ALLOW, KILL_PROCESS, REFUSE, UNKNOWN

COLUMNS = {"x86_64": 0, "aarch64": 1}
SWITCHES = ("sockets", "processes", "signals", "metadata")
EVERYTHING = dict.fromkeys(SWITCHES, True)
NO_FAMILY = seccomp.ERRNO | errno.EAFNOSUPPORT


def answer(code: bytes, number: int, argument: int = 0, arch: int = seccomp.AUDIT_ARCH["x86_64"]) -> int:
    loads = {seccomp.NUMBER: number, seccomp.ARCH: arch, seccomp.FIRST_ARGUMENT: argument}
    at = value = 0
    while True:
        operation, if_true, if_false, operand = struct.unpack_from("HBBI", code, 8 * at)
        at += 1
        if operation == seccomp.LOAD:
            value = loads[operand]
        elif operation == seccomp.RETURN:
            return int(operand)
        elif operation == seccomp.JUMP:
            at += operand
        else:
            holds = {
                seccomp.JUMP_EQUAL: value == operand,
                seccomp.JUMP_FROM: value >= operand,
                seccomp.JUMP_SET: bool(value & operand),
            }
            at += if_true if holds[operation] else if_false


@pytest.mark.parametrize("machine", COLUMNS)
@pytest.mark.parametrize("switches", itertools.product((True, False), repeat=len(SWITCHES)))
def test_every_call_gets_the_answer_of_the_tables(machine: str, switches: tuple[bool, ...]) -> None:
    given = dict(zip(SWITCHES, switches, strict=True))
    column, arch = COLUMNS[machine], seccomp.AUDIT_ARCH[machine]
    tables = [*seccomp.DENIED.values()]
    tables += [] if given["signals"] else [seccomp.KILL, seccomp.TKILL, *seccomp.SIGQUEUEINFO]
    tables += [] if given["processes"] else [seccomp.FORK, seccomp.VFORK]
    tables += [] if given["metadata"] else seccomp.METADATA.values()
    tables += [] if given["sockets"] else [seccomp.SOCKET]
    denied = {numbers[column] for numbers in tables}
    looked_into = {numbers[column] for numbers in (seccomp.CLONE, seccomp.PRCTL, seccomp.PRLIMIT, seccomp.SOCKETPAIR)}
    looked_into |= {seccomp.SOCKET[column], seccomp.CLONE3[column]} - denied
    code = seccomp.program(machine, **given)
    for number in range(seccomp.FIRST_UNKNOWN):
        if number not in looked_into:
            assert answer(code, number, arch=arch) == (REFUSE if number in denied else ALLOW), number
    for number in (seccomp.FIRST_UNKNOWN, 600, 10_000):
        assert answer(code, number, arch=arch) == UNKNOWN


@pytest.mark.parametrize(
    ("number", "argument", "expected"),
    [
        (seccomp.CLONE, 17, ALLOW),
        (seccomp.CLONE, seccomp.CLONE_THREAD, ALLOW),
        (seccomp.CLONE, 0x1000_0000, REFUSE),
        (seccomp.CLONE, 0x2000_0000 | seccomp.CLONE_THREAD, REFUSE),
        (seccomp.CLONE3, 0, UNKNOWN),
        (seccomp.PRCTL, seccomp.PR_SET_PDEATHSIG, REFUSE),
        (seccomp.PRCTL, 15, ALLOW),
        (seccomp.PRLIMIT, 0, ALLOW),
        (seccomp.PRLIMIT, 1, REFUSE),
        (seccomp.SOCKET, seccomp.AF_UNIX, ALLOW),
        (seccomp.SOCKET, 2, NO_FAMILY),
        (seccomp.SOCKETPAIR, 16, NO_FAMILY),
    ],
)
@pytest.mark.parametrize("machine", COLUMNS)
def test_calls_that_depend_on_their_argument(
    machine: str, number: tuple[int, int], argument: int, expected: int
) -> None:
    code = seccomp.program(machine, **EVERYTHING)
    assert answer(code, number[COLUMNS[machine]], argument, seccomp.AUDIT_ARCH[machine]) == expected


@pytest.mark.parametrize("machine", COLUMNS)
def test_without_processes_there_are_threads_alone(machine: str) -> None:
    code = seccomp.program(machine, **{**EVERYTHING, "processes": False})
    clone, arch = seccomp.CLONE[COLUMNS[machine]], seccomp.AUDIT_ARCH[machine]
    assert answer(code, clone, 17, arch) == REFUSE
    assert answer(code, clone, seccomp.CLONE_THREAD, arch) == ALLOW


def test_calls_of_another_architecture_kill() -> None:
    code = seccomp.program("x86_64", **EVERYTHING)
    assert answer(code, 1, arch=0x40000003) == KILL_PROCESS  # i386
    assert answer(code, seccomp.X32_BIT | 1) == KILL_PROCESS
