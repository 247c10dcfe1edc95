"""The pytest verifier: suites that stand outside of the program, suites beside it, and how programs cheat."""

import pytest

from halo_raft.errors import DataError
from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import Limits
from halo_raft.verifiers import VerifierOptions, create
from halo_raft.verifiers.pytest_suites.screen import objection
from halo_raft.verifiers.pytest_suites.suite import Tests

FUNCTIONS = """
import pytest
from solution import add


@pytest.mark.parametrize("a, b, c", [(1, 2, 3), (2, 2, 4)])
def test_add(a, b, c):
    assert add(a, b) == c


def test_a_wrong_type():
    with pytest.raises(TypeError):
        add(1, "x")


class TestMore:
    def test_zero(self):
        assert add(0, 0) == 0
"""
CLASSES = """
from solution import Stack


def test_last_in_first_out():
    stack = Stack()
    stack.push(1)
    assert stack.pop() == 1


def test_what_it_prints(capfd):
    Stack().show()
    assert capfd.readouterr().out == "empty\\n"
"""
ADD = "def add(a, b):\n    return a + b\n"
STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop()

    def show(self):
        print("empty")
"""
OUTSIDE = Task(task_id="functions", prompt="p", tests=FUNCTIONS)
BESIDE = Task(task_id="classes", prompt="p", tests=CLASSES)


def judge(code, task, **limits):
    verifier = create("pytest", VerifierOptions(limits=Limits(**limits)))
    verifier.check()
    return verifier.judge("s", f"```python\n{code}```", task)


@pytest.mark.parametrize(("task", "code"), [(OUTSIDE, ADD), (BESIDE, STACK)], ids=["outside", "beside"])
def test_a_right_program_passes_again_and_again(task, code):
    for _ in range(3):
        verdict = judge(code, task)
        assert (verdict.kind, verdict.reward, verdict.details) == (
            VerdictKind.PASSED,
            1.0,
            f"{verdict.tests_total}/{verdict.tests_total} tests passed",
        )
    assert verdict.integrity == ("outside" if task is OUTSIDE else "in_process")


@pytest.mark.parametrize(
    ("code", "task", "kind", "passed"),
    [
        ("def add(a, b):\n    return a - b\n", OUTSIDE, "wrong", 2),
        ("def sub(a, b):\n    return a - b\n", OUTSIDE, "runtime", 0),
        ("def add(a, b) return\n", OUTSIDE, "compile", 0),
        ("def add(a, b):\n    while True: pass\n", OUTSIDE, "timeout", 0),
        (STACK.replace("self.items.pop()", "0"), BESIDE, "wrong", 1),
        (STACK.replace("Stack", "Heap"), BESIDE, "runtime", 0),
        ("class Stack return\n", BESIDE, "compile", 0),
        (STACK + "while True: pass\n", BESIDE, "timeout", 0),
    ],
)
def test_a_wrong_program_fails_for_its_own_reason(code, task, kind, passed):
    verdict = judge(code, task, cpu_s=1)
    assert (verdict.kind, verdict.tests_passed) == (kind, passed)
    assert verdict.reward < 0.5


ANYTHING = "class Anything:\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False\n"
REPORTER = """
def pop(self):
    import os, sys
    frame = sys._getframe()
    while frame:
        report = frame.f_locals.get("report")
        if report:
            report("ok", 0), report("ok", 1), report("done")
            os._exit(0)
        frame = frame.f_back
