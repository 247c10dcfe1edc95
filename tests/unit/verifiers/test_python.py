"""Verdict kinds, rewards, and every false pass that is known to be tried."""

import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.sandbox import Limits, probe
from halo_raft.verifiers import VerifierOptions, create

TASK = Task(
    task_id="square",
    prompt="Write a function to square a number.",
    entry_point="f",
    test_list=("assert f(2) == 4", "assert f(3) == 9", "assert abs(f(0.5) - 0.25) < 1e-6", "assert f(1) in [1]"),
)
LIMITS = Limits(cpu_s=2, wall_s=6, memory_mb=256, output_kb=64)
HONEST = "def f(x):\n    return x * x"


def judge(code: str, task: Task = TASK, limits: Limits = LIMITS) -> Verdict:
    return create("python", VerifierOptions(limits=limits)).judge("s", textwrap.dedent(code).strip("\n"), task)


def with_tests(tests: str, entry_point: str | None = "f", setup: str | None = None) -> Task:
    return Task(task_id="t", prompt="p", entry_point=entry_point, tests=textwrap.dedent(tests), test_setup=setup)


def test_honest_code_passes() -> None:
    verdict = judge(HONEST)
    assert (verdict.kind, verdict.reward, verdict.success) == (VerdictKind.PASSED, 1.0, True)
    assert (verdict.tests_passed, verdict.tests_total) == (4, 4)
    assert (verdict.integrity, verdict.tier, verdict.verifier) == ("outside", probe().name, "python")
    assert verdict.verifier_version
    assert verdict.cpu_s > 0


KINDS = {
    "def f(x): return x": VerdictKind.WRONG,
    "def f(x) return x": VerdictKind.COMPILE,
    "I would rather not": VerdictKind.COMPILE,
    "(" * 500: VerdictKind.COMPILE,
    "def g(x): return x": VerdictKind.RUNTIME,
    "def f(x): return y": VerdictKind.RUNTIME,
    "def f(): return 1": VerdictKind.RUNTIME,
    "import no_such_module\ndef f(x): return x*x": VerdictKind.RUNTIME,
    "def f(x): return f(x)": VerdictKind.RUNTIME,
    "import os\ndef f(x): os.abort()": VerdictKind.RUNTIME,
    "f = 3": VerdictKind.RUNTIME,
    "def f(x):\n    while True: pass": VerdictKind.TIMEOUT,
    "import time\ndef f(x): time.sleep(99)": VerdictKind.TIMEOUT,
    "def f(x): return [0] * 10**9": VerdictKind.MEMORY,
    "x = 'x' * 10**10\ndef f(x): return 1": VerdictKind.MEMORY,
    "def f(x):\n    while True: print('x' * 1000)": VerdictKind.OUTPUT_LIMIT,
    "import resource\ndef f(x): raise AssertionError": VerdictKind.WRONG,
}


@pytest.mark.parametrize("code", KINDS)
def test_kind(code: str) -> None:
    verdict = judge(code, limits=Limits(cpu_s=0.7, wall_s=2, memory_mb=256, output_kb=64))
    assert verdict.kind is KINDS[code], verdict.details
    assert not verdict.success
    assert verdict.reward is not None
    assert verdict.reward < 0.5
    assert verdict.details


def test_partial_credit_stays_below_the_threshold() -> None:
    verdict = judge("def f(x):\n    return x * x if x != 3 else 8")
    assert (verdict.tests_passed, verdict.tests_total, verdict.kind) == (3, 4, VerdictKind.WRONG)
    assert verdict.reward == pytest.approx(0.3)
    assert "3/4" in verdict.details


def test_a_crash_outranks_a_wrong_answer() -> None:
    verdict = judge("def f(x):\n    return x if x == 2 else x / 0")
    assert verdict.kind is VerdictKind.RUNTIME
    assert "ZeroDivisionError" in verdict.details


def test_tests_before_a_hang_are_counted() -> None:
    limits = Limits(cpu_s=0.7, wall_s=3)
    verdict = judge("def f(x):\n    while x == 3: pass\n    return x * x", limits=limits)
    assert (verdict.kind, verdict.tests_passed) == (VerdictKind.TIMEOUT, 1)


EVERYTHING = """
class Liar{base}:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    def __le__(self, other): return True
    def __gt__(self, other): return True
    def __ge__(self, other): return True
    def __hash__(self): return hash(4)
    def __sub__(self, other): return Liar()
    def __rsub__(self, other): return Liar()
    def __abs__(self): return Liar()
    def __bool__(self): return True
    def __contains__(self, item): return True
"""

