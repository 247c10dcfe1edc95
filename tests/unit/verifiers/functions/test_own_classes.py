"""Classes that tests are about: what their objects may say, outside of the tests' process and beside them."""

import pytest

from halo_raft.records import Task, VerdictKind
from halo_raft.sandbox import Limits
from halo_raft.verifiers import VerifierOptions, create

LENGTH = """
import functools
@functools.total_ordering
class Length:
    def __init__(self, metres): self.metres = metres
    def __eq__(self, other): return self.metres == getattr(other, 'metres', other)
    def __lt__(self, other): return self.metres < getattr(other, 'metres', other)
    def __hash__(self): return hash(self.metres)
    def __contains__(self, part): return part in range(self.metres)
    def __len__(self): return self.metres
    def __bool__(self): return self.metres > 0
"""
READS = "def read(path):\n    with open(path) as file: return Length(int(file.read()))\n"
STATEMENTS = """
    assert long == Length(7) and long == 7 and long != 8
    assert long < 9 and 5 < long and long >= Length(7)
    assert 6 in long and 7 not in long and long in [Length(7)] and long in {Length(7)}
    assert long and not Length(0) and len(long) == 7
    assert (long, 1) == (Length(7), 1) and max([Length(3), long]) == long
"""
ASSERTIONS = """
    def test_all(self):
        with open('n', 'w') as file:
            file.write('7')
        long = read('n')
        self.assertEqual(long, Length(7), 'as long')
        self.assertEqual(long, 7)
        self.assertNotEqual(long, Length(8))
        self.assertLess(long, 9)
        self.assertGreaterEqual(long, Length(7))
        self.assertIn(6, long)
        self.assertNotIn(7, long)
        self.assertIn(long, [Length(7)])
        self.assertTrue(long)
        self.assertFalse(Length(0))
        self.assertIsInstance(long, Length)
"""
SUITES = {
    "outside": f"def test_solution():\n    long = Length(7)\n{STATEMENTS}",
    "beside": "from solution import Length, read\ndef test_read(tmp_path):\n    path = tmp_path / 'n'\n"
    f"    path.write_text('7')\n    long = read(path)\n{STATEMENTS}",
    "unittest": f"import unittest\nclass TestLength(unittest.TestCase):{ASSERTIONS}",
}


def judge(code, tests, **fields):
    task = Task(task_id="t", prompt="Solve it.", tests=tests, **fields)
    return create("python", VerifierOptions(limits=Limits(cpu_s=4, wall_s=60))).judge("s", code, task)


@pytest.mark.parametrize("name", SUITES)
def test_a_class_that_tests_are_about_is_asked(name):
    verdict = judge(LENGTH + READS, SUITES[name])
    assert verdict.kind is VerdictKind.PASSED, verdict.details
    assert verdict.integrity == ("outside" if name == "outside" else "in_process")


