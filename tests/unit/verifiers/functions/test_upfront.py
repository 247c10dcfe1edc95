"""Calls that stand in the tests as they are get asked all at once, and nothing else does."""

from __future__ import annotations

import marshal
import os
import socket
from typing import Any

import pytest

from halo_raft.records import Task
from halo_raft.verifiers.functions import candidate, judge
from halo_raft.verifiers.functions.instrument import suite_of

AT_ONCE = {
    "assert f(1) == 2": [("f", (1,), {})],
    "assert f([1, {2: 'a'}], k=(-3.5, None)) == 1": [("f", ([1, {2: "a"}],), {"k": (-3.5, None)})],
    "assert f(1) == 2\nx = [1]\nassert x\nassert h('a') == x": [("f", (1,), {}), ("h", ("a",), {})],
    "assert f(1) and True\nassert not f(2)\nassert abs(f(3) - 1) < 2 < 3": [("f", (n,), {}) for n in (1, 2, 3)],
    "assert f('ab') == 'ba'\nassert h('cd') == 'ba'": [("f", ("ab",), {}), ("h", ("cd",), {})],
    "def check(candidate):\n    assert candidate(1) == 2\n    assert h(2)\nassert f(0)": [
        ("f", (0,), {}), ("f", (1,), {}), ("h", (2,), {}),
    ],
}  # fmt: skip
ONE_BY_ONE = {
    "an argument is named": "x = [1]\nassert f(x) == 2",
    "an argument is worked out": "assert f([0] * 3) == 2",
    "two calls in one assert": "assert f(1) == f(2)",
    "a call within a call": "assert f(f(1)) == 2",
    "a call that may not be made": "assert x or f(1)\nx = 1",
    "a call for one case": "assert (f(1) if len('a') else 2) == 2",
    "a call at the end of a chain": "assert 1 < 2 < f(1)",
    "a call in the message": "assert 1 == 1, f(1)",
    "a loop": "for n in (1, 2):\n    assert f(1) == n",
    "a test that the tests run themselves": "def check(candidate):\n    assert candidate(1) == 2\ncheck(f)",
    "there and back": "assert f('hello') == 'uryyb'\nassert h('uryyb') == 'hello'",
    "there and back by one function": "assert f([1, 2]) == [2, 1]\nassert f((2, 1)) == (1, 2)",
    "there and back by name": "assert f(1) == 'ab cd'\nassert h(text='see ab cd') == 1",
    "apart and together": "assert f('a,b') == ['a', 'b']\nassert h('b', 'a') == 'a,b'",
    "what comes back has a name": "want = {'k': 250}\nassert f(1) == want\nassert h([('k', 250)]) == 1",
    "within a tolerance": "assert abs(f(2) - 17.5) < 1e-6\nassert abs(h([1, [17.5, 300]]) - 2) < 1e-6",
    "half of them small": "assert f(1) == 2\nassert h(2) == 1",
    "a test that is called twice": "def test_a():\n    assert f(1) == 2\ntest_a()\ntest_a()",
}


def suite(tests: str) -> Any:
    return suite_of(Task(task_id="t", prompt="p", entry_point="f", tests=tests, test_setup=""))


@pytest.mark.parametrize("tests", AT_ONCE)
def test_calls_with_literals(tests: str) -> None:
    assert marshal.loads(suite(tests).up_front) == AT_ONCE[tests]


@pytest.mark.parametrize("why", ONE_BY_ONE)
def test_other_calls(why: str) -> None:
    assert suite(ONE_BY_ONE[why]).up_front == b""


def test_what_is_asked_one_by_one_stands_as_it_was_written() -> None:
    tests = "assert f(1) == 2\nassert f(2) == f(3)"
    assert b"__judge_answer__" not in suite(tests).code
    assert b"__judge_answer__" in suite(tests.splitlines()[0]).code


def asked(program: str, tests: str, plain: bool) -> dict[str, Any]:
    """Return the report on a program, which runs in a fork of this process."""
    read = suite(tests)
    assert read.plain
    assert read.up_front
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        try:
            payload = {"sources": [program], "setup": None, "under_test": [], "classes": []}
            candidate.serve(payload, theirs.fileno())
        finally:
            os._exit(0)
    theirs.close()
    job = {
        "setup": None, "tests": read.code, "terms": read.terms.to_dict(), "classes": (), "entry_point": "f",
        "under_test": ["f"], "calls": read.calls, "up_front": read.up_front,
    }  # fmt: skip
    with ours:
        report = judge.judge(job, ours.fileno(), plain=plain)
    os.waitpid(pid, 0)
    return report


def test_an_answer_belongs_to_its_call_also_after_a_test_that_broke_before_it() -> None:
    tests = "assert 1 // 0 + f(2) == 2\nassert f(3) == 3"
    report = asked("def f(x): return x", tests, plain=True)
    assert report["passed"] == [1]
    assert [(number, text.partition(":")[0]) for number, _, text in report["failures"]] == [(0, "ZeroDivisionError")]


@pytest.mark.parametrize("plain", [True, False])
def test_calls_come_in_the_order_of_the_tests_and_each_once(plain: bool) -> None:
    program = "seen = []\ndef f(x):\n    seen.append(x)\n    return [*seen]"
    tests = "def test_b():\n    assert f(2) == [1, 2]\ndef test_a():\n    assert f(3) == [1, 2, 3]\nassert f(1) == [1]"
    report = asked(program, tests, plain)
    assert report["state"] == "done"
    assert sorted(report["passed"]) == [0, 1, 2]


@pytest.mark.parametrize("answers", [0, 2, 9])
def test_answers_that_a_program_writes_itself_do_not_pass(answers: int) -> None:
    program = f"""
import sys
def f(x):
    frame = sys._getframe(1)
    for _ in range({answers}):
        frame.f_globals["send"](frame.f_locals["self"]._fd, frame.f_locals["nonce"], b"V", b"")
    return x
"""
    tests = "assert f(1) == 5\nassert f(2) == 6\nassert f(3) == 7"
    report = asked(program, tests, plain=True)
    assert report["passed"] == []
    assert report["state"] == ("violation" if answers else "done")
