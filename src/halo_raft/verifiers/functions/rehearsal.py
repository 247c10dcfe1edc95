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
def failing(value):
    raise ValueError(value)
def nothing(value):
    return None
"""
TESTS = """
def check(candidate):
    for value in (1, 1.5, "text", True, None, [1, 2], ["a", "b"], [1.5, 2], [[1, 2], [3]], (1, "a"), {"a": 1}, {1, 2}):
        try:
            assert candidate(value) == value, "wrong"
            __judge_ok__(0)
        except __judge_any__ as error:
            __judge_bad__(0, error)
    for call in (other, failing, nothing):
        try:
            assert call([1]) == 0, "wrong"
        except __judge_any__ as error:
            __judge_bad__(0, error)
"""


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
            for line in lines:
                line[0].close()
                play(job_of(play), line[1].fileno())
                line[1].close()
        finally:
            os._exit(0)
    for line in lines:
        line[1].close()
        own(job_of(own), line[0].fileno())
        line[0].close()
    os.waitpid(pid, 0)
    sys.modules.pop("solution", None)


def job_of(end: Callable[[Any, int], Any]) -> dict[str, Any]:
    """Return what an end is given."""
    given: dict[str, Any] = {"setup": None, "classes": [], "under_test": ["same"], "entry_point": "same"}
    if end.__name__ == "serve":
        return given | {"sources": [PROGRAM]}
    names = dict.fromkeys(("classes", "errors", "unbelieved", "raised"), ())
    tests = marshal.dumps(compile(TESTS, "tests", "exec"))
    return given | {
        "tests": tests,
        "terms": {"targets": ["same", "other", "failing", "nothing"], "ends": False, "stops": False, **names},
        "calls": [["check", True]],
    }
