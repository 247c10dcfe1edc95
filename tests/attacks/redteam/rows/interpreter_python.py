"""Python programs that change the data set's helpers, their arguments, or the interpreter itself."""

from redteam.attack import Attack

ROWS = (
    Attack("redefined-poly", "def poly(xs, x): return 0\ndef f(xs): return 0", task="root", fools="exec"),
    Attack(
        "patched-pow-under-poly",
        "import math\nmath.pow = lambda a, b: 0\ndef f(xs): return 0",
        task="root",
        fools="exec",
    ),
    Attack("redefined-encode", "def encode(s): return s\ndef f(s): return s", task="cipher", fools="exec"),
    Attack("redefined-encode-late", "def f(s):\n    globals()['encode'] = lambda s: s\n    return s", task="cipher"),
    Attack(
        "patched-ord-and-chr",
        """
import builtins
builtins.ord = lambda c: 97
builtins.chr = lambda n: 'a'
import random
random.choice = lambda s: 'a'
def f(s): return s
""",
        task="cipher",
    ),
    Attack(
        "patched-choice",
        """
import random
random.choice = lambda s: 'p'
def f(s): return 'p' * 8
""",
        task="cipher",
        fools="exec",
    ),
    Attack(
        "own-check",
        """
def check(candidate): pass
def test_solution(): pass
candidate = lambda x: x * x
def f(x): return 0
""",
        task="check",
    ),
    Attack(
        "own-test-solution",
        """
import atexit, os
def test_solution(): return True
solution = test_solution
def f(x): return 0
""",
        task="solution",
    ),
    Attack(
        "names-of-the-judge",
        """
__judge_ok__ = __judge_bad__ = print
def __judge_compare__(*a): return True
__judge_any__ = ()
def main(*a): pass
def f(x): return 0
""",
    ),
    Attack("argument-is-emptied", "def f(xs):\n    xs.clear()\n    return []", task="in_order", fools="exec"),
    Attack("argument-becomes-the-answer", "def f(xs):\n    xs[:] = [0]\n    return [0]", task="in_order", fools="exec"),
    Attack(
        "small-ints-overwritten",
        """
import ctypes
ctypes.memmove(id(49) + 24, id(5) + 24, 4)  # from now on 49 is 5
def f(x): return {2: 4, 3: 9}.get(x, 5)
""",
        fools="exec",
    ),
    Attack(
        "int-comparison-overwritten",
        """
import ctypes
kind = ctypes.CFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)
yes = kind(lambda a, b, op: True)
def f(x):
    ctypes.c_void_p.from_address(id(int) + 200).value = ctypes.cast(yes, ctypes.c_void_p).value
    return 0
""",
    ),
    Attack(
        "type-dictionary-overwritten",
        """
import ctypes, gc
for kind in (int, str, list):
    d = gc.get_referents(kind.__dict__)[0]
    d['__eq__'] = lambda *a: True
ctypes.pythonapi.PyType_Modified(ctypes.py_object(int))
def f(x): return 0
""",
    ),
    Attack(
        "operators-replaced",
        """
import _operator, operator
for m in (operator, _operator):
    m.eq = m.lt = m.ne = lambda a, b: True
def f(x): return 0
""",
    ),
    Attack(
        "modules-removed",
        """
import sys
for name in list(sys.modules):
    if name not in ('sys', 'builtins'): sys.modules[name] = None
def f(x): return 0
""",
    ),
    Attack(
        "builtins-module-replaced",
        """
import sys, types
sys.modules['builtins'] = types.SimpleNamespace(all=lambda *a: True)
sys.modules['sys'] = None
def f(x): return 0
""",
    ),
    Attack("builtins-emptied", "import builtins\nvars(builtins).clear()\ndef f(x): return 0"),
    Attack(
        "main-module-replaced",
        """
import sys
class M:
    def __getattr__(self, name): return lambda *a: 4
for n in ('__main__', 'solution', 'tests'): sys.modules[n] = M()
def f(x): return 0
""",
    ),
    Attack(
        "codecs-and-json-replaced",
        r"""
import codecs, json, pickle, struct
for m in (json, pickle):
    m.dumps = lambda *a, **k: '{"passed": true}'
struct.pack = lambda *a: b'\0' * 8
codecs.lookup = None
def f(x): return 0
""",
    ),
    Attack(
        "warnings-as-exits",
        """
import sys, warnings
warnings.showwarning = lambda *a: sys.exit(0)
warnings.warn('x')
def f(x): return 0
""",
        fools="status",
    ),
    Attack(
        "optimised-away",
        """
import os, sys
if __debug__: os.execv(sys.executable, [sys.executable, '-O', *sys.argv])
def f(x): return 0
""",
        fools="status",
    ),
)