METACLASS = """
class Meta(type):
    def __hash__(cls): return hash(int)
    def __eq__(cls, other): return True
    def __instancecheck__(cls, other): return True
    __name__ = "int"
class Liar(metaclass=Meta):
    __class__ = int
    def __eq__(self, other): return True
    def __sub__(self, other): return 0
def f(x): return Liar()
"""

CHANNEL = """
import os
for line in ("ready 0 -", "ok 0 -", "ok 1 -", "ok 2 -", "ok 3 -", "done 0 -"):
    for token in ("", "0" * 32, "None"):
        os.write(3, f"{token} {line}\\n".encode())
"""

FALSE_PASSES = {
    "exit(0)": "import sys\nsys.exit(0)",
    "exit in the function": "import sys\ndef f(x): sys.exit(0)",
    "os._exit(0)": "import os\nos._exit(0)",
    "os._exit in the function": "import os\ndef f(x): os._exit(0)",
    "raise SystemExit": "def f(x): raise SystemExit",
    "quit": "def f(x): raise SystemExit(0)\nraise SystemExit(0)",
    "kill oneself": "import os\ndef f(x): os.kill(os.getpid(), 9)",
    "terminate oneself": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
    "thread exits": "import os, threading, time\nthreading.Timer(0.05, lambda: os._exit(0)).start()\n"
    "def f(x): time.sleep(9)",
    "atexit": "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): raise SystemExit",
    "exit in a destructor": "import os\nclass D:\n    def __del__(self): os._exit(0)\ndef f(x):\n    D()\n    return 0",
    "SkipTest": "import unittest\ndef f(x): raise unittest.SkipTest('no')",
    "KeyboardInterrupt": "def f(x): raise KeyboardInterrupt",
    "GeneratorExit": "def f(x): raise GeneratorExit",
    "print a marker": "print('4/4 tests passed')\nprint('done')\ndef f(x): return 0",
    "equals everything": EVERYTHING.format(base="") + "def f(x): return Liar()",
    "equals everything, int": EVERYTHING.format(base="(int)") + "def f(x): return Liar(77)",
    "equals everything, float": EVERYTHING.format(base="(float)") + "def f(x): return Liar(77)",
    "equals everything, str": EVERYTHING.format(base="(str)") + "def f(x): return Liar('y')",
    "equals everything, list": EVERYTHING.format(base="(list)") + "def f(x): return Liar()",
    "equals everything behind a proxy": EVERYTHING.format(base="")
    + "import weakref\nkeep = Liar()\ndef f(x): return weakref.proxy(keep)",
    "equals everything behind a callable proxy": EVERYTHING.format(base="")
    + "    def __call__(self): pass\nimport weakref\nkeep = Liar()\ndef f(x): return weakref.proxy(keep)",
    "equals everything behind a mapping proxy": EVERYTHING.format(base="(dict)")
    + "import types\ndef f(x): return types.MappingProxyType(Liar())",
    "equals everything in an array": EVERYTHING.format(base="")
    + "import numpy\ndef f(x): return numpy.array([Liar()], dtype=object)",
    "equals everything in a view": EVERYTHING.format(base="") + "def f(x): return {1: Liar()}.values()",
    "metaclass poses as int": METACLASS,
    "a class instead of a function": EVERYTHING.format(base="") + "class f(Liar):\n    def __init__(self, x): pass",
    "AssertionError replaced": "import builtins\nbuiltins.AssertionError = type('X', (BaseException,), {})\n"
    "def f(x): return 0",
    "builtins replaced": "import builtins\nfor n in ('abs', 'all', 'len', 'isinstance', 'type', 'str', 'id', 'set'):\n"
    "    setattr(builtins, n, lambda *a: True)\ndef f(x): return 0",
    "abs shadowed": "def abs(x): return 0\ndef f(x): return 0",
    "exec replaced": "import builtins\nbuiltins.exec = lambda *a: None\ndef f(x): return 0",
    "marshal and os replaced": "import marshal, os\nmarshal.loads = lambda b: compile('', '', 'exec')\n"
    "os.write = lambda *a: 0\nos._exit = lambda c: None\nos.getpid = lambda: 1\ndef f(x): return 0",
    "operator replaced": "import operator, _operator\nfor m in (operator, _operator):\n"
    "    m.eq = m.lt = lambda a, b: True\n"
    "def f(x): return 0",
    "sys.modules replaced": "import sys\nfor n in list(sys.modules):\n    if n != 'sys': sys.modules[n] = None\n"
    "def f(x): return 0",
    "forged report": CHANNEL + "def f(x): return 0",
    "forged report, then exit": CHANNEL + "os._exit(0)",
    "forged report in the function": "def f(x):\n" + textwrap.indent(CHANNEL, "    ") + "    os._exit(0)",
    "forged report, then hang": CHANNEL + "while True: pass",
    "channel closed": "import os\nos.close(3)\ndef f(x): return x * x",
    "a fork votes": "import os\ndef f(x):\n    for guess in range(20):\n        if os.fork() == 0: return guess\n"
    "    os.wait()\n    os._exit(0)",
    "a fork outlives": "import os, time\nif os.fork(): os._exit(0)\ndef f(x): return x * x",
    "trace function": "import sys\ntry:\n    sys.settrace(lambda *a: None)\nexcept AttributeError: pass\n"
    "def f(x): return 0",
    "function named like the harness's": "def main(*a): pass\ndef __judge_ok__(n): pass\n"
    "def __judge_compare__(*a): return True\n__judge_any__ = ()\ndef f(x): return 0",
    "globals of the tests": "import sys\ndef f(x):\n    g = globals()\n"
    "    g['__judge_compare__'] = lambda *a: True\n    return 0",
    "unbounded depth": "def f(x):\n    a = []\n    for _ in range(100000): a = [a]\n    return a",
    "a cycle": "def f(x):\n    a = []\n    a.append(a)\n    return a",
    "deep recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return f(x)",
    "import hook": "import sys\nclass H:\n    def find_spec(self, *a): raise SystemExit(0)\n"
    "sys.meta_path.insert(0, H())\ndef f(x): return 0",
    "empty": "",
    "only a comment": "# f",
}


