"""Judging across the border: objects, errors, streams, and the mode of a task. Every program runs in the sandbox."""

import random

import pytest

from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import Limits
from halo_raft.verifiers import VerifierOptions, create
from halo_raft.verifiers.base import VerifyResult
from halo_raft.verifiers.functions.decoys import lineup
from halo_raft.verifiers.functions.instrument import suite_of
from halo_raft.verifiers.functions.mode import by_reference

SHAPE = """class Shape:
    made = 0
    def __init__(self, w, h=1):
        self.w, self.h = w, h
        Shape.made += 1
    def __add__(self, o): return Shape(self.w + o.w, self.h)
    def __eq__(self, o): return isinstance(o, Shape) and (self.w, self.h) == (o.w, o.h)
    def __lt__(self, o): return self.w < o.w
    def __repr__(self): return f"Shape({self.w}, {self.h})"
    def __iter__(self): return iter((self.w, self.h))
    def __enter__(self): return self
    def __exit__(self, *error): self.w = 0
    def __setitem__(self, k, v): setattr(self, k, v)
    @classmethod
    def unit(cls): return cls(1)
    @staticmethod
    def twice(n): return 2 * n
def f(w):
    return Shape(w)
"""
HONEST = {
    "class": (
        SHAPE,
        "a = Shape(2, 3)\nassert a + Shape(1) == Shape(3, 3)\nassert a != Shape(2)\nassert Shape(1) < a\n"
        "assert repr(a) == 'Shape(2, 3)' and f'{a}' == str(a)\nassert list(a) == [2, 3]\na['w'] = 5\nassert a.w == 5\n"
        "a.h = 9\nassert tuple(a) == (5, 9)\nassert Shape.unit().w == 1 and Shape.twice(4) == 8\n"
        "assert isinstance(a, Shape) and not isinstance(3, Shape)\nwith a as b:\n    assert b is a\nassert a.w == 0\n"
        "assert f(3) == Shape(3) and f(3).w == 3",
    ),
    "what a context is told of an error": (
        "class f:\n    def __enter__(self): return self\n    def __exit__(self, kind, error, trace):\n"
        "        self.told = error.args\n        return kind is KeyError",
        "with f() as box:\n    raise KeyError('x', 3)\nassert box.told == ('x', 3)",
    ),
    "live constant": ("n = 0\ndef f():\n    global n\n    n += 1", "assert n == 0\nf()\nf()\nassert n == 2"),
    "error of a module": (
        "import json\ndef f(s): return json.loads(s)",
        "import json\ntry:\n    f('{')\n    ok = False\nexcept json.JSONDecodeError as e:\n    ok = e.pos == 1\n"
        "assert ok",
    ),
    "error with attributes": (
        "class Full(ValueError):\n    def __init__(self, n):\n        super().__init__(f'{n} is too much')\n"
        "        self.n = n\n"
        "def f(n): raise Full(n)",
        "try:\n    f(3)\nexcept Full as e:\n"
        "    assert e.n == 3 and str(e) == '3 is too much' and isinstance(e, ValueError)\n"
        "else:\n    assert False",
    ),
    "exit that is expected": (
        "import sys\ndef f(): sys.exit(3)",
        "try:\n    f()\nexcept SystemExit as e:\n    assert e.code == 3",
    ),
    "decorator": (
        "import functools\ndef f(g):\n    @functools.wraps(g)\n    def w(*a): return 2 * g(*a)\n    return w",
        "@f\ndef three():\n    'Three.'\n    return 3\nassert three() == 6 and three.__name__ == 'three'",
    ),
    "cache": (
        "import functools\n@functools.cache\ndef f(n): return n",
        "f(1)\nf(1)\nassert f.cache_info().hits == 1\nf.cache_clear()\nassert f.cache_info().currsize == 0",
    ),
    "arguments of a callback": (
        "def f(g, xs):\n    g(xs)\n    return xs",
        "assert f(lambda xs: xs.append(2), [1]) == [1, 2]",
    ),
    "generator": (
        "def f(n):\n    got = yield n\n    yield got * 2",
        "g = f(3)\nassert next(g) == 3 and g.send(4) == 8\nimport inspect\nassert inspect.isgenerator(f(1))",
    ),
    "endless argument": (
        "from itertools import islice\ndef f(xs): return list(islice(xs, 40))",
        "from itertools import count\nassert f(count()) == list(range(40))",
    ),
    "function of the program": (
        "def f(g, x): return g(x)\ndef h(x): return x + 1",
        "assert f(h, 2) == 3 and list(map(h, [1])) == [2]",
    ),
    "enum": (
        "import enum\nclass Tone(enum.Enum):\n    LOW = 1\n    HIGH = 2\ndef f(n): return Tone(n)",
        "assert f(2) is Tone.HIGH and f(1) == Tone.LOW and f(2).name == 'HIGH' and [t.value for t in Tone] == [1, 2]",
    ),
    "class of the tests": (
        "def f(p): return p.x + p.y",
        "class Point:\n    def __init__(self, x, y): self.x, self.y = x, y\nassert f(Point(1, 2)) == 3",
    ),
    "input": (
        "def f(): return int(input('? ')) * 2",
        "from unittest.mock import patch\nwith patch('builtins.input', return_value='4') as asked:\n"
        "    assert f() == 8\n"
        "asked.assert_called_once_with('? ')",
    ),
    "standard input": (
        "import sys\ndef f(): return sum(map(int, sys.stdin.read().split())) + int(not input.__doc__)",
        "import io, sys\nold, sys.stdin = sys.stdin, io.StringIO('1 2\\n3')\nassert f() == 6\nsys.stdin = old",
    ),
    "named tuple": (
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(): return P(1, 2)",
        "assert f().x == 1 and f() == (1, 2)",
    ),
    "named tuple of a class that the tests use": (
        "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    y: int = 7\n"
        "def f(p): return p._replace(x=p.x + 1)",
        "q = f(P(1))\nassert q == P(2, 7) and q == (2, 7) and (2, 7) == q and q != (2, 8)\na, b = q\nassert a + b == 9",
    ),
    "slices and copies": (
        "class A:\n    def __init__(self): self.x = [1, 2, 3]\n    def __getitem__(self, at): return self.x[at]\n"
        "def f(xs, part): return xs[part]",
        "import copy\na = A()\nb = copy.copy(a)\nc = copy.deepcopy(a)\na.x = [5]\n"
        "assert (b.x, c[1:]) == ([1, 2, 3], [2, 3])\n"
        "assert a[::-1] == [5] and f('abcd', slice(None, None, 2)) == 'ac'",
    ),
    "cause and notes of an exception": (
        "class Bad(Exception): pass\ndef f(s):\n    try:\n        return [][s]\n    except IndexError as e:\n"
        "        bad = Bad('bad')\n        bad.add_note('look')\n        raise bad from e",
        "try:\n    f(3)\nexcept Bad as e:\n    told = e\n"
        "assert isinstance(told.__cause__, IndexError) and told.__cause__.__cause__ is None\n"
        "assert told.__notes__ == ['look']",
    ),
    "time zones": (
        "from zoneinfo import ZoneInfo\ndef f(t, zone): return t.astimezone(zone), ZoneInfo('Europe/Oslo')",
        "from datetime import datetime, timedelta, timezone\nfrom zoneinfo import ZoneInfo\n"
        "east = timezone(timedelta(hours=3), 'EAT')\nnoon = datetime(2021, 7, 1, 12, tzinfo=ZoneInfo('Europe/Oslo'))\n"
        "got, zone = f(noon, east)\nassert got.hour == 13 and got.tzinfo == east\n"
        "assert zone == noon.tzinfo and f(got, zone)[0].utcoffset() == timedelta(hours=2)\n"
        "assert f(noon, timezone.utc)[0].tzinfo is timezone.utc",
    ),
    "class in capitals": (
        "from collections import OrderedDict\nclass LRU(OrderedDict):\n    def __init__(self, n):\n"
        "        super().__init__()\n        self.n = n\n    def __getitem__(self, k):\n        self.move_to_end(k)\n"
        "        return super().__getitem__(k)\n    def __setitem__(self, k, v):\n        super().__setitem__(k, v)\n"
        "        while len(self) > self.n:\n            del self[next(iter(self))]",
        "d = LRU(2)\nd['a'] = 1\nd['b'] = 2\nd['a']\nd['c'] = 3\nassert 'b' not in d and list(d) == ['a', 'c']",
    ),
    "async": (
        "import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x\nasync def g():\n"
        "    for i in range(3):\n"
        "        yield i",
        "import asyncio\nasync def test_it():\n    assert await asyncio.gather(f(1), f(2)) == [1, 2]\n"
        "    assert [i async for i in g()] == [0, 1, 2]",
    ),
}


