"""The filter's code, run step by step as the kernel would run it."""

from __future__ import annotations

import errno
import itertools

import pytest
from bpf import answer

from halo_raft.sandbox.inside import calls, seccomp
from halo_raft.sandbox.inside.seccomp import ALLOW, KILL_PROCESS, PRETEND, REFUSE, UNKNOWN

COLUMNS = {"x86_64": 0, "aarch64": 1}
SWITCHES = ("sockets", "processes", "signals", "metadata", "touch")
EVERYTHING = dict.fromkeys(SWITCHES, True)
NO_FAMILY = seccomp.ERRNO | errno.EAFNOSUPPORT


@pytest.mark.parametrize("machine", COLUMNS)
@pytest.mark.parametrize("switches", itertools.product((True, False), repeat=len(SWITCHES)))
def test_every_call_gets_the_answer_of_the_tables(machine: str, switches: tuple[bool, ...]) -> None:
    given = dict(zip(SWITCHES, switches, strict=True))
    column, arch = COLUMNS[machine], calls.AUDIT_ARCH[machine]
    tables = [*calls.DENIED.values()]
    tables += [] if given["signals"] else [calls.KILL, calls.TKILL, *calls.SIGQUEUEINFO]
    tables += [] if given["processes"] else [calls.FORK, calls.VFORK]
    tables += [] if given["metadata"] else calls.METADATA.values()
    tables += [] if given["sockets"] else [calls.SOCKET]
    denied = {numbers[column] for numbers in tables}
    looked_into = {numbers[column] for numbers in (calls.CLONE, calls.PRCTL, calls.PRLIMIT, calls.MMAP)}
    looked_into |= {n[column] for n in (calls.SOCKET, calls.SOCKETPAIR, calls.CLONE3, calls.SETSOCKOPT)} - denied
    looked_into |= set() if given["touch"] else {numbers[column] for numbers, _ in calls.TOUCH.values()} - denied
    code = seccomp.program(machine, **given)
    for number in range(calls.FIRST_UNKNOWN):
        if number not in looked_into:
            assert answer(code, number, arch=arch) == (REFUSE if number in denied else ALLOW), number
    for number in (calls.FIRST_UNKNOWN, 600, 10_000):
        assert answer(code, number, arch=arch) == UNKNOWN


@pytest.mark.parametrize(
    ("number", "argument", "expected"),
    [
        (calls.CLONE, 17, ALLOW),
        (calls.CLONE, calls.CLONE_THREAD, ALLOW),
        (calls.CLONE, 0x1000_0000, REFUSE),
        (calls.CLONE, 0x2000_0000 | calls.CLONE_THREAD, REFUSE),
        (calls.CLONE3, 0, UNKNOWN),
        (calls.PRCTL, calls.PR_SET_PDEATHSIG, REFUSE),
        (calls.PRCTL, 15, ALLOW),
        (calls.PRLIMIT, 0, ALLOW),
        (calls.PRLIMIT, 1, REFUSE),
        (calls.SOCKET, calls.AF_UNIX, ALLOW),
        (calls.SOCKET, 2, NO_FAMILY),
        (calls.SOCKETPAIR, 16, NO_FAMILY),
    ],
)
@pytest.mark.parametrize("machine", COLUMNS)
def test_calls_that_depend_on_their_argument(
    machine: str, number: tuple[int, int], argument: int, expected: int
) -> None:
    code = seccomp.program(machine, **EVERYTHING)
    assert answer(code, number[COLUMNS[machine]], argument, arch=calls.AUDIT_ARCH[machine]) == expected


@pytest.mark.parametrize(
    ("level", "option", "expected"),
    [(1, 7, PRETEND), (1, 8, PRETEND), (1, 2, ALLOW), (0, 7, ALLOW), (6, 1, ALLOW)],
)
@pytest.mark.parametrize("machine", COLUMNS)
def test_buffers_of_sockets_stay_as_they_are(machine: str, level: int, option: int, expected: int) -> None:
    code = seccomp.program(machine, **EVERYTHING)
    number, arch = calls.SETSOCKOPT[COLUMNS[machine]], calls.AUDIT_ARCH[machine]
    assert answer(code, number, 5, level, option, arch=arch) == expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [(0x22, ALLOW), (0x21, REFUSE), (0x23, REFUSE), (0x8021, REFUSE), (0x01, ALLOW), (0x02, ALLOW)],
)
@pytest.mark.parametrize("machine", COLUMNS)
def test_memory_is_shared_through_files_alone(machine: str, flags: int, expected: int) -> None:
    code = seccomp.program(machine, **EVERYTHING)
    number, arch = calls.MMAP[COLUMNS[machine]], calls.AUDIT_ARCH[machine]
    assert answer(code, number, 0, 1 << 20, 3, flags, arch=arch) == expected


@pytest.mark.parametrize("name", calls.TOUCH)
@pytest.mark.parametrize("machine", COLUMNS)
def test_times_are_set_to_now_only_where_that_is_allowed(machine: str, name: str) -> None:
    numbers, index = calls.TOUCH[name]
    number, arch = numbers[COLUMNS[machine]], calls.AUDIT_ARCH[machine]
    if number is None:
        pytest.skip(f"{machine} has no {name}")
    for touch, times, expected in ((True, 0, ALLOW), (False, 0, REFUSE), (False, 1 << 32, ALLOW), (False, 8, ALLOW)):
        code = seccomp.program(machine, **{**EVERYTHING, "touch": touch})
        assert answer(code, number, *[7] * index, times, arch=arch) == expected


@pytest.mark.parametrize("machine", COLUMNS)
def test_without_processes_there_are_threads_alone(machine: str) -> None:
    code = seccomp.program(machine, **{**EVERYTHING, "processes": False})
    clone, arch = calls.CLONE[COLUMNS[machine]], calls.AUDIT_ARCH[machine]
    assert answer(code, clone, 17, arch=arch) == REFUSE
    assert answer(code, clone, calls.CLONE_THREAD, arch=arch) == ALLOW


def test_calls_of_another_architecture_kill() -> None:
    code = seccomp.program("x86_64", **EVERYTHING)
    assert answer(code, 1, arch=0x40000003) == KILL_PROCESS  # i386
    assert answer(code, calls.X32_BIT | 1) == KILL_PROCESS