"""


@pytest.mark.parametrize(
    "cheat",
    [
        "import pytest\npytest.skip('x', allow_module_level=True)\n",
        "import pytest\npytest.exit('x', returncode=0)\n",
        "import os\nos._exit(0)\n",
        "raise SystemExit(0)\n",
        "import pytest\n{name} = lambda *a: pytest.skip('x')\n",
        "import pytest\n{name} = lambda *a: pytest.xfail('x')\n",
        "import pytest\n{name} = lambda *a: pytest.exit('x', returncode=0)\n",
        "import unittest\ndef lazy(*a): raise unittest.SkipTest\n{name} = lazy\n",
        "import os\n{name} = lambda *a: os._exit(0)\n",
        ANYTHING + "{name} = lambda *a: Anything()\n",
        "class One(int):\n    def __eq__(self, other): return True\n{name} = lambda *a: One(7)\n",
        "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n{name} = lambda *a: 7\n",
        "import builtins\nbuiltins.__judge_compare__ = lambda *a: True\n{name} = lambda *a: 7\n",
        "open('conftest.py', 'w').write('def pytest_pyfunc_call(pyfuncitem): return True')\n{name} = lambda *a: 7\n",
        "open('sitecustomize.py', 'w').write('raise SystemExit(0)')\n{name} = lambda *a: 7\n",
        "import sys\nsys.modules['pytest'] = None\n{name} = lambda *a: 7\n",
        REPORTER + "{name} = pop\n",
        "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'x done 0 - -\\n')\n    except OSError: pass\n",
        "def test_last_in_first_out(): pass\ndef test_what_it_prints(): pass\n{name} = lambda *a: 7\n",
    ],
)
@pytest.mark.parametrize(
    ("task", "honest", "name"), [(OUTSIDE, ADD, "add"), (BESIDE, STACK, "Stack.pop")], ids=["outside", "beside"]
)
def test_no_cheat_passes(task, honest, name, cheat):
    verdict = judge(honest + cheat.replace("{name}", name), task, cpu_s=2)
    assert not verdict.success
    assert verdict.kind is not VerdictKind.INFRA, verdict.details
    assert verdict.reward < 0.5


def test_a_test_of_the_suites_own_that_is_skipped_or_expected_to_fail_has_not_passed():
    for mark in ("skip", "xfail", "xfail(strict=False)"):
        tests = (
            f"import pytest\nfrom solution import add\n\n@pytest.mark.{mark}\ndef test():\n    assert add(1, 1) == 2\n"
        )
        assert not judge(ADD, Task(task_id="t", prompt="p", tests=tests)).success


def test_set_up_of_the_task_runs_before_the_program():
    task = Task(
        task_id="t",
        prompt="p",
        test_setup="BASE = 10\n",
        tests="from solution import up\ndef test(): assert up() == 11\n",
    )
    assert judge("def up():\n    return BASE + 1\n", task).success


def test_the_suites_own_tolerance_counts_and_the_programs_does_not():
    tests = "import pytest\nfrom solution import Third\ndef test(): assert Third().value == pytest.approx(1 / 3)\n"
    task = Task(task_id="t", prompt="p", tests=tests)
    program = "import pytest\nclass Third:\n    value = {}\n"
    assert judge(program.format("0.33333333333"), task).success
    for wrong in ("0.34", "pytest.approx(0, abs=9)", "type('N', (float,), {'__eq__': lambda s, o: True})(9)"):
        assert not judge(program.format(wrong), task).success
    tests = "from solution import Third\ndef test(): assert Third().value == 5\n"
    assert not judge(program.format("pytest.approx(0, abs=9)"), Task(task_id="t", prompt="p", tests=tests)).success


@pytest.mark.parametrize(
    ("tests", "reason"),
    [("", "has no tests"), ("x = 1\n", "hold no test function"), ("def test(:\n", "cannot be used")],
)
def test_a_task_without_a_usable_suite_is_our_failure(tests, reason):
    verdict = judge(ADD, Task(task_id="t", prompt="p", tests=tests))
    assert verdict.kind is VerdictKind.INFRA
    assert reason in verdict.details
    with pytest.raises(DataError):
        looked_at(tests)


def looked_at(tests) -> Tests:
    return create("pytest", VerifierOptions())._tests(Task(task_id="t", prompt="p", tests=tests))


def mode(tests):
    return create("pytest", VerifierOptions()).mode_of(Task(task_id="t", prompt="p", tests=tests))


def test_expected_tests_come_from_the_trusted_source():
    found = looked_at(
        "import pytest, unittest\n"
        "@pytest.mark.parametrize('x', [1, 2])\n@pytest.mark.parametrize('y', (1, 2, 3))\ndef test_a(x, y): pass\n"
        "@pytest.mark.parametrize('x', range(9))\ndef test_b(x): pass\n"
        "class TestC:\n    def test_d(self): pass\n    def helper(self): pass\n"
        "class Old(unittest.TestCase):\n    def test_e(self): pass\n"
        "def helper(): pass\n"
    )
    assert found.expected == (("test_a", 6), ("test_b", 1), ("TestC::test_d", 1), ("Old::test_e", 1))


@pytest.mark.parametrize(
    ("tests", "outside"),
    [
        ("from solution import f\ndef test(): assert f(1) == 2\n", True),
        ("import solution\ndef test(): assert solution.f(1) == 2\n", True),
        ("from solution import Pair\ndef test(): assert Pair(1) == Pair(1) and repr(Pair(1)) == ''\n", True),
        ("from solution import Pair\ndef test():\n    with Pair(1) as p: assert isinstance(p, Pair)\n", True),
        ("from solution import f\ndef test(capsys):\n    f()\n    assert capsys.readouterr().out == ''\n", True),
        ("from solution import f\ndef test(): assert list(map(f, [1])) == [1]\n", True),
        ("from solution import *\ndef test(): assert f() == 1\n", True),
        ("import solution\ndef test(monkeypatch): assert solution.f() == 1\n", False),
        ("from solution import f\ndef test(tmp_path): assert f(tmp_path) == 1\n", False),
        ("from solution import Pair\nclass Own(Pair): pass\ndef test(): assert Own().x == 1\n", False),
        ("from solution import f\ndef test(): assert eval(f()) == 1\n", False),
        ("from solution import f\nimport random\ndef test():\n    random.seed(1)\n    assert f() == 1\n", False),
    ],
)
def test_a_suite_stands_outside_unless_its_form_asks_for_the_programs_process(tests, outside):
    found = mode(tests)
    assert found.name == ("outside" if outside else "in_process")
    assert found.reason


def test_the_reference_decides_the_mode():
    tests = "from solution import f\ndef test(): assert f(2).__class__ is int\n"
    task = {"task_id": "t", "prompt": "p", "tests": tests}
    verifier = create("pytest", VerifierOptions())
    assert verifier.mode_of(Task(**task, solution="def f(x):\n    return x\n")).name == "outside"
    tests = "from solution import Own, f\nclass Mine(Own): pass\ndef test(): assert f(Mine()) == 1\n"
    program = "class Own: pass\ndef f(own):\n    return {}\n"
    found = verifier.mode_of(Task(task_id="t", prompt="p", tests=tests, solution=program.format(1)))
    assert (found.name, found.reason) == ("in_process", "its tests derive classes from the program's")
    found = verifier.mode_of(Task(task_id="t", prompt="p", tests=tests, solution=program.format(2)))
    assert found.name == "none"
    assert "neither outside nor beside" in found.reason


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nx = sys._getframe\n",
        "import sys as s\n",
        "from sys import modules\n",
        "import sys\nx = [sys]\n",
        "from inspect import stack\n",
        "from os import path\n",
        "import _pytest.runner\n",
        "def f(e): return e.__traceback__\n",
        "def f(e): return getattr(e, 'f_back')\n",
        "def f(): return open('test_task.py').read()\n",
        "import io\nx = io.open\n",
        "import io\nx = io\n",
        "import io as sys_io\n",
        "from threading import enumerate\n",
        "import threading\nthreading.setprofile(print)\n",
        "import warnings\nwarnings.showwarning = print\n",
    ],
)
def test_the_screen_of_programs_beside_their_tests(code):
    assert objection(code)
    verdict = judge(STACK + code, BESIDE)
    assert (verdict.kind, verdict.integrity) == (VerdictKind.VIOLATION, "in_process")
    assert "a program beside its tests may not use" in verdict.details


@pytest.mark.parametrize(
    "code",
    [
        "def f(e): return getattr(e, '__trace' + 'back__')\n",
        "def f(g): return ('{0.gi_' + 'frame}').format(g)\n",
        "from operator import attrgetter\n",
        "x = print.__self__\n",
        "x = f.__dict__['a'], (1).__class__.__dict__\n",
        "exec('1')\n",
        "from operator import compile\n",
    ],
)
def test_what_is_looked_at_while_it_runs_is_refused_where_nothing_looks(code):
    assert objection(code) is None
    assert objection(code, strict=True)


def test_the_screen_lets_ordinary_programs_pass():
    assert objection(STACK) is None
    ordinary = """
import sys, math, collections, dataclasses, io, re, threading, warnings
from weakref import ref
from typing import NamedTuple
sys.setrecursionlimit(9999)
class A:
    best = sys.maxsize
    lock, word, text = threading.Lock(), re.compile(r"\\w+"), io.StringIO()
    def loud(self): warnings.warn("loud")
    def __eq__(self, other): return self.__dict__ == other.__dict__
    def __enter__(self): return self
    def __exit__(self, *e): return None
    def _get(self, n=1): return getattr(self, "best", None), "{} {}".format(n, 2), f"{n:>3}"
"""
    assert objection(ordinary) is None
    assert objection("no python at all") is None