def judge(code, tests, verifier="python", limits=None, **fields):
    task = Task(task_id="t", prompt="Solve it.", tests=tests, entry_point=fields.pop("entry_point", "f"), **fields)
    options = VerifierOptions(limits=limits or Limits(cpu_s=3, wall_s=20))
    return create(verifier, options).judge("s", code, task)


@pytest.mark.parametrize("name", HONEST)
def test_honest_programs_pass_outside(name):
    verdict = judge(*HONEST[name])
    assert (verdict.kind, verdict.integrity) == (VerdictKind.PASSED, "outside"), verdict.details


REPEATED = {
    "enum": "from enum import Enum\nclass Side(Enum):\n    LEFT = 'l'\n    RIGHT = 'r'\n",
    "class": "class Side:\n    def __init__(self, name): self.name = name\n"
    "    def __eq__(self, o): return self.name == o.name\n"
    "Side.LEFT, Side.RIGHT = Side('LEFT'), Side('RIGHT')\n",
}


@pytest.mark.parametrize("name", REPEATED)
@pytest.mark.parametrize("repeats", [False, True])
def test_a_program_may_repeat_a_class_of_the_set_up(name, repeats):
    program = "def f(s): return Side.RIGHT if s == Side.LEFT else Side.LEFT"
    tests = "assert f(Side.LEFT) == Side.RIGHT\nassert f(Side.RIGHT).name == 'LEFT'"
    code = REPEATED[name] * repeats + program
    assert judge(code, tests, test_setup=REPEATED[name]).success
    assert not judge(REPEATED[name] * repeats + "def f(s): return s", tests, test_setup=REPEATED[name]).success