@pytest.mark.parametrize("name", FALSE_PASSES)
def test_false_pass(name: str) -> None:
    verdict = judge(FALSE_PASSES[name])
    assert not verdict.success, verdict
    assert verdict.kind not in (VerdictKind.PASSED, VerdictKind.INFRA), verdict
    assert verdict.reward is not None
    assert verdict.reward < 0.5


CHECK = with_tests("def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 9\n")
SOLUTION = with_tests("def test_solution():\n    assert f(2) == 4\n    assert f(3) == 9\n")


@pytest.mark.parametrize("task", [CHECK, SOLUTION], ids=["check", "test_solution"])
@pytest.mark.parametrize("name", FALSE_PASSES)
def test_false_pass_in_a_test_function(name: str, task: Task) -> None:
    extra = "\ndef check(candidate): pass\ndef test_solution(): pass\n"
    verdict = judge(FALSE_PASSES[name] + extra, task)
    assert not verdict.success, verdict
    assert verdict.kind is not VerdictKind.INFRA, verdict


def test_a_forged_report_is_a_violation_without_credit() -> None:
    verdict = judge(CHANNEL + HONEST)
    assert (verdict.kind, verdict.reward) == (VerdictKind.VIOLATION, 0.0)


def test_patched_module_functions_do_not_reach_the_tests() -> None:
    task = with_tests("import math\nassert math.isclose(f(2), 4)\nfrom math import isclose\nassert isclose(f(3), 9)")
    assert judge("import math\nmath.isclose = lambda a, b: True\ndef f(x): return 0.0", task).tests_passed == 0
    assert judge("import math\ndef f(x): return float(math.pow(x, 2))", task).success


