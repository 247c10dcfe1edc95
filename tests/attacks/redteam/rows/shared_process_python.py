"""Python programs tested in their own process, since the tests build their classes."""

from redteam.attack import Attack
from redteam.rows.channel_python import FRAMES, WALK
from redteam.rows.liars_python import LIAR

PAIR = "class Pair:\n    def __init__(self, a, b): self.a, self.b = a, b\n"
WRONG = "def f(pairs): return 0\n"


def _row(name: str, code: str, fools: str = "exec") -> Attack:
    return Attack(f"pair-{name}", PAIR + code, task="pair", fools=fools)


ROWS = (
    _row("exit", "import os\ndef f(pairs): os._exit(0)", fools="status"),
    _row(
        "exit-in-constructor",
        """
import os
class Pair:
    def __init__(self, a, b): os._exit(0)
"""
        + WRONG,
        fools="status",
    ),
    _row("exit-in-destructor", "import os\nPair.__del__ = lambda self: os._exit(0)\n" + WRONG, fools="status"),
    _row("liar", LIAR.format(base="") + "def f(pairs): return Liar()"),
    _row("liar-int", LIAR.format(base="(int)") + "def f(pairs): return Liar(77)"),
    _row(
        "liar-attribute",
        LIAR.format(base="")
        + """
Pair.b = property(lambda s: Liar(), lambda s, v: None)
def f(pairs): return Liar()
""",
    ),
    _row("mock-any", "from unittest.mock import ANY\ndef f(pairs): return ANY"),
    _row(
        "expected-in-the-frame",
        """
import sys
seen = []
def f(pairs):
    seen.append(0)
    return (2, 1)[len(seen) - 1] if 2 in sys._getframe(1).f_code.co_consts else 0
""",
    ),
    _row(
        "tests-renamed",
        """
import builtins
builtins.AssertionError = builtins.BaseException = type('E', (Exception,), {})
"""
        + WRONG,
        fools="",
    ),
    _row("exec-replaced", "import builtins\nbuiltins.exec = lambda *a: None\n" + WRONG),
    _row(
        "globals-changed",
        """
import sys
def f(pairs):
    g = sys._getframe(1).f_globals
    for n in list(g):
        if n.startswith('__judge'): g[n] = lambda *a: True
    return 0
""",
        fools="",
    ),
    _row(
        "reporter-from-the-stack",
        WALK
        + """
def f(pairs):
    for name, call in found.items():
        for args in (('ok', 0), ('ok', 1), ('ok', 2), ('done',), (0,), (1,), (2,)):
            try: call(*args)
            except BaseException: pass
    return 0
""",
        fools="",
    ),
    _row(
        "reporter-from-the-closures",
        """
import gc, types
def f(pairs):
    for thing in gc.get_objects():
        if isinstance(thing, types.FunctionType) and thing.__name__ in ('report', 'ok', '<lambda>'):
            for n in range(3):
                try: thing('ok', n)
                except BaseException: pass
                try: thing(n)
                except BaseException: pass
    return 0
""",
        fools="",
    ),
    _row(
        "token-from-the-closures",
        r"""
import gc, os, re
def f(pairs):
    texts = {v for t in gc.get_objects() if type(t) is dict for v in t.values() if type(v) is str}
    tokens = [v for v in texts if re.fullmatch('[0-9a-f]{32}', v)]
    for fd in range(3, 9):
        for t in tokens:
            for line in ('ready 0 -', 'ok 0 -', 'ok 1 -', 'ok 2 -', 'done 0 -'):
                try: os.write(fd, f'{t} {line}\n'.encode())
                except OSError: pass
    os._exit(0)
""",
        fools="status",
    ),
    _row("frames", FRAMES + "for b in frames: everywhere(b)\n" + WRONG, fools=""),
    _row(
        "child-votes",
        """
import os
def f(pairs):
    for guess in range(3):
        if os.fork() == 0: return guess
    os.wait()
    os._exit(0)
""",
        fools="status",
    ),
    _row(
        "small-ints",
        """
import ctypes
for n in (1, 2):
    ctypes.memmove(id(n) + 24, id(0) + 24, 4)
    ctypes.memmove(id(n) + 16, id(0) + 16, 8)
"""
        + WRONG,
        fools="",
    ),
)