def test_a_class_that_repeats_one_of_the_set_up_does_not_say_what_it_equals():
    liar = "class Side:\n    def __eq__(self, o): return True\n    def __getattr__(self, n): return 'LEFT'\n"
    tests = "assert f(Side.LEFT) == Side.RIGHT\nassert f(Side.RIGHT).name == 'LEFT'"
    code = f"{liar}Side.LEFT = Side.RIGHT = Side()\ndef f(s): return Side()"
    assert not judge(code, tests, test_setup=REPEATED["class"]).success


def test_a_prompt_of_one_line_is_prose():
    task = Task(task_id="t", prompt="class Sum: plus(x), total", tests="s = Sum()\ns.plus(2)\nassert s.total == 2")
    code = "class Sum:\n    total = 0\n    def plus(self, x): self.total += x"
    assert create("python", VerifierOptions()).judge("s", code, task).success


def test_a_function_stands_in_for_the_method_that_tests_call():
    tests = "assert Solution().turn([1, 2]) == [2, 1]\nassert Solution().turn([]) == []"
    assert judge("def turn(xs): return xs[::-1]", tests, entry_point="Solution").success
    assert not judge("def turn(xs): return xs", tests, entry_point="Solution").success
    assert not judge("def turn(xs): return xs[::-1]\nclass Solution: pass", tests, entry_point="Solution").success