HONEST_VALUES = {
    "Counter": ("from collections import Counter\ndef f(x): return Counter(x)", "assert f('aab') == {'a': 2, 'b': 1}"),
    "defaultdict": (
        "from collections import defaultdict\ndef f():\n    d = defaultdict(list)\n    d[1].append(2)\n    return d",
        "assert f() == {1: [2]}",
    ),
    "namedtuple": (
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(): return P(1, 2)",
        "assert f() == (1, 2)",
    ),
    "namedtuple attribute": (
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(): return [P(1, 2)]",
        "assert f() == [(1, 2)]",
    ),
    "IntEnum": ("import enum\nclass E(enum.IntEnum):\n    A = 1\ndef f(): return E.A", "assert f() == 1"),
    "deque": ("from collections import deque\ndef f(): return deque([1, 2])", "assert list(f()) == [1, 2]"),
    "Decimal": ("from decimal import Decimal\ndef f(): return Decimal(2)", "assert f() == 2"),
    "generator": ("def f():\n    yield 1\n    yield 2", "assert list(f()) == [1, 2]"),
    "map": ("def f(): return map(str, [1])", "assert list(f()) == ['1']"),
    "dict keys": ("def f(): return {1: 2}.keys()", "assert f() == {1}"),
    "range": ("def f(): return range(3)", "assert f() == range(3) and 2 in f() and len(f()) == 3"),
    "complex": ("def f(): return 1j", "assert f() == 1j"),
    "nan": ("def f(): return float('nan')", "assert f() != f()"),
    "chain": ("def f(): return 3", "assert 2 < f() <= 3 < 4"),
    "identity": ("def f(): return None", "assert f() is None and f() is not 3"),
    "not": ("def f(): return False", "assert not f()"),
    "dict values": ("def f(): return {1: 2}.values()", "assert list(f()) == [2]"),
    "dict items": ("def f(): return {1: 2}.items()", "assert set(f()) == {(1, 2)}"),
    "function as argument": ("def f(g, a): return [g(x) for x in a]", "assert f(lambda x: x + 1, [1, 2]) == [2, 3]"),
    "argument that asks back": (
        "class P:\n    def __init__(self, v): self.v = v\ndef f(g, a): return [g(P(x)) for x in a]",
        "assert P(1).v == 1\nassert f(lambda p: p.v + 1, [1, 2]) == [2, 3]",
    ),
    "argument that calls again": (
        "def f(g, n): return g(n) if n else 1",
        "def g(n): return n * f(g, n - 1)\nassert f(g, 4) == 24",
    ),
    "error from an argument": (
        "def f(g):\n    try:\n        return g()\n    except ValueError:\n        return 'caught'",
        "def g(): raise ValueError\nassert f(g) == 'caught'",
    ),
    "expected error": ("def f(): raise KeyError('a')", "try:\n    f()\n    assert False\nexcept KeyError:\n    pass"),
    "own error": (
        "class E(ValueError): pass\ndef f(): raise E",
        "try:\n    f()\n    assert False\nexcept ValueError:\n    pass",
    ),
    "imported": ("def f(): return 1", "from solution import f as g\nassert g() == 1"),
    "regex": ("import re\ndef f(s): return re.search('b', s)", "assert f('abc') and not f('x')"),
    "own class": ("class P:\n    def __init__(self, a): self.a = a\ndef f(p): return p.a", "assert f(P(3)) == 3"),
    "own class returned": (
        "class P:\n    def __init__(self, a): self.a = a\ndef f(a): return P(a)",
        "assert f(3).a == P(3).a",
    ),
    "higher order": ("def f(n): return lambda x: x + n", "assert f(2)(3) == 5"),
    "memoized": ("import functools\n@functools.cache\ndef f(n): return n", "assert f(2) == 2"),
    "own max": ("max = 3\ndef f(): return max", "assert max([f(), 1]) == 3"),
    "threads": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def f():\n    with ThreadPoolExecutor(2) as e: return list(e.map(str, [1]))",
        "assert f() == ['1']",
    ),
    "dataclass": (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    a: int = 1\n"
        "def f(): return P().a",
        "assert f() == 1",
    ),
    "main guard": ("def f(): return 1\nif __name__ == '__main__':\n    print(f(int(input())))", "assert f() == 1"),
    "standard library": (
        "import asyncio, heapq, itertools, json, logging, multiprocessing, random\n"
        "import statistics, threading, typing, unittest\n"
        "def f(): return 1",
        "assert f() == 1",
    ),
    "numpy": ("import numpy as np\ndef f(a): return np.sum(a)", "assert f([1, 2]) == 3"),
    "numpy float": ("import numpy as np\ndef f(a): return [np.mean(a)]", "assert f([1, 2]) == [1.5]"),
}


def test_arguments_are_copies() -> None:
    task = with_tests("a = [3, 1]\nassert f(a) == sorted(a)")
    assert judge("def f(a):\n    a.clear()\n    return []", task).kind is VerdictKind.WRONG


def test_setup_classes_cross_as_copies() -> None:
    setup = "class Node:\n    def __init__(self, value, next=None):\n        self.value, self.next = value, next"
    task = with_tests("head = Node(1, Node(2))\nassert f(head) == 3\nassert g(head).value == 2", setup=setup)
    code = "def f(n): return n.value + f(n.next) if isinstance(n, Node) else 0\ndef g(n): return n.next"
    assert judge(code, task).success


def test_an_objects_own_equality_has_no_say() -> None:
    code = (
        "class P:\n    def __init__(self, a): self.a = a\n    def __eq__(self, o): return True\ndef f(a): return P(a)"
    )
    assert not judge(code, with_tests("assert f(3) == P(3)")).success
    assert not judge(code, with_tests("assert f(3) == 3")).success


