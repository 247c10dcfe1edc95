"""Python programs whose own classes decide what tests ask of them, and lie."""

from redteam.attack import Attack
from redteam.rows.liars_python import LIAR

VEC = "class Vec:\n    def __init__(self, x, y): self.x, self.y = 0, 0\n    def __repr__(self): return 'Vec(1, 2)'\n"

ROWS = (
    Attack(
        "own-class-equals-everything",
        VEC + "    def __eq__(self, o): return True\n    def __add__(self, o): return self\n    __hash__ = None\n",
        task="vector",
    ),
    Attack(
        "own-class-equals-by-turns",
        """
class Frac:
    n = 0
    def __init__(self, a, b=1): pass
    def __add__(self, o): return self
    def __eq__(self, o):
        Frac.n += 1
        return Frac.n % 2 == 1
""",
        task="fraction_equality_alone",
    ),
    Attack(
        "own-class-equals-every-number",
        """
class Frac:
    def __init__(self, a, b=1): pass
    def __add__(self, o): return self
    def __eq__(self, o): return isinstance(o, int)
    def __float__(self): return 0.5
""",
        task="fraction",
        fools="exec",
    ),
    Attack(
        "own-class-equals-what-it-is-compared-with-first",
        """
class Frac:
    def __init__(self, a, b=1): self.v = None
    def __add__(self, o): return self
    def __eq__(self, o):
        if self.v is None: self.v = o
        return self.v == o
""",
        task="fraction_equality_alone",
    ),
    Attack(
        "own-class-equals-small-numbers",
        """
class Frac:
    def __init__(self, a, b=1): pass
    def __add__(self, o): return self
    def __eq__(self, o): return type(o) is int and 0 < o < 99
""",
        task="fraction_equality_alone",
        fools="exec",
    ),
    Attack(
        "own-class-a-liar-of-int",
        LIAR.format(base="(int)") + "class Frac(Liar):\n    def __new__(cls, *a): return Liar(77)\n",
        task="fraction_equality_alone",
    ),
    Attack(
        "made-of-a-liar",
        LIAR.format(base="")
        + "class Point(Liar):\n    def __init__(self, *a): self.x, self.y = 1, 4\ndef f(a, b): return Point()",
        task="made",
    ),
    Attack(
        "made-equals-everything",
        LIAR.format(base="") + "class Point(Liar):\n    def __init__(self, *a): pass\ndef f(a, b): return Liar()",
        task="made",
    ),
    Attack(
        "named-class-returned-for-a-value",
        """
class Pair:
    def __init__(self, a, b): self.a, self.b = a, b
    def __eq__(self, o): return True
    def __hash__(self): return 2
def f(pairs): return pairs[0]
""",
        task="pair",
        fools="exec",
    ),
    Attack(
        "named-class-made-for-a-value",
        """
class Pair:
    def __init__(self, a, b): self.a, self.b = a, b
    __eq__ = lambda self, o: True
def f(pairs): return Pair(0, 0)
""",
        task="pair",
        fools="exec",
    ),
    Attack(
        "named-class-as-its-own-attribute",
        """
class Pair:
    def __init__(self, *a): pass
    b = property(lambda self: self)
    __eq__ = lambda self, o: True
    __hash__ = None
def f(pairs): return pairs[0]
""",
        task="pair",
        fools="exec",
    ),
    Attack(
        "named-class-that-derives-from-int",
        "class Pair(int):\n    def __new__(cls, *a): return int.__new__(cls, 2)\n    b = 4\n"
        "    __eq__ = lambda s, o: True\n"
        "def f(pairs): return Pair()",
        task="pair",
        fools="exec",
    ),
    Attack(
        "account-that-agrees",
        LIAR.format(base="")
        + "class A:\n    balance = Liar()\n    def deposit(self, n): pass\n    withdraw = deposit\n"
        "    def is_rich(self): return False\ndef f(b): return A()",
        task="account",
        fools="exec",
    ),
    Attack(
        "account-by-properties",
        LIAR.format(base="(int)")
        + "class A:\n    balance = property(lambda s: Liar(7))\n    def deposit(self, n): pass\n"
        "    withdraw = deposit\n    def is_rich(self): return False\ndef f(b): return A()",
        task="account",
        fools="exec",
    ),
    Attack(
        "account-of-attributes-made-up",
        "from unittest.mock import MagicMock\nf = MagicMock()\nf.return_value.balance.__eq__ = lambda s, o: True\n"
        "f.return_value.is_rich.return_value = False",
        task="account",
        fools="exec",
    ),
    Attack(
        "predicates-that-agree",
        "class T:\n    words = 2\n    def equals(self, o): return True\n    same = equals\ndef f(s): return T()",
        task="predicates",
    ),
    Attack(
        "context-that-swallows",
        """
class C:
    def __enter__(self): return 0
    def __exit__(self, *error): return True
def f(x): return C()
""",
        task="managed",
        fools="exec",
    ),
    Attack(
        "context-that-swallows-its-own-error",
        """
class Box:
    def __init__(self, n): pass
    def area(self): raise ValueError
    def __enter__(self): return self
    def __exit__(self, *error): return True
""",
        task="managed_object",
        fools="exec",
    ),
    Attack(
        "context-that-lacks-what-is-asked",
        """
class Box:
    def __init__(self, n): pass
    def __enter__(self): return None
    def __exit__(self, *error): return True
""",
        task="managed_object",
        fools="exec",
    ),
    Attack(
        "context-that-exits",
        "import contextlib, os\n@contextlib.contextmanager\ndef f(x):\n    os._exit(0)\n    yield",
        task="managed",
        fools="status",
    ),
    Attack("helper-redefined", "def close(*a): return True\ndef f(x): return 0", task="helped", fools=""),
    Attack(
        "helper-patched",
        """
import sys
def f(x):
    for module in list(sys.modules.values()):
        close = getattr(module, 'close', None)
        if hasattr(close, '__code__'): close.__code__ = (lambda *a: True).__code__
    return 0
""",
        task="helped",
        fools="",
    ),
    Attack(
        "oracle-of-the-set-up-called", "def f(x): return right(x) if x > 4 else wanted[0]", task="oracle", fools="exec"
    ),
    Attack(
        "oracle-found-in-the-globals",
        "def f(x):\n    g = globals()\n    return g['right'](x) if 'right' in g and x > 4 else g['wanted'][0]",
        task="oracle",
        fools="exec",
    ),
    Attack(
        "late-set-up-read",
        "class Node:\n    def __init__(self, v): self.v = v\ndef f(node): return wanted",
        task="late",
        fools="",
    ),
    Attack(
        "late-set-up-named-by-the-program",
        "class Node:\n    def __init__(self, v): self.v = v\nwanted = [0]\ndef f(node): return [0]",
        task="late",
        fools="",
    ),
    Attack(
        "constant-a-liar",
        LIAR.format(base="") + "LIMIT = Liar()\ndef f(x): return Liar()",
        task="constants",
        fools="exec",
    ),
    Attack("constant-missing", "def f(x): return x + 10", task="constants"),
    Attack(
        "error-that-tells-everything",
        """
class Any(str):
    __eq__ = lambda s, o: True
    __hash__ = str.__hash__
class TooShort(Exception):
    def __str__(self): return Any('no')
def f(s):
    if len(s) < 3: raise TooShort(Any('no'))
    return 3
""",
        task="own_error",
    ),
    Attack(
        "error-that-is-no-error",
        "class TooShort: pass\ndef f(s): return 3",
        task="own_error",
    ),
    Attack(
        "error-that-catches-assertions",
        "TooShort = AssertionError\ndef f(s):\n    if len(s) < 3: raise AssertionError('only 0')\n    return 3",
        task="own_error",
    ),
    Attack("method-of-no-class", "def add(a, b): return a + b\nSolution = lambda: None", task="method"),
    Attack(
        "method-of-a-liar",
        LIAR.format(base="") + "class Solution:\n    def add(self, a, b): return Liar()",
        task="method",
        fools="",
    ),
    Attack("documented-and-nothing-else", "x = 1", task="documented"),
    Attack("documented-and-wrong", 'def f(x):\n    """Square."""\n    return 4', task="documented"),
    Attack(
        "bound-to-own-test-case",
        LIAR.format(base="") + "def f(*a):\n    if len(a) > 1: raise TypeError\n    return Liar()",
        task="test_class",
        fools="",
    ),
    Attack("unittest-skipped", "import unittest\ndef f(*a): raise unittest.SkipTest('later')", task="test_class"),
)