IN_PROCESS = {
    "kept by an object": (
        "class Box:\n    def __init__(self, xs): self.xs = list(xs)\n    def put(self, x): self.xs.append(x)\n",
        "xs = [1]\nbox = Box(xs)\nbox.put(2)\nassert xs == [1] and box.xs == [1, 2]",
        "its tests look at what they handed to the program and it goes on using",
    ),
    "kept by a function": (
        "def f(out):\n    def say(x): out.append(x)\n    return say",
        "out = []\nsay = f(out)\nsay(1)\nsay(2)\nassert out == [1, 2]",
        "its tests look at what they handed to the program and it goes on using",
    ),
    "handed again": (
        "class Hub:\n    def __init__(self): self.all = []\n    def join(self, x): self.all.append(x)\n"
        "    def leave(self, x): self.all.remove(x)\n    def say(self, n):\n        for x in self.all: x.hear(n)",
        "class Ear:\n    def __init__(self): self.heard = []\n    def hear(self, n): self.heard.append(n)\n"
        "def test_hub():\n    one, two = Ear(), Ear()\n    hub = Hub()\n    hub.join(one)\n    hub.join(two)\n"
        "    hub.say(1)\n    hub.leave(one)\n    hub.say(2)\n    assert (one.heard, two.heard) == ([1], [1, 2])",
        "its tests look at what they handed to the program and it goes on using",
    ),
    "mocks": (
        "def f(shop): return [shop.price(x) for x in 'ab']",
        "from unittest.mock import Mock, call\nshop = Mock()\nshop.price.side_effect = [3, 4]\n"
        "assert f(shop) == [3, 4]\n"
        "assert shop.price.call_args_list == [call('a'), call('b')] and shop.price.call_count == 2",
        "its tests hand objects to the program that mock others",
    ),
    "given by a context": (
        "from contextlib import contextmanager\n@contextmanager\ndef f(x):\n"
        "    seen = []\n    yield seen\n    seen.append(x)\n",
        "with f(3) as seen:\n    assert seen == []\nassert seen == [3]\n",
        "its tests look at what they handed to the program and it goes on using",
    ),
    "kept by a context": (
        "from contextlib import contextmanager\n@contextmanager\ndef f(out):\n    out.append('in')\n    yield\n"
        "    out.append('out')",
        "out = []\nwith f(out):\n    out.append('x')\nassert out == ['in', 'x', 'out']",
        "its tests look at what they handed to the program and it goes on using",
    ),
    "classes": (
        "from dataclasses import dataclass\nfrom enum import Flag\nclass P(Flag):\n    R = 1\n"
        "@dataclass\nclass D:\n    x: int\ndef f(x): return D(x)",
        "from dataclasses import asdict\nfrom enum import Flag\nassert asdict(f(3)) == {'x': 3}\n"
        "assert issubclass(P, Flag) and isinstance(P.R, Flag)\n"
        "assert type(f(2)) is D and f(1).__class__.__name__ == 'D'",
        "its tests look into the program's functions and classes",
    ),
    "threads": (
        "import threading\nclass Count:\n    def __init__(self): self.n, self.lock = 0, threading.Lock()\n"
        "    def add(self):\n        with self.lock: self.n += 1",
        "from concurrent.futures import ThreadPoolExecutor\nc = Count()\nwith ThreadPoolExecutor(4) as pool:\n"
        "    for _ in range(40): pool.submit(c.add)\nassert c.n == 40",
        "its tests use the program in several threads",
    ),
    "coroutines": (
        "import asyncio\nasync def f(tasks): return sum(await asyncio.gather(*tasks))",
        "import asyncio\nasync def one(x):\n    return x\nassert asyncio.run(f([one(1), one(2)])) == 3",
        "its tests hand coroutines to the program",
    ),
    "eval": ("def f(x): return f'{x} + {x}'", "assert eval(f(2)) == 4", "its tests run what the program returns"),
    "asked what it is": (
        "async def f(): return 4",
        "import asyncio\nassert asyncio.iscoroutinefunction(f)\nassert asyncio.run(f()) == 4",
        "its tests look into the program's functions and classes",
    ),
    "seeded": (
        "import random\ndef f(): return random.random()",
        "import random\nrandom.seed(1)\na = f()\nrandom.seed(1)\nassert a == random.random()",
        "its tests seed random numbers for the program",
    ),
    "derived": (
        "class A:\n    def g(self): return self.h()\ndef f(a): return a.g()",
        "class B(A):\n    def h(self): return 5\nassert f(B()) == 5",
        "its tests derive classes from the program's",
    ),
    "patched": (
        "import time\ndef f(): return time.time()",
        "from unittest.mock import patch\nwith patch('time.time', return_value=3.0):\n    assert f() == 3.0",
        "its tests patch what the program uses",
    ),
    "parts that are changed": (
        "class Node:\n    def __init__(self, n): self.n, self.below = n, []\n"
        "def f(node): return node.n + sum(map(f, node.below))",
        "top = Node(1)\ntop.below.append(Node(2))\ntop.below[0].below.append(Node(3))\nassert f(top) == 6",
        "its tests change what the program's objects hold",
    ),
    "an answer that is changed": (
        "class Cart:\n    def __init__(self): self._all = ['a']\n    def items(self): return list(self._all)\n",
        "cart = Cart()\nitems = cart.items()\nitems.clear()\nassert cart.items() == ['a']",
        "its tests change what the program's objects hold",
    ),
    "names of types": (
        "class Dog: pass\nclass Cat(Dog): pass\ndef f(): return [Dog(), Cat()]",
        "assert Cat() is not None and [type(e).__name__ for e in f()] == ['Dog', 'Cat']",
        "its tests look into the program's functions and classes",
    ),
    "slots": (
        "class f:\n    __slots__ = ('n',)\n    def __init__(self, n): self.n = n",
        "assert not hasattr(f(1), '__dict__') and f(1).n == 1",
        "its tests look into the program's functions and classes",
    ),
    "a class of the tests that is decorated": (
        "def f(cls):\n    cls.__repr__ = lambda self: 'shown'\n    return cls",
        "@f\nclass Own:\n    pass\nassert repr(Own()) == 'shown'",
        "its tests have the program decorate classes of their own, or methods",
    ),
    "a method of the tests that is decorated": (
        "def f(g):\n    def inner(self): return 2 * g(self)\n    return inner",
        "class Own:\n    n = 2\n    @f\n    def get(self): return self.n\nassert Own().get() == 4",
        "its tests have the program decorate classes of their own, or methods",
    ),
    "files": (
        "def f(p):\n    with open(p) as file: return file.read()",
        "import os\nwith open('a.txt', 'w') as file:\n    n = file.write('hi')\nassert f('a.txt') == 'hi'",
        "its tests use files that they share with the program",
    ),
}


