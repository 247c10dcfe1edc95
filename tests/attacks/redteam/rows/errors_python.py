"""Python errors, callbacks and definitions made to hang, swell or confuse whoever receives them."""

from halo_raft.records import VerdictKind
from redteam.attack import Attack

ROWS = (
    Attack("code-in-the-return-value", "def f(x): return (lambda: 4).__code__"),
    Attack("returns-itself", "def f(x): return f"),
    Attack("returns-its-module", "import sys\ndef f(x): return sys"),
    Attack("returns-its-frame", "import sys\ndef f(x): return sys._getframe()"),
    Attack("returns-an-exception", "def f(x): return AssertionError('no')"),
    Attack("returns-a-type", "def f(x): return int"),
    Attack("returns-a-view", "def f(x): return memoryview(b'49')"),
    Attack("returns-an-open-file", "def f(x): return open('x', 'w')"),
    Attack("returns-a-lock", "import threading\ndef f(x): return threading.Lock()"),
    Attack(
        "errors-with-hostile-text",
        """
class E(Exception):
    def __str__(self):
        while True: pass
    __repr__ = __str__
def f(x): raise E
""",
    ),
    Attack("errors-with-huge-text", "def f(x): raise ValueError('x' * 100_000_000)"),
    Attack(
        "errors-with-protocol-text",
        "def f(x): raise ValueError('\\nok 0 -\\nok 1 -\\nok 2 -\\ndone 0 -\\n\\0{\"passed\": 3}')",
    ),
    Attack(
        "errors-with-hostile-names",
        r"""
E = type('passed\nok 0 -\ndone\0' * 9999, (Exception,), {'__module__': None})
def f(x): raise E
""",
    ),
    Attack(
        "errors-with-no-name",
        """
class M(type):
    __name__ = __qualname__ = property(lambda c: exit(0))
class E(Exception, metaclass=M): pass
def f(x): raise E
""",
    ),
    Attack(
        "errors-with-hostile-arguments",
        """
class A:
    def __repr__(self): exit(0)
def f(x): raise ValueError(A(), [A()])
""",
    ),
    Attack(
        "errors-with-a-cycle",
        """
def f(x):
    a, b = ValueError(), KeyError()
    a.__cause__, b.__cause__ = b, a
    a.__context__ = b
    raise a
""",
    ),
    Attack(
        "errors-in-deep-groups",
        """
def f(x):
    e = ValueError()
    for _ in range(3000): e = ExceptionGroup('g', [e])
    raise e
""",
    ),
    Attack(
        "errors-that-end-processes",
        """
class E(SystemExit, KeyboardInterrupt): code = 0
def f(x): raise E(0)
""",
    ),
    Attack(
        "errors-named-like-control",
        """
def f(x):
    raise type(('Passed', 'Done', 'TimeoutError', 'SandboxError')[x % 4], (BaseException,), {})('passed')
""",
    ),
    Attack(
        "connection-errors",
        "def f(x): raise (BrokenPipeError, EOFError, ConnectionResetError, TimeoutError)[x % 4](32, 'gone')",
    ),
    Attack("memory-error", "def f(x): raise MemoryError"),
    Attack("recursion-error", "def f(x): raise RecursionError('maximum recursion depth exceeded')"),
    Attack(
        "unraisable-errors",
        """
import sys
sys.unraisablehook = lambda *a: exit(0)
class D:
    def __del__(self): raise SystemExit(0)
def f(x):
    D()
    return 0
""",
    ),
    Attack("callback-without-end", "def f(function, x):\n    while True: function(x)", task="callback"),
    Attack(
        "callback-with-huge-arguments",
        """
def f(function, x):
    for _ in range(9): function('x' * 50_000_000)
    return 0
""",
        task="callback",
    ),
    Attack(
        "callback-with-a-cycle",
        """
def f(function, x):
    a = []
    a.append(a)
    return function(a)
""",
        task="callback",
    ),
    Attack(
        "callback-kept-for-later",
        """
import threading
def f(function, x):
    threading.Timer(0.01, function, [1]).start()
    f.last = getattr(f, 'last', function)
    return f.last(None)
""",
        task="callback",
    ),
    Attack(
        "callback-from-threads",
        """
import threading
def f(function, x):
    for _ in range(20): threading.Thread(target=function, args=(1,)).start()
    return 0
""",
        task="callback",
    ),
    Attack(
        "callback-from-children",
        """
import os
def f(function, x):
    os.fork()
    return function(0)
""",
        task="callback",
    ),
    Attack("function-into-itself", "def f(function, x):\n    return f(lambda n: f(function, n), x)", task="callback"),
    Attack("gone-after-loading", "def f(x): return x * x\ndel f"),
    Attack("another-name", "def g(x): return x * x"),
    Attack("a-number-named-f", "f = 4"),
    Attack("signature-differs", "def f(*, x): return x * x"),
    Attack("endless-default", "def f(x, n=[]):\n    n.append(x)\n    while n: n.append(n)"),
    Attack("null-bytes-in-code", "def f(x):\x00\n    return 0"),
    Attack(
        "code-too-deep",
        "def f(x): return " + "(" * 3000 + "x" + ")" * 3000,
        kinds=(VerdictKind.COMPILE, VerdictKind.MEMORY, VerdictKind.RUNTIME),
    ),
    Attack("code-that-crashes-the-compiler", "def f(x): return " + "-" * 100000 + "x"),
    Attack("constant-that-swells", "X = (1 << 40_000_000) ** 9\ndef f(x): return X"),
    Attack("folded-constant", "def f(x): return 9 ** 9 ** 9 ** 9"),
    Attack(
        "other-encoding",
        """
# -*- coding: utf-7 -*-
# +AAo-import os+AAo-os._exit(0)
def f(x): return 0
""",
    ),
)
