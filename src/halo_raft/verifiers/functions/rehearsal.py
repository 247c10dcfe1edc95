"""A few programs of our own, judged before a process forks for others: its code is then warm in every fork.

Python specializes code that has run some times, in place: a fork of a process that never ran it would do that
again for each program, and copy the memory that it changes.
"""

from __future__ import annotations

import importlib
import marshal
import os
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TIMES = 16
"""Python specializes after 8 calls."""
PROGRAM = """
def same(value, *others):
    return value
def other(value, *others):
    value.append(0)
    return [value, others]
"""
TESTS = """
def check(candidate):
    for value in (1, 1.5, "text", True, None, [1, 2], ["a", "b"], [1.5, 2], [[1, 2], [3]], (1, "a"), {"a": 1}, {1, 2}):
        try:
            assert candidate(value) == value, "wrong"
            __judge_ok__(0)
        except __judge_any__ as error:
            __judge_bad__(0, error)
    try:
        assert other([1]) == 0, "wrong"
    except __judge_any__ as error:
        __judge_bad__(0, error)
"""
PLAIN_TESTS = """
for number in range(8):
    try:
        assert __judge_answer__(number) == 0, "wrong"
        __judge_ok__(0)
    except __judge_any__ as error:
        __judge_bad__(0, error)
"""
CALLS: list[tuple[str, tuple[object, ...], dict[str, object]]] = [
    *(("same", (value,), {}) for value in (0, 0, "text", [1, 2], 0)),
    *[("other", ([1], 2), {})] * 3,
]


def rehearse(own: Callable[[Any, int], Any], module: str, other: str) -> None:
    """Play one end in this process, the other one in a fork.

    Args:
        own: `judge.judge` or `candidate.serve`.
        module: Where the other one of the two is; it is loaded in the fork alone.
        other: What it is called.
    """
    lines = [socket.socketpair() for _ in range(TIMES)]
    pid = os.fork()
    if pid == 0:
        try:
            play = getattr(importlib.import_module(f"halo_raft.verifiers.functions.{module}"), other)
            for turn, line in enumerate(lines):
                line[0].close()
                _play(play, turn, line[1])
                line[1].close()
        finally:
            os._exit(0)
    for turn, line in enumerate(lines):
        line[1].close()
        _play(own, turn, line[0])
        line[0].close()
    os.waitpid(pid, 0)
    sys.modules.pop("solution", None)


def _play(end: Callable[..., Any], turn: int, line: socket.socket) -> None:
    """Play one end once; the judge takes nothing but plain data in every other turn."""
    plain = turn % 2 == 0
    options = {"plain": plain} if end.__name__ == "judge" else {}
    end(job_of(end, plain), line.fileno(), **options)


def job_of(end: Callable[..., Any], plain: bool) -> dict[str, Any]:
    """Return what an end is given; plain tests are asked all at once."""
    given: dict[str, Any] = {"setup": None, "classes": [], "under_test": ["same"], "entry_point": "same"}
    if end.__name__ == "serve":
        return given | {"sources": [PROGRAM]}
    names = dict.fromkeys(("classes", "errors", "unbelieved", "raised"), ())
    return given | {
        "tests": marshal.dumps(compile(PLAIN_TESTS if plain else TESTS, "tests", "exec")),
        "terms": {"targets": ["same", "other"], "ends": False, "stops": False, **names},
        "calls": [] if plain else [["check", True]],
        "up_front": marshal.dumps(CALLS) if plain else b"",
    }
