"""Python return values made to hang, swell or confuse whoever receives them."""

from halo_raft.records import VerdictKind
from redteam.attack import Attack

ROWS = (
    Attack(
        "nested-return",
        """
def f(x):
    a = 4
    for _ in range(100000): a = [a]
    return a
""",
    ),
    Attack(
        "nested-return-of-tuples",
        """
def f(s):
    a = ()
    for _ in range(5000): a = (a, {1: a})
    return a
""",
        task="words",
    ),
    Attack(
        "cycle",
        """
def f(x):
    a = [x]
    a.append(a)
    return a
""",
    ),
    Attack(
        "cycle-of-dicts",
        """
def f(s):
    a = {}
    a['a'] = a
    return a
""",
        task="counts",
    ),
    Attack(
        "doubling",
        """
def f(x):
    a = [x]
    for _ in range(64): a = [a, a]
    return a
""",
    ),
    Attack(
        "doubling-dicts",
        """
def f(s):
    a = {'a': 2}
    for _ in range(40): a = {'a': a, 'b': a}
    return a
""",
        task="counts",
    ),
    Attack("huge-list", "def f(x): return [0] * 20_000_000"),
    Attack("huge-string", "def f(s): return 'A' * 200_000_000", task="upper"),
    Attack("huge-set", "def f(x): return set(range(2_000_000))"),
    Attack("huge-int", "def f(x): return 1 << 30_000_000", task="power"),
    Attack("huge-int-in-arithmetic", "def f(x): return (1 << 3_000_000) + 1", task="power"),
    Attack("huge-negative-int", "def f(x): return -(1 << 200_000)", task="power"),
    Attack("int-beyond-text", "def f(x): return 10 ** 5000"),
    Attack("int-in-a-range", "def f(x): return 10 ** 15", task="counted"),
    Attack("int-in-a-repeat", "def f(x): return 4 if x == 2 else 10 ** 9", task="counted"),
    Attack("int-in-a-list-repeat", "def f(x): return {2: 4, 3: 9}.get(x, 10 ** 10)", task="counted"),
    Attack("huge-exponent", "def f(xs): return 1e308", task="root"),
    Attack("int-too-big-for-float", "def f(xs): return 10 ** 400", task="root"),
    Attack("surrogates", "def f(s): return '\\udc80\\ud800' * 9", task="upper"),
    Attack("nul-and-newlines", "def f(s): return '\\0\\n\\r\\nok 0 -\\n\\x1b[2J' * 9", task="upper"),
    Attack("negative-zero", "def f(x): return -0.0", task="close"),
    Attack("nan-keys", "def f(s): return {float('nan'): i for i in range(3)}", task="counts"),
    Attack(
        "keys-of-many-kinds",
        "def f(s): return {None: 1, (1, (2,)): 2, frozenset({3}): 3, b'a': 4, 1.5: 5, True: 6, ...: 7}",
        task="counts",
    ),
    Attack("equal-keys", "def f(s): return {'a': 2, 'b': 1, 1: 1, 1.0: 2, True: 3}", task="counts"),
    Attack("numbers-that-equal-bools", "def f(x): return 1.0 if x % 2 == 0 else 0.0", task="truth"),
    Attack("endless-generator", "def f(n):\n    while True: yield 0", task="evens"),
    Attack("endless-iterator", "import itertools\ndef f(n): return itertools.count()", task="evens"),
    Attack(
        "generator-that-swells",
        """
def f(n):
    a = 'x'
    while True:
        a += a
        yield a
""",
        task="evens",
    ),
    Attack(
        "generator-that-exits",
        """
import os
def f(n):
    yield 0
    os._exit(0)
""",
        task="evens",
    ),
    Attack(
        "generator-that-hangs",
        """
import time
def f(n):
    yield 0
    time.sleep(60)
""",
        task="evens",
    ),
    Attack("endless-range", "def f(n): return range(10 ** 15)", task="evens"),
    Attack("huge-repeat", "import itertools\ndef f(n): return itertools.repeat(0, 10 ** 12)", task="evens"),
    Attack(
        "endless-iter",
        """
class L(list):
    def __iter__(self):
        while True: yield 'a'
    def __len__(self): return 1 << 60
def f(s): return L('a')
""",
        task="words",
    ),
    Attack(
        "huge-len",
        """
class L(list):
    def __len__(self): return (1 << 62)
    def __getitem__(self, i): return 'a'
def f(s): return L()
""",
        task="words",
    ),
    Attack(
        "hostile-attributes",
        """
class H:
    def __getattribute__(self, name): raise SystemExit(0)
    __class__ = property(lambda s: exit(0))
def f(x): return H()
""",
    ),
    Attack(
        "hostile-class-attributes",
        """
class M(type):
    def __getattribute__(cls, name): raise SystemExit(0)
    def mro(cls): return [cls, object]
class H(metaclass=M): pass
def f(x): return H()
""",
    ),
    Attack(
        "hostile-mro",
        """
class M(type):
    def mro(cls): return [cls, int, object]
class H(int, metaclass=M):
    __index__ = __int__ = lambda s: 4
def f(x): return H(77)
""",
    ),
    Attack(
        "hostile-index",
        """
class I(int):
    def __index__(self): exit(0)
    __int__ = __add__ = __repr__ = __str__ = __index__
def f(x): return I(3)
""",
    ),
    Attack(
        "hostile-str",
        """
class S(str):
    def __str__(self):
        while True: pass
    encode = __str__
def f(s): return S('ab')
""",
        task="upper",
    ),
    Attack(
        "hostile-hash",
        """
class K(str):
    def __hash__(self):
        while True: pass
def f(s):
    return {k: 1 for k in map(K, s)}
""",
        task="counts",
        kinds=(VerdictKind.TIMEOUT,),
    ),
    Attack(
        "reduce-in-the-receiver",
        """
import os
class R:
    def __reduce__(self): return (os._exit, (0,))
    __reduce_ex__ = lambda self, n: self.__reduce__()
    __getstate__ = __reduce__
def f(x): return R()
""",
    ),
)