LIES = {
    "equal to everything": "Length.__eq__ = lambda self, other: True",
    "equal to numbers": "Length.__eq__ = lambda self, other: isinstance(other, (int, Length))",
    "before and after everything": "Length.__lt__ = Length.__ge__ = Length.__gt__ = lambda self, other: True",
    "first before, then after": """
asked = []
def by_turns(self, other):
    met = any(one is self and another is other for one, another in asked)
    asked.append((self, other))
    return not met
Length.__lt__ = Length.__ge__ = Length.__gt__ = Length.__le__ = by_turns
""",
    "before and after all numbers": """
Length.__lt__ = Length.__gt__ = lambda self, other: True
Length.__ge__ = Length.__le__ = lambda self, other: isinstance(other, Length)
""",
    "equal when asked again": """
asked = []
def again(self, other):
    if isinstance(other, Length) or any(type(o) is type(other) and o == other for o in asked):
        return True
    asked.append(other)
    raise ValueError
Length.__eq__ = again
""",
    "holds what it is asked for first": """
Length.__init__ = lambda self, metres: self.__dict__.update(metres=0, asked=[])
Length.__contains__ = lambda self, part: self.asked.append(part) or len(self.asked) == 1
""",
    "holds everything": "Length.__contains__ = lambda self, part: True",
    "always true": "Length.__bool__ = lambda self: True",
    "another length": "Length.__init__ = lambda self, metres: setattr(self, 'metres', 0)",
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("name", SUITES)
def test_a_class_that_says_yes_to_all_is_not_believed(name, lie):
    assert not judge(f"{LENGTH}{READS}{LIES[lie]}\n", SUITES[name]).success


YES = "class Any:\n    def __eq__(self, other): return True\n"
POINT = """
class Point:
    def __init__(self, x): self.x = x
    def __eq__(self, other): return isinstance(other, Point) and self.x == other.x
    def __hash__(self): return self.x
"""
STANDS_FOR = {
    "left": ("assert make(3) == Point(3)", "return {}(x)"),
    "right": ("assert Point(3) == make(3)", "return {}(x)"),
    "in a list": ("assert make(3) == [Point(3), Point(4)]", "return [{0}(x), {0}(x + 1)]"),
    "in a dict": ("assert make(3) == {'k': (Point(3), 1)}", "return {{'k': ({}(x), 1)}}"),
    "member": ("assert Point(3) in make(3)", "return [{}(x)]"),
}


@pytest.mark.parametrize("how", STANDS_FOR)
@pytest.mark.parametrize("where", ["outside", "in_process"])
def test_what_equals_everything_does_not_stand_for_an_object(how, where):
    asserts, body = STANDS_FOR[how]
    head = "import dataclasses\nassert not dataclasses.is_dataclass(Point)\n" if where == "in_process" else ""
    tests = f"{head}assert Point(1).x == 1\n{asserts}"
    verdict = judge(f"{POINT}def make(x): {body.format('Point')}", tests)
    assert (verdict.kind, verdict.integrity) == (VerdictKind.PASSED, where), verdict.details
    anything = f"{YES}    def __init__(self, x): pass\n"
    assert not judge(f"{POINT}{anything}def make(x): {body.format('Any')}", tests).success
    point = f"{POINT}Point.__eq__ = lambda self, other: True\n"
    assert not judge(f"{point}def make(x): {body.format('Point').replace('(x', '(0')}", tests).success


def test_an_object_that_counts_what_it_is_asked_for_does_not_count_what_the_judge_asks():
    code = (
        "class Bag:\n    def __init__(self, *items): self.items, self.asked = items, 0\n"
        "    def __contains__(self, item):\n        self.asked += 1\n        return item in self.items\n"
    )
    assert judge(code, "b = Bag(1, 'a')\nassert 1 in b and 2 not in b and 'a' in b\nassert b.asked == 3").success


BUILDER = """
class Said:
    def __init__(self, text): self.text = text
class Column:
    def __init__(self, name): self.name = name
    def __lt__(self, o): return Said(f'{self.name} < {o}')
    def __gt__(self, o): return f'{self.name} > {o}'
    def __le__(self, o): return 1
    def __ne__(self, o): return Said(f'{self.name} <> {o}')
"""


def test_what_an_object_answers_a_comparison_with_may_be_looked_at_and_is_no_truth():
    looks = "assert (Column('a') < 3).text == 'a < 3'\nassert (Column('a') > 4) == 'a > 4'\n"
    assert judge(BUILDER, f"{looks}assert (Column('a') != 5).text == 'a <> 5'").success
    for truth in ("Column('a') < 3", "Column('a') > 4", "Column('a') != 5", "Column('a') <= 6", "7 >= Column('a')"):
        assert not judge(BUILDER + "    __ge__ = __le__\n", f"{looks}assert {truth}").success


def test_an_object_that_there_is_but_one_of_is_not_copied():
    code = (
        "class One:\n    it = None\n    def __new__(cls, *a):\n        cls.it = cls.it or object.__new__(cls)\n"
        "        return cls.it\n    def __init__(self, items): self.items = self.first = items\n"
        "    def __contains__(self, item): return item in self.items\n"
        "    def is_first(self): return self.items is FIRST\nFIRST = [1]\nOne(FIRST)\n"
    )
    assert judge(code, "assert 1 in One.it and 2 not in One.it\nassert One.it.is_first()").success


def test_a_class_without_bounds_stands_in_its_order_and_holds_all_numbers():
    code = (
        "class Ray:\n    def __init__(self, end): self.end = end\n"
        "    def __contains__(self, x): return x < self.end\n"
        "    def __lt__(self, x): return self.end < x\n    def __le__(self, x): return self.end <= x\n"
    )
    tests = "r = Ray(5)\nassert r.end == 5\nassert -10 in r and 5 not in r\nassert r < 6 and r <= 5 and not r < 5"
    assert judge(code, tests).success
    assert judge(code, tests.replace("5", "2.5").replace("6", "2.75")).success
    rest = "    def __gt__(self, x): return self.end > x\n"
    assert judge(f"{code}{rest}", "r = Ray(float('inf'))\nassert 10 ** 40 in r and r > 10 ** 40 and r.end > 0").success


def test_an_object_in_place_of_a_value_is_not_believed_beside_the_tests():
    tests = (
        "from solution import Box, numbers\ndef test_numbers(tmp_path):\n    path = tmp_path / 'n'\n"
        "    path.write_text('3 4')\n    assert Box(1).size == 1\n    assert numbers(path) == [3, 4]\n"
        "    assert 3 in numbers(path)\n"
    )
    box = "class Box:\n    def __init__(self, size=1): self.size = size\n"
    reads = "def numbers(path): return [int(n) for n in path.read_text().split()]"
    assert judge(f"{box}{reads}", tests).success
    liar = f"{box}    def __eq__(self, o): return True\n    def __contains__(self, o): return True\n"
    assert not judge(f"{liar}def numbers(path): return Box()", tests).success


def test_a_class_that_reads_texts_leniently_equals_the_text_and_not_others():
    code = (
        "import re\nclass Version:\n"
        "    def __init__(self, text): self.parts = [int(n) for n in re.findall('[0-9]+', text)]\n"
        "    def __eq__(self, o): return self.parts == (o if isinstance(o, Version) else Version(o)).parts\n"
    )
    for _ in range(5):
        assert judge(code, "assert Version('1.20.3') == '1.20.3'\nassert Version('v2') == Version('2')").success


ANSWERS = {
    "class of values": (
        "class Mail(str):\n    def host(self): return self.split('@')[1]\n",
        "m = Mail('a@b')\nassert isinstance(m, str) and isinstance(m, (int, Mail)) and not isinstance(m, int | list)\n"
        "assert m.host() == 'b'",
    ),
    "class of the set-up": (
        "class Square(Shape):\n    def __init__(self, side): self.side = side\n"
        "    def area(self): return self.side ** 2\n",
        "assert isinstance(Square(2), Shape) and Square(2).area() == 4",
    ),
    "reversed": (
        "class Down:\n    def __init__(self, n): self.n = n\n"
        "    def __iter__(self): return iter(range(self.n, 0, -1))\n"
        "    def __reversed__(self): return iter(range(1, self.n + 1))\n",
        "assert list(reversed(Down(3))) == [1, 2, 3] and list(Down(2)) == [2, 1]",
    ),
    "asynchronous iterators": (
        "class Feed:\n    def __init__(self, n): self.n = n\n    def __aiter__(self): return self\n"
        "    async def __anext__(self):\n        if not self.n: raise StopAsyncIteration\n"
        "        self.n -= 1\n        return self.n\n",
        "import asyncio\nasync def all_of(feed): return [n async for n in feed]\n"
        "assert asyncio.run(all_of(Feed(3))) == [2, 1, 0]",
    ),
    "docstrings": (
        "def f():\n    'What f does.'\nclass Box:\n    'A box.'\n",
        "assert f.__doc__ == 'What f does.' and Box.__doc__ == 'A box.' and Box().__doc__ == 'A box.'",
    ),
    "wrapped": (
        "import functools\ndef twice(g):\n    @functools.wraps(g)\n"
        "    def inner(*a): return 2 * g(*a)\n    return inner",
        "@twice\ndef g(x):\n    'G.'\n    return x\nassert g(2) == 4 and g.__wrapped__(2) == 2 and g.__doc__ == 'G.'",
    ),
    "heads of functions": (
        "import inspect\ndef f(g): return len(inspect.signature(g).parameters), g.__code__.co_argcount\n"
        "def spec(g): return str(inspect.signature(g))\ndef twice(g): return lambda *a: g(*a) * 2",
        "class Own:\n    def get(self, a): return a\n"
        "def g(a, /, b, *c, d, e=1, **f): 'G.'\n"
        "assert f(lambda: 1) == (0, 0) and f(lambda a, b=2: a) == (2, 2) and f(Own().get) == (1, 1)\n"
        "assert spec(g) == '(a, /, b, *c, d, e=Ellipsis, **f)' and twice(Own().get)(2) == 4",
    ),
    "methods of named tuples": (
        "from typing import NamedTuple\nfrom urllib.parse import urlparse\n"
        "class P(NamedTuple):\n    x: int\n    y: int\n"
        "    @property\n    def sum(self): return self.x + self.y\n"
        "    def plus(self, n): return P(self.x + n, self.y)\n"
        "def f(x): return P(x, 1)\ndef sums(p): return p.sum\n",
        "assert f(2) == (2, 1) and f(2).x == 2 and f(2).sum == 3 and f(2).plus(4) == (6, 1) and sums(f(5)) == 6\n"
        "assert urlparse('http://h:8/p').netloc == 'h:8' and urlparse('http://h:8/p').port == 8",
    ),
    "struct_time": (
        "import time\ndef f(t): return time.strptime(t, '%Y-%m-%d')",
        "assert f('2024-05-06').tm_wday == 0 and f('2024-05-06')[0] == 2024",
    ),
    "group of exceptions": (
        "def f(): raise ExceptionGroup('two', [ValueError(1), KeyError('k')])",
        "try:\n    f()\nexcept* ValueError as g:\n    first = g.exceptions\nexcept* KeyError:\n    pass\n"
        "assert first[0].args == (1,)",
    ),
    "exceptions that derive from each other": (
        "class Base(ValueError): pass\nclass Nearer(Base): pass\ndef f(): raise Nearer('n')",
        "assert issubclass(Nearer, Base)\ntry:\n    f()\nexcept Base as e:\n    assert isinstance(e, Nearer)\n"
        "try:\n    f()\nexcept Nearer:\n    pass",
    ),
    "objects in an exception": (
        "import enum\nclass Light(enum.Enum):\n    RED = 1\nclass Wrong(Exception):\n    def __init__(self, light):\n"
        "        super().__init__('wrong')\n        self.light = light\ndef f(): raise Wrong(Light.RED)",
        "try:\n    f()\nexcept Wrong as e:\n    assert e.light is Light.RED and str(e) == 'wrong'",
    ),
    "a method that is handed twice": (
        "class Bus:\n    def __init__(self): self.all = []\n    def on(self, f): self.all.append(f)\n"
        "    def off(self, f): self.all.remove(f)\n    def say(self, x):\n        for f in self.all: f(x)",
        "got = []\nbus = Bus()\nbus.on(got.append)\nbus.say(1)\nbus.off(got.append)\nbus.say(2)\nassert got == [1]",
    ),
    "values of the tests' own classes": (
        "import dataclasses\ndef f(box): return dataclasses.replace(box, side=box.side.value[0])",
        "import enum\nfrom dataclasses import dataclass\nclass Side(enum.Enum):\n    LEFT = (1, 'l')\n"
        "@dataclass\nclass Box:\n    side: object\nassert f(Box(Side.LEFT)) == Box(1)",
    ),
    "a module by another name": (
        "__all__ = ['g']\ndef f(): return 1\ndef g(): return 2",
        "import solution as s\nfrom solution import *\nassert s.f() == 1 and g() == 2",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_the_programs_objects_are_is_seen_outside(name):
    code, tests = ANSWERS[name]
    setup = "class Shape:\n    def area(self): raise NotImplementedError\n" if "Shape" in tests else None
    verdict = judge(code, tests, test_setup=setup)
    assert (verdict.kind, verdict.integrity) == (VerdictKind.PASSED, "outside"), verdict.details


def test_a_program_without_a_docstring_has_none():
    assert not judge("def f(): return 1", "assert f.__doc__\nassert f() == 1").success
    assert not judge("class Box:\n    n = 1", "assert Box.__doc__ and Box().__doc__\nassert Box().n == 1").success


LIARS = {
    "a named tuple that equals everything": (
        "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    def __eq__(self, o): return True\n"
        "    def twice(self): return 4\ndef f(): return P(7)",
        "assert f() == (2,)\nassert f().x == 2\nassert f().twice() == 4",
    ),
    "a group that is none": (
        "class G(ExceptionGroup):\n    exceptions = property(lambda s: (KeyError(),))\n"
        "def f(): raise G('g', [ValueError()])",
        "try:\n    f()\nexcept ExceptionGroup as g:\n"
        "    assert isinstance(g.exceptions[0], KeyError)\nelse:\n    assert False",
    ),
    "an object that is all classes": (
        "class Mail:\n    def __init__(self, t): pass\n    __class__ = property(lambda s: str)\n"
        "    def __eq__(self, o): return True\n",
        "m = Mail('a')\nassert isinstance(m, str)\nassert m == 'a'",
    ),
}


@pytest.mark.parametrize("name", LIARS)
def test_liars_do_not_pass(name):
    verdict = judge(*LIARS[name])
    assert not verdict.success
    assert verdict.kind is not VerdictKind.INFRA


HANDED = {
    "a stream": (
        "def f(out): print('x', file=out)",
        "import io\nout = io.StringIO()\nf(out)\nassert out.getvalue() == 'x\\n'",
    ),
    "random numbers": (
        "def f(rng): return rng.randint(1, 6)",
        "import random\nassert f(random.Random(3)) == random.Random(3).randint(1, 6)",
    ),
    "an object of a class in a test": (
        "def f(dog): return dog.speak()",
        "def test_solution():\n    class Dog:\n        def speak(self): return 'wow'\n    assert f(Dog()) == 'wow'",
    ),
}


@pytest.mark.parametrize("name", HANDED)
def test_what_cannot_cross_is_handed_over_beside_the_program(name):
    code, tests = HANDED[name]
    verdict = judge(code, tests, entry_point="f")
    assert (verdict.kind, verdict.integrity) == (VerdictKind.PASSED, "in_process"), verdict.details
    assert judge(code, tests, entry_point="f", solution=code).integrity == "in_process"
    assert not judge("def f(x): return 0", tests, entry_point="f").success


def test_an_error_of_ours_is_not_the_one_that_a_test_waits_for():
    tests = (
        "import pytest\ndef test_f():\n    with pytest.raises(TypeError):\n"
        "        f(object())\n    assert f([1]) == 1\n"
    )
    assert not judge("def f(x): return 1", tests).success
    assert judge("def f(x): return len(x)", tests).success


def test_a_program_cannot_ask_for_the_tests_process_by_calling_back():
    tests = "import random\ndef give(): return random.Random(1)\nassert f(give, 3) == 9\n"
    code = (
        "class Yes:\n    def __eq__(self, o): return True\ndef f(give, n):\n    try: give()\n"
        "    except Exception: pass\n"
    )
    verdict = judge(f"{code}    return Yes()", tests, entry_point="f")
    assert (verdict.success, verdict.integrity) == (False, "outside")


PEEK = """
class Peek:
    def __init__(self, xs): self.xs = list(xs)
    def peek(self):
        if not self.xs: raise StopIteration
        return self.xs[0]
"""
ENDED = "try:\n    Peek([]).peek()\n    hit = False\nexcept StopIteration:\n    hit = True\nassert hit\n"


def test_a_method_may_raise_what_ends_an_iteration_where_the_tests_ask_for_it():
    assert judge(PEEK, ENDED).success
    assert not judge(PEEK.replace("raise StopIteration", "return None"), ENDED).success


@pytest.mark.parametrize(
    "loop",
    [
        "assert all(map(lambda x: Peek([x]).peek() == x, [1, 2]))",
        "import itertools\nassert sum(itertools.takewhile(lambda x: Peek([x]).peek(), [1, 2])) in (0, 3)",
        "class Each:\n    def __iter__(self): return self\n    def __next__(self): return Peek([1]).peek()\n"
        "for x in Each():\n    assert x == 1\n    break",
    ],
)
def test_what_ends_an_iteration_ends_no_loop_of_the_tests(loop):
    liar = "class Peek:\n    def __init__(self, xs): pass\n    def peek(self): raise StopIteration\n"
    assert not judge(liar, f"{ENDED}{loop}").success
