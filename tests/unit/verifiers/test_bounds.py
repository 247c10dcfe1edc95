"""Honest programs beside their tests: what they make up while they run does not lead to the tests, and works."""

# ruff: noqa: E501 - programs are easier to read whole

import pytest

from halo_raft.records import Task
from halo_raft.verifiers import VerifierOptions, create

PROGRAMS = {
    "getattr computed": (
        "f('add', 2) == 3",
        r"""
class Shop:
    def open(self): return "o"
    def price(self): return 3
def f(kind, n):
    class Ops:
        def add(self, x): return x + 1
        def sub(self, x): return x - 1
    return getattr(Ops(), kind)(n)
""",
    ),
    "template format": (
        "f('Al', 2) == 'Dear Al, you owe 2.00'",
        r"""
TEMPLATE = "Dear {name}, you owe {amount:.2f}"
def f(name, amount):
    return TEMPLATE.format(name=name, amount=amount)
""",
    ),
    "param format": (
        "f('{a}-{b}', a=1, b=2) == '1-2'",
        r"""
def f(template, **kw):
    return template.format(**kw)
""",
    ),
    "vars self": (
        "f(1,2) == {'a':1,'b':2}",
        r"""
class P:
    def __init__(self, a, b): self.a, self.b = a, b
    def __eq__(self, other): return vars(self) == vars(other)
def f(a, b):
    return vars(P(a, b))
""",
    ),
    "attrgetter": (
        "f([('x',2),('y',1)]) == ['y','x']",
        r"""
from operator import attrgetter
from collections import namedtuple
P = namedtuple("P", "name age")
def f(rows):
    return [p.name for p in sorted((P(*r) for r in rows), key=attrgetter("age", "name"))]
""",
    ),
    "operator attrgetter": (
        "f([3,1]) == [1,3]",
        r"""
import operator
class P:
    def __init__(self, n): self.n = n
def f(ns):
    return [p.n for p in sorted(map(P, ns), key=operator.attrgetter("n"))]
""",
    ),
    "slots": (
        "f((1,2),(3,4)) == (4,6)",
        r"""
class V:
    __slots__ = ("x", "y")
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, o): return type(self)(self.x + o.x, self.y + o.y)
    def astuple(self): return tuple(getattr(self, s) for s in self.__slots__)
def f(a, b): return (V(*a) + V(*b)).astuple()
""",
    ),
    "getattr delegation": (
        "f([1,1,2]) == 2",
        r"""
class Proxy:
    def __init__(self, inner): self._inner = inner
    def __getattr__(self, name): return getattr(self._inner, name)
def f(xs): return Proxy(list(xs)).count(1)
""",
    ),
    "setattr kwargs": (
        "f(a=3) == 3",
        r"""
class Config:
    def __init__(self, **kwargs):
        for key, value in kwargs.items():
            setattr(self, key, value)
def f(**kw): return Config(**kw).a
""",
    ),
    "globals memo": (
        "f(4) == 16",
        r"""
_cache = None
def f(n):
    if globals().get("_cache") is None:
        globals()["_cache"] = {}
    return globals()["_cache"].setdefault(n, n * n)
""",
    ),
    "globals dispatch": (
        "f('mul',3,4) == 12",
        r"""
def op_add(a, b): return a + b
def op_mul(a, b): return a * b
def f(op, a, b): return globals()["op_" + op](a, b)
""",
    ),
    "inspect deco": (
        "f(1) == 3",
        r"""
import inspect, functools
def validate(fn):
    sig = inspect.signature(fn)
    @functools.wraps(fn)
    def inner(*a, **k):
        bound = sig.bind(*a, **k); bound.apply_defaults()
        return fn(*bound.args, **bound.kwargs)
    return inner
@validate
def f(x, y=2): return x + y
""",
    ),
    "eval calc": (
        "f('(1+2)*3') == 9",
        r"""
import re
def f(expression):
    if not re.fullmatch(r"[\d+\-*/(). ]+", expression): raise ValueError("bad")
    return eval(expression)
""",
    ),
    "re compile": (
        "f('a12b3') == ['12','3']",
        r"""
import re
from re import compile as rc
P = re.compile(r"\d+")
def f(s): return P.findall(s)
""",
    ),
    "threading": (
        "f([1,2,3]) == [1,4,9]",
        r"""
import threading
def f(ns):
    out, lock = [], threading.Lock()
    def work(n):
        with lock: out.append(n * n)
    ts = [threading.Thread(target=work, args=(n,)) for n in ns]
    [t.start() for t in ts]; [t.join() for t in ts]
    return sorted(out)
""",
    ),
    "warnings": (
        "f(-3) == 3",
        r"""
import warnings
def f(x):
    warnings.filterwarnings("ignore")
    if x < 0: warnings.warn("neg", UserWarning)
    return abs(x)
""",
    ),
    "logging tb": (
        "f(0) is None",
        r"""
import logging, traceback
log = logging.getLogger(__name__)
def f(x):
    try: return 1 / x
    except ZeroDivisionError as e:
        log.error("failed: %s", traceback.format_exc()); return None
""",
    ),
    "subclasses plugin": (
        "f() == 1",
        r"""
class Plugin:
    def run(self): raise NotImplementedError
class A(Plugin):
    def run(self): return 1
def f(): return sum(c().run() for c in Plugin.__subclasses__())
""",
    ),
    "mro": (
        "f() == ['B','A','object']",
        r"""
class A: pass
class B(A): pass
def f(): return [c.__name__ for c in B.__mro__]
""",
    ),
    "format map": (
        "f('{a} {b}', {'a':1}) == '1 {b}'",
        r"""
class D(dict):
    def __missing__(self, k): return "{" + k + "}"
def f(t, d): return t.format_map(D(d))
""",
    ),
    "sys exit main": (
        "f(3) == 3",
        r"""
import sys
def main(): print(f(2))
def f(x): return x
if __name__ == "__main__":
    sys.exit(main())
""",
    ),
    "doctest main": (
        "f(3) == 4",
        r"""
def f(x):
    '''
    >>> f(1)
    2
    '''
    return x + 1
if __name__ == "__main__":
    import doctest
    doctest.testmod()
""",
    ),
    "str method dispatch": (
        "f(' Ab ', ['strip','lower']) == 'ab'",
        r"""
def f(s, ops):
    for op in ops: s = getattr(s, op)()
    return s
""",
    ),
    "map getattr": (
        "f(3, 'real.imag') == 0",
        r"""
from functools import reduce
def f(obj, path): return reduce(getattr, path.split("."), obj)
""",
    ),
    "base64 codecs": (
        "f('a') == 'nYQ=='",
        r"""
import base64, codecs
def f(s): return codecs.encode(s, "rot_13") + base64.b64encode(s.encode()).decode()
""",
    ),
    "exc info": (
        "f(0) == 'ZeroDivisionError'",
        r"""
import sys
def f(x):
    try: return 1 // x
    except Exception:
        return sys.exc_info()[0].__name__
""",
    ),
    "match class": (
        "f(0,5) == 5 and f(4,0) == 4",
        r"""
class P:
    __match_args__ = ("x", "y")
    def __init__(self, x, y): self.x, self.y = x, y
def f(a, b):
    match P(a, b):
        case P(0, y): return y
        case P(x, 0): return x
    return None
""",
    ),
    "reduce method": (
        "f(3) == 3",
        r"""
class P:
    def __init__(self, x): self.x = x
    def __reduce__(self): return (P, (self.x,))
def f(x):
    import copy
    return copy.deepcopy(P(x)).x
""",
    ),
    "fields": (
        "f(1) == {'x':1,'y':2}",
        r"""
from dataclasses import dataclass, fields, asdict
@dataclass
class P:
    x: int
    y: int = 2
def f(x): return {f.name: getattr(P(x), f.name) for f in fields(P)}
""",
    ),
    "locals fmt": (
        "f('a', 3) == 'a 3'",
        r"""
def f(name, age):
    return "%(name)s %(age)d" % locals()
""",
    ),
    "own attributes": (
        "f(2) == [2, 3, 4, 'x', True]",
        r"""
import functools, sys, io
class Node:
    kinds = 0
    def __init__(self, n): self._code, self._test = n, n
    def __setattr__(self, name, value): super().__setattr__(name, value)
def counted(g):
    @functools.wraps(g)
    def inner(*a):
        inner.calls += 1
        return g(*a)
    inner.calls = 0
    return inner
def f(n):
    node = Node(n)
    node._code += 1
    Node.kinds = 4
    counted(len)('abc'), counted(Node)(1)
    old, sys.stdout = sys.stdout, io.StringIO()
    print('x', end='')
    text, sys.stdout = sys.stdout.getvalue(), old
    del node._test
    return [n, node._code, Node.kinds, text, not hasattr(node, '_test')]
""",
    ),
    "frozen dataclass": (
        "f(3) == 4",
        r"""
from dataclasses import dataclass, field
@dataclass(frozen=True, order=True)
class P:
    code: int
    rest: list = field(default_factory=list)
    def __post_init__(self): object.__setattr__(self, 'code', self.code + 1)
def f(x): return P(x).code
""",
    ),
    "annotations": (
        "f() == {'a': 'int', 'b': 'Optional', 'c': 'date'}",
        r"""
from __future__ import annotations
import datetime
import typing
from typing import Optional
class C:
    a: int
    b: Optional[C]
    c: datetime.date
def f():
    return {k: getattr(v, '__name__', str(v)) for k, v in typing.get_type_hints(C).items()}
""",
    ),
    "arguments of a program": (
        "f(['--n', '3', '-v', '-v']) == (3, 2)",
        r"""
import argparse
def f(words):
    parser = argparse.ArgumentParser()
    parser.add_argument('--n', type=int, default=1)
    parser.add_argument('-v', action='count')
    given = parser.parse_args(words)
    return given.n, given.v
""",
    ),
}
"""What holds of `f`, and the program."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_honest_program_is_let_do_what_it_does(name: str) -> None:
    holds, program = PROGRAMS[name]
    task = Task(task_id=name, prompt="", tests=f"import random\nrandom.seed(1)\nassert {holds}", entry_point="f")
    verifier = create("python", VerifierOptions())
    verdict = verifier.judge("right", f"```python\n{program}\n```", task)
    assert (verdict.kind, verdict.integrity) == ("passed", "in_process"), verdict.details
    wrong = verifier.judge("wrong", f"```python\n{program}\n\ndef f(*a, **k): return 7777\n```", task)
    assert not wrong.success


def test_a_program_sees_what_its_tests_patch() -> None:
    tests = "from unittest.mock import patch, mock_open\nwith patch('builtins.open', mock_open(read_data='x')):\n    assert f('p') == 'x'\nwith patch('builtins.len', lambda x: 9):\n    assert g([1]) == 9"
    program = "def f(p):\n    with open(p) as file:\n        return file.read()\n\ndef g(x):\n    return len(x)\n"
    verdict = create("python", VerifierOptions()).judge(
        "s", program, Task(task_id="t", prompt="", tests=tests, entry_point="f")
    )
    assert (verdict.kind, verdict.integrity) == ("passed", "in_process"), verdict.details


@pytest.mark.parametrize(
    ("returned", "passes"), [("np.array([1, 2])", True), ("np.array([1, 3])", False), ("[1, 2]", True)]
)
def test_a_comparison_beside_the_program_gives_what_it_gives_anywhere(returned: str, passes: bool) -> None:
    tests = "import random\nimport numpy as np\nrandom.seed(1)\nassert (np.asarray(f()) == np.array([1, 2])).all()\n"
    tests += "assert 0 < f()[0] < 2\nassert not 3 < f()[1] < 9"
    task = Task(task_id="t", prompt="", tests=tests, entry_point="f")
    program = f"import numpy as np\ndef f(): return {returned}\n"
    verdict = create("python", VerifierOptions()).judge("s", program, task)
    assert (verdict.success, verdict.integrity) == (passes, "in_process"), verdict.details


def test_a_program_uses_the_mocks_that_it_is_given() -> None:
    tests = "from unittest.mock import MagicMock\nfrom solution import f\n\ndef test_f(monkeypatch):\n    db = MagicMock()\n"
    tests += "    db.cursor.return_value.fetchall.return_value = [1]\n    assert f(db) == [1]\n"
    tests += (
        "    assert db.autocommit is True\n    db.close.assert_called_once_with()\n    db.cursor.assert_called_once()\n"
    )
    program = (
        "def f(db):\n    db.autocommit = True\n    rows = db.cursor().fetchall()\n    db.close()\n    return rows\n"
    )
    task = Task(task_id="t", prompt="", tests=tests)
    verdict = create("pytest", VerifierOptions()).judge("s", program, task)
    assert (verdict.kind, verdict.integrity) == ("passed", "in_process"), verdict.details
    silent = program.replace("    db.close()\n", "")
    assert create("pytest", VerifierOptions()).judge("s", silent, task).kind == "wrong"