@pytest.mark.parametrize("name", HONEST_VALUES)
def test_honest_values_pass(name: str) -> None:
    code, tests = HONEST_VALUES[name]
    verdict = judge(code, with_tests(tests), Limits(memory_mb=1024))
    assert verdict.success, verdict


@pytest.mark.parametrize(
    ("tests", "total"),
    [
        ("assert f(2) == 4\nassert f(3) == 9", 2),
        ("def test_solution():\n    assert f(2) == 4\n    assert f(3) == 9", 2),
        ("def test_a():\n    assert f(2) == 4\ndef test_b():\n    assert f(3) == 9", 2),
        ("def check(candidate):\n    for i in range(5):\n        assert candidate(i) == i * i\n    assert True", 1),
        ("def check(candidate):\n    assert candidate(2) == 4\ncheck(f)", 1),
        ("def same(a, b):\n    assert a == b\ndef test_solution():\n    same(f(2), 4)\n    same(f(3), 9)", 2),
        ("def test_solution():\n    if f(2) != 4:\n        raise ValueError", 1),
        ("for x in range(3):\n    assert f(x) == x * x, 'message'", 1),
        ("with open('/dev/null') as n:\n    assert f(2) == 4", 1),
    ],
)
def test_forms_of_tests(tests: str, total: int) -> None:
    verdict = judge(HONEST, with_tests(tests))
    assert verdict.success, verdict
    assert verdict.tests_total == total
    assert not judge("def f(x): return 1 if x else 7", with_tests(tests)).success


@pytest.mark.parametrize(
    "tests", ["", "x = 1", "def test_solution(): pass", "assert True", "assert f(", "def check(candidate):\n    pass"]
)
def test_tests_that_test_nothing_are_our_failure(tests: str) -> None:
    verdict = judge(HONEST, with_tests(tests))
    assert (verdict.kind, verdict.reward) == (VerdictKind.INFRA, None)
    assert "DataError" in verdict.details


def test_setup_runs_before_or_after() -> None:
    needs_class = with_tests("assert f(root) == 1", setup="root = Node(1)")
    assert judge("class Node:\n    def __init__(self, v): self.v = v\ndef f(n): return n.v", needs_class).success
    gives_class = with_tests("assert f(Node(1)) == 1", setup="class Node:\n    def __init__(self, v): self.v = v")
    assert judge("def f(n: Node): return n.v", gives_class).success


def test_entry_point_of_the_tests_wins_over_a_wrong_one() -> None:
    completion = "```python\ndef f(x): return x * x\n```\n```python\nprint(f(2), 'a longer block of usage')\n```"
    assert judge(completion, with_tests("assert f(3) == 9", entry_point="helper")).success
    assert judge(completion, with_tests("assert f(3) == 9", entry_point=None)).success


def test_nothing_is_shared_between_samples() -> None:
    judge("open('left.txt', 'w').write('x')\ndef f(x): return 0")
    assert not judge("import os\nF = os.path.exists('left.txt')\ndef f(x): return x * x if F else 0").success


def test_environment_does_not_reach_the_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    code = "import os\ndef f(x): return x * x if 'HF_TOKEN' in os.environ else 0"
    assert not judge(code).success


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text(st.characters(), max_size=80)
    | st.sampled_from(["\x00", "\udc80", "def f(x):\x00 pass", "'\ud800'", "f=" * 99])
)
def test_any_completion_gets_a_verdict(completion: str) -> None:
    verdict = judge(completion)
    assert verdict.kind not in (VerdictKind.PASSED, VerdictKind.INFRA)
    verdict.to_json().encode()


FORKS = """
import os, random, threading, time

def state():
    return threading.active_count(), random.getstate()[1][:3]

def f(x):
    threading.Thread(target=time.sleep, args=(0.5,), daemon=True).start()
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, repr(state()).encode())
        os._exit(0)
    os.wait()
    threads, drawn = eval(os.read(reader, 999))
    return threads, drawn != state()[1]
"""


def test_forks_of_the_program_have_one_thread_and_numbers_of_their_own() -> None:
    if probe().name == "B":
        pytest.skip("tier B may refuse forks")
    verdict = judge(FORKS, with_tests("assert f(1) == (1, True)"))
    assert verdict.success, verdict.details


def test_every_run_draws_other_random_numbers() -> None:
    code = "import random\ndef f(x): raise ValueError(random.random())"
    assert len({judge(code).details for _ in range(3)}) == 3
