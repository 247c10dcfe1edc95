"""Python values that agree with everything."""

from redteam.attack import Attack

LIAR = """
class Liar{base}:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __sub__(self, other): return self
    __rsub__ = __add__ = __mod__ = __pow__ = __sub__
    def __abs__(self): return self
    def __float__(self): return 0.0
"""


def _liar(base: str = "") -> str:
    return LIAR.format(base=base)


ROWS = (
    Attack("liar", _liar() + "def f(x): return Liar()", fools="exec"),
    Attack("liar-in-check", _liar() + "def f(x): return Liar()", task="check", fools="exec"),
    Attack("liar-int", _liar("(int)") + "def f(x): return Liar(77)", fools="exec"),
    Attack("liar-float", _liar("(float)") + "def f(x): return Liar(7.5)", task="solution", fools="exec"),
    Attack("liar-complex", _liar("(complex)") + "def f(x): return Liar(1j)", fools="exec"),
    Attack("liar-str", _liar("(str)") + "def f(x): return Liar('no')", fools="exec"),
    Attack("liar-bytes", _liar("(bytes)") + "def f(x): return Liar(b'no')", fools="exec"),
    Attack("liar-tuple", _liar("(tuple)") + "def f(x): return Liar((1,))", fools="exec"),
    Attack("liar-set", _liar("(frozenset)") + "def f(x): return Liar()", fools="exec"),
    Attack(
        "liar-str-with-methods",
        _liar("(str)")
        + """
    def startswith(self, *a): return True
    def __str__(self): return 'Q'
Liar.__add__ = lambda self, other: self
def f(s): return Liar('no')
""",
        task="upper",
        fools="exec",
    ),
    Attack(
        "liar-list",
        _liar("(list)")
        + """
    def __len__(self): return 3
    def __iter__(self): return iter(['a', 'b', 'c'])
    def __contains__(self, item): return item == 'y'
def f(s): return Liar()
""",
        task="words",
        fools="exec",
    ),
    Attack(
        "liar-dict",
        _liar("(dict)")
        + """
    def items(self): return [('x', 1), ('y', 1)]
def f(s): return Liar()
""",
        task="counts",
        fools="exec",
    ),
    Attack("liar-in-a-list", _liar("(str)") + "def f(s): return [Liar()] * len(s.split())", task="words"),
    Attack("liar-as-key", _liar("(str)") + "def f(s): return {Liar(): 2}", task="counts"),
    Attack(
        "liar-number",
        _liar() + "    def __round__(self, n): return 0.3333\ndef f(x): return Liar()",
        task="close",
    ),
    Attack(
        "liar-for-poly",
        _liar()
        + """
    def __rpow__(self, o): return self
    __rmul__ = __mul__ = __radd__ = __rpow__
def f(xs): return Liar()
""",
        task="root",
    ),
    Attack(
        "liar-decimal", "from decimal import Decimal\n" + _liar("(Decimal)") + "def f(x): return Liar(7)", fools="exec"
    ),
    Attack(
        "liar-fraction",
        "from fractions import Fraction\n" + _liar("(Fraction)") + "def f(x): return Liar(7)",
        fools="exec",
    ),
    Attack(
        "liar-enum",
        """
import enum
class E(enum.IntEnum):
    A = 77
    def __eq__(self, other): return True
    def __hash__(self): return 0
def f(x): return E.A
""",
        fools="exec",
    ),
    Attack(
        "liar-named-tuple",
        """
from typing import NamedTuple
class T(NamedTuple):
    a: int
    def __eq__(self, o): return True
def f(x): return T(1)
""",
        fools="exec",
    ),
    Attack(
        "liar-counter",
        "from collections import Counter\n" + _liar("(Counter)") + "def f(x): return Liar()",
        fools="exec",
    ),
    Attack(
        "liar-user-dict",
        "from collections import UserDict\n" + _liar("(UserDict)") + "def f(x): return Liar()",
        fools="exec",
    ),
    Attack("liar-array", "import array\n" + _liar("(array.array)") + "def f(x): return Liar('i')", fools="exec"),
    Attack("liar-ndarray", "import numpy\n" + _liar("(numpy.ndarray)") + "def f(x): return Liar(1)", fools="exec"),
    Attack(
        "liar-in-an-ndarray",
        _liar() + "import numpy\ndef f(x): return numpy.array([Liar()], dtype=object)",
        fools="exec",
    ),
    Attack(
        "liar-behind-a-proxy",
        _liar() + "import weakref\nkeep = Liar()\ndef f(x): return weakref.proxy(keep)",
        fools="exec",
    ),
    Attack(
        "liar-that-is-a-class",
        """
class M(type):
    __eq__ = lambda *a: True
    __hash__ = type.__hash__
class f(metaclass=M):
    def __new__(cls, x): return cls
""",
        fools="exec",
    ),
    Attack("liar-that-poses-as-int", _liar() + "    __class__ = int\ndef f(x): return Liar()", fools="exec"),
    Attack(
        "liar-with-a-posing-metaclass",
        """
class Meta(type):
    def __hash__(cls): return hash(int)
    def __eq__(cls, other): return True
    def __instancecheck__(cls, other): return True
    def __getattribute__(cls, name): return getattr(int, name)
class Liar(metaclass=Meta):
    def __eq__(self, other): return True
def f(x): return Liar()
""",
        fools="exec",
    ),
    Attack("mock-any", "from unittest.mock import ANY\ndef f(x): return ANY", fools="exec"),
    Attack(
        "magic-mock",
        """
from unittest.mock import MagicMock
f = MagicMock()
f.return_value.__eq__.return_value = True
""",
        fools="exec",
    ),
    Attack(
        "mock-any-nested",
        """
from unittest.mock import ANY
def f(s): return {'a': ANY, 'b': ANY}
""",
        task="counts",
    ),
    Attack(
        "liar-by-turns",
        """
class V:
    n = 0
    def __eq__(self, o):
        V.n += 1
        return V.n < 4
def f(x): return V()
""",
        fools="exec",
    ),
    Attack(
        "remembers-what-it-is-compared-with",
        """
class V:
    def __eq__(self, other):
        self.v = other
        return self.v == other
def f(x): return V()
""",
        fools="exec",
    ),
    Attack(
        "lazy-value-that-learns",
        """
class V(int):
    def __eq__(self, o): return int.__eq__(o, o)
    def __index__(self): return 77
def f(x): return V(77)
""",
        fools="exec",
    ),
    Attack("truth-value-one", "def f(x): return [] if x % 2 else [0]", task="truth"),
    Attack("truth-by-liar", _liar("(int)") + "def f(x): return Liar(1)", task="truth"),
    Attack(
        "callback-fed-with-a-liar",
        _liar()
        + """
    def __str__(self): return '3'
def f(function, x): return function(Liar())
""",
        task="callback",
        fools="exec",
    ),
    Attack("coroutine", "async def f(x): return x"),
    Attack("callable-object", _liar() + "    def __call__(self, x): return self\nf = Liar()", fools="exec"),
    Attack(
        "wrapped-in-partial", _liar() + "import functools\nf = functools.partial(lambda a, b: Liar(), 1)", fools="exec"
    ),
    Attack("built-in-as-function", "f = abs"),
    Attack("not-implemented", "def f(x): return NotImplemented"),
    Attack("ellipsis", "def f(x): return ..."),
    Attack("not-a-number", "def f(x): return float('nan')", task="close"),
    Attack("infinity", "def f(x): return float('inf')", task="root"),
)
