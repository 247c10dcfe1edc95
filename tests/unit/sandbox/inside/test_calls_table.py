"""The page of system calls says what each tier answers to every one, and a box answers so.

The page is made from the filters, run step by step: `HALO_RAFT_WRITE_PAGES=1` writes it anew.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import sys
from pathlib import Path

import pytest
from bpf import answer

from halo_raft import sandbox
from halo_raft.sandbox import POOL, Limits, SandboxError, probe
from halo_raft.sandbox.inside import calls, seccomp, system
from halo_raft.sandbox.tier import VARIABLE

PAGE = Path(__file__).resolve().parents[4] / "docs" / "sandbox_calls.md"
NEWEST = 471
"""The newest call of Linux 6.18 is 470; the last line stands for all that come later."""
WORDS = {
    seccomp.ALLOW: "yes",
    seccomp.REFUSE: "EPERM",
    seccomp.UNKNOWN: "ENOSYS",
    seccomp.PRETEND: "not done",
    seccomp.ERRNO | errno.EAFNOSUPPORT: "EAFNOSUPPORT",
}
SEEN = {
    "clone": [(17,), (0x10000000,), (calls.CLONE_THREAD,)],
    "prctl": [(15,), (calls.PR_SET_PDEATHSIG,)],
    "prlimit64": [(0,), (1,)],
    "socket": [(1,), (2,)],
    "socketpair": [(1,), (2,)],
    "setsockopt": [(3, 1, 2), (3, 1, 7)],
    "mmap": [(0, 1, 3, 0x22), (0, 1, 3, 0x21)],
    **{name: [(1,) * index + (times,) for times in (1, 0)] for name, (_, index) in calls.TOUCH.items()},
}
"""Calls whose answer depends on their arguments, with arguments for each answer."""
MEANT = {
    "clone": "a process, a namespace, a thread",
    "prctl": "any, the parent's death signal",
    "prlimit64": "its own, another's",
    "socket": "unix, any other",
    "socketpair": "unix, any other",
    "setsockopt": "any, larger buffers",
    "mmap": "any, shared without a file",
    **dict.fromkeys(calls.TOUCH, "to a time, to now"),
}
NAMES = {
    **{numbers[0]: name for name, numbers in {**calls.DENIED, **calls.METADATA}.items()},
    **{numbers[0]: name for name, (numbers, _) in calls.TOUCH.items()},
    **{9: "mmap", 56: "clone", 435: "clone3", 41: "socket", 53: "socketpair", 54: "setsockopt"},
    **{57: "fork", 58: "vfork"},
    **{157: "prctl", 302: "prlimit64", 62: "kill", 200: "tkill", 234: "tgkill"},
    **{129: "rt_sigqueueinfo", 297: "rt_tgsigqueueinfo", 424: "pidfd_send_signal"},
}
HEAD = """# System calls

What the filter of each tier answers to every system call of x86-64, by number: `yes` passes it on to the kernel,
which has rules of its own. Where the answer depends on arguments, there is one for each. Made by
`tests/unit/sandbox/inside/test_calls_table.py`, which also makes the refused calls in a box.

"""


def _answer(code: bytes, number: int, *arguments: int) -> int:
    return answer(code, number, *arguments)


def _row(number: int, codes: dict[str, bytes]) -> tuple[str, ...]:
    name = NAMES.get(number, "")
    asked = SEEN.get(name, [()])
    return tuple(" / ".join(_unique([WORDS[_answer(code, number, *a)] for a in asked])) for code in codes.values())


def _unique(answers: list[str]) -> list[str]:
    return answers[:1] if len(set(answers)) == 1 else answers


def page() -> str:
    """Return the page."""
    codes = {whose: seccomp.program("x86_64", **given) for whose, given in seccomp.FILTERS.items()}
    lines = ["| number | call | " + " | ".join(codes) + " |", "| --- | --- |" + " --- |" * len(codes)]
    rows = [(number, _row(number, codes)) for number in range(NEWEST)]
    for answers, group in itertools.groupby(rows, key=lambda row: (row[1], NAMES.get(row[0], "") in SEEN and row[0])):
        numbers = [number for number, _ in group]
        names = [NAMES[number] for number in numbers if number in NAMES]
        what = ", ".join(f"{name} ({MEANT[name]})" if name in MEANT else name for name in names)
        span = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
        lines.append(f"| {span} | {what} | " + " | ".join(answers[0]) + " |")
    lines.append(f"| from {NEWEST} | newer than this list | " + " | ".join(_row(9999, codes)) + " |")
    return HEAD + "\n".join(lines) + "\n"


def test_the_page_says_what_the_filters_do() -> None:
    if os.environ.get("HALO_RAFT_WRITE_PAGES"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()


MAKE_THEM = """
import ctypes, json, sys
libc = ctypes.CDLL(None, use_errno=True)
answers = {}
for number in json.loads(sys.argv[1]):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
    answers[number] = ctypes.get_errno() if result == -1 else 0
print(json.dumps(answers))
"""


@pytest.mark.skipif(system.machine() != "x86_64", reason="the page is about x86-64")
@pytest.mark.parametrize("tier", ["A", "B"])
def test_a_box_answers_as_the_page_says(tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, tier)
    POOL.close()
    probe.cache_clear()
    try:
        probe()
    except SandboxError as error:
        pytest.skip(f"tier {tier} cannot be had here: {error}")
    whose = "A" if tier == "A" else f"B, {'a user id of its own' if os.geteuid() == 0 else 'a shared user id'}"
    code = seccomp.program("x86_64", **seccomp.FILTERS[whose])
    errors = {seccomp.REFUSE: errno.EPERM, seccomp.UNKNOWN: errno.ENOSYS}
    named = set(SEEN) | {"fork", "vfork"}
    expected = {
        number: errors[answer]
        for number in [*range(NEWEST), 500, 9999]
        if NAMES.get(number) not in named and (answer := _answer(code, number)) in errors
    }
    command = [os.path.realpath(sys.executable), "-S", "-c", MAKE_THEM, json.dumps(sorted(expected))]
    outcome = sandbox.run(command, limits=Limits())
    assert outcome.clean, outcome.stderr
    assert {int(number): error for number, error in json.loads(outcome.stdout).items()} == expected
    assert len(expected) > 80
    POOL.close()
    probe.cache_clear()