@pytest.mark.parametrize("name", IN_PROCESS)
@pytest.mark.parametrize("with_reference", [False, True])
def test_what_only_the_programs_process_can_judge_is_judged_there(name, with_reference):
    code, tests, reason = IN_PROCESS[name]
    fields = {"solution": code} if with_reference else {}
    verdict = judge(code, tests, **fields)
    assert (verdict.kind, verdict.integrity) == (VerdictKind.PASSED, "in_process"), verdict.details
    assert not judge("class A: pass\ndef f(*a): return 0", tests, **fields).success
    task = Task(task_id="t", prompt="Solve it.", tests=tests, entry_point="f", **fields)
    mode = create("python", VerifierOptions()).mode_of(task)
    assert (mode.name, mode.reason) == ("in_process", reason)


def test_a_program_that_keeps_its_argument_where_a_copy_was_asked_for_fails():
    code = "class Box:\n    def __init__(self, xs): self.xs = xs\n    def put(self, x): self.xs.append(x)\n"
    assert not judge(code, IN_PROCESS["kept by an object"][1]).success
    reference = IN_PROCESS["kept by an object"][0]
    assert not judge(code, IN_PROCESS["kept by an object"][1], solution=reference).success


def test_a_program_that_gives_its_state_away_where_a_copy_was_asked_for_fails():
    code = "class Cart:\n    def __init__(self): self._all = ['a']\n    def items(self): return self._all\n"
    assert not judge(code, IN_PROCESS["an answer that is changed"][1]).success


def test_assertions_of_libraries_report_beside_the_program_too():
    tests = (
        "import random\nimport numpy as np\nfrom unittest.mock import Mock\nrandom.seed(1)\n"
        "np.testing.assert_allclose(f(2, print), 4)\nheard = Mock()\nf(3, heard)\nheard.assert_called_once_with(3)\n"
    )
    verdict = judge("def f(x, say):\n    say(x)\n    return 2.0 * x", tests)
    assert (verdict.success, verdict.integrity, verdict.tests_total) == (True, "in_process", 2), verdict.details
    assert not judge("def f(x, say):\n    say(1)\n    return 2.0 * x", tests).success
    assert not judge("def f(x, say):\n    say(x)\n    return 2.5 * x", tests).success


def test_a_choice_between_values_is_a_value_beside_the_tests():
    tests = (
        "import random\ndef chosen(x): return [] or x\nrandom.seed(1)\nassert f(3) == chosen(3)\n"
        "assert (f(0) or 'none') == 'none' and [n for n in (f(2) and [2])] == [2]\n"
    )
    verdict = judge("def f(x): return x", tests)
    assert (verdict.success, verdict.integrity) == (True, "in_process"), verdict.details
    assert not judge("def f(x): return True", tests).success
    tests = (
        "import asyncio, random\nasync def yes(x): return f(x)\nrandom.seed(1)\n"
        "async def all_of(): return [n for n in range(3) if n and await yes(n) and (m := n)]\n"
        "assert asyncio.run(all_of()) == [1, 2]\n"
    )
    assert judge("def f(x): return x", tests).success


def test_assertions_of_class_and_identity_see_the_answer_itself():
    tests = (
        "import random\nimport unittest\nfrom collections import Counter\nclass TestF(unittest.TestCase):\n"
        "    def test_f(self):\n        random.seed(1)\n        xs = Counter('aab')\n"
        "        self.assertIsInstance(f(xs), Counter)\n        self.assertIs(f(xs), xs)\n"
        "        self.assertEqual(f(xs)['a'], 2)\n"
    )
    assert judge("def f(xs): return xs", tests).success
    assert not judge("def f(xs): return dict(xs)", tests).success


def test_an_answer_that_fails_outside_is_not_tried_inside_where_the_reference_passes_outside():
    tests = "assert f(2) == 4"
    liar = "class L:\n    __eq__ = lambda s, o: True\ndef f(x): return L()"
    verdict = judge(liar, tests, solution="def f(x): return 2 * x")
    assert (verdict.success, verdict.integrity) == (False, "outside")


def test_what_tests_compute_with_answers_counts_as_the_programs():
    verdict = judge("def f(x): return 10 ** 9", "assert len('x' * f(3)) == 9", limits=Limits(memory_mb=512))
    assert verdict.kind is VerdictKind.MEMORY, verdict.details
    verdict = judge("def f(x): return 10 ** 9", "assert sum(range(f(3))) == 6", limits=Limits(cpu_s=1, wall_s=20))
    assert verdict.kind is VerdictKind.TIMEOUT, verdict.details
    assert judge("def f(x): return 3", "assert len('x' * f(3)) == 3").success


def test_nothing_of_a_judge_outlives_its_program():
    tests = "import builtins, os\nseen = hasattr(builtins, 'left') or os.path.lexists('left')\nbuiltins.left = 1\n"
    for _ in range(2):
        assert judge("def f(x): return x", tests + "assert f(1) == 1 and not seen").success


@pytest.mark.parametrize("value", [0, 7, -3, True, 1.5, "", "text", [1, 2], (), {1}, {"a": 1}, None])
def test_a_lineup_holds_the_value_once_at_no_certain_place(value):
    places = set()
    for seed in range(20):
        random.seed(seed)
        values, place = lineup(value)
        assert values[place] == value
        assert sum(type(other) is type(value) and other == value for other in values) == 1
        places.add(place)
    assert len(places) > 1


def test_a_name_in_capitals_whose_value_is_compared_is_no_class():
    liar = "class GCD:\n    def __init__(s, *a): pass\n    def __eq__(s, o): return True"
    assert not judge(liar, "r = GCD(12, 18)\nassert r == 6\nassert GCD(4, 6) == 2", entry_point="GCD").success


def test_a_mode_that_a_busy_machine_found_is_not_remembered():
    suite = suite_of(Task(task_id="t", prompt="", tests="assert f(open('x')) == 1", entry_point="f"))
    starved = VerifyResult(False, 0.0, "", kind=VerdictKind.TIMEOUT, starved=True)
    passed = VerifyResult(True, 1.0, "", kind=VerdictKind.PASSED)
    found = [by_reference("busy", suite, *[lambda r=r: r] * 2).name for r in (starved, passed, starved)]
    assert found == ["none", "outside", "outside"]
