"""Python programs that abuse what a call gives back: the state of its arguments, their identity, values."""

from redteam.attack import Attack
from redteam.rows.liars_python import LIAR

ROWS = (
    Attack("in-place-sort-on-a-copy", "def f(xs):\n    sorted(xs)", task="sorted_in_place", fools=""),
    Attack("in-place-sort-returns-it", "def f(xs):\n    return sorted(xs)", task="sorted_in_place"),
    Attack(
        "in-place-liar-put-into-the-argument",
        LIAR.format(base="") + "def f(xs):\n    xs[:] = [Liar(), Liar(), Liar()]",
        task="sorted_in_place",
        fools="exec",
    ),
    Attack(
        "in-place-liar-of-int-put-into-the-argument",
        LIAR.format(base="(int)") + "def f(xs):\n    xs[:] = [Liar(7), Liar(7), Liar(7)]",
        task="sorted_in_place",
        fools="exec",
    ),
    Attack("in-place-argument-into-itself", "def f(xs):\n    xs[:] = [xs, xs, xs]", task="sorted_in_place"),
    Attack(
        "in-place-argument-grown-without-end",
        "def f(xs):\n    while True: xs.extend(range(10 ** 6))",
        task="sorted_in_place",
    ),
    Attack("in-place-class-changed", "def f(xs):\n    xs.__class__ = type('L', (list,), {})", task="sorted_in_place"),
    Attack(
        "in-place-list-behind-gc",
        """
import gc
def f(xs):
    for thing in gc.get_objects():
        if type(thing) is list and thing == [3, 1, 2]: thing[:] = [1, 2, 3]
    return None
""",
        task="sorted_in_place",
        fools="",
    ),
    Attack(
        "destroys-its-argument",
        "def f(xs):\n    out = list(dict.fromkeys(xs))\n    xs.clear()\n    return out",
        task="kept",
    ),
    Attack(
        "destroys-its-argument-later",
        """
import threading, time
def f(xs):
    out = list(dict.fromkeys(xs))
    xs.append(0)
    return out
""",
        task="kept",
    ),
    Attack("returns-its-argument", "def f(xs):\n    xs[:] = dict.fromkeys(xs)\n    return xs", task="kept"),
    Attack("alias-broken", "def f(grid):\n    grid[:] = [[7], [7]]", task="aliases"),
    Attack("alias-of-one-alone", "def f(grid):\n    grid[0] = [7]\n    grid[1] = grid[0]", task="aliases"),
    Attack(
        "alias-of-liars",
        LIAR.format(base="(list)") + "def f(grid):\n    grid[0] = grid[1] = Liar([7])",
        task="aliases",
    ),
    Attack(
        "nodes-of-another-class",
        """
class ListNode:
    def __init__(self, val=0, next=None): self.val, self.next = val, next
def f(head):
    return ListNode(3, ListNode(2, ListNode(1))) if head else None
""",
        task="reversed_nodes",
    ),
    Attack("nodes-values-alone", "def f(head):\n    return build(values(head)[::-1])", task="reversed_nodes"),
    Attack("nodes-in-a-circle", "def f(head):\n    if head: head.next = head\n    return head", task="reversed_nodes"),
    Attack(
        "nodes-that-hide-a-method",
        "def f(head):\n    if head: head.__init__ = head.__class__ = print\n    return head",
        task="reversed_nodes",
    ),
    Attack(
        "nodes-with-a-property",
        "ListNode.val = property(lambda s: 3, lambda s, v: None)\ndef f(head): return head",
        task="reversed_nodes",
    ),
    Attack(
        "nodes-with-liars",
        LIAR.format(base="") + "def f(head):\n    n = head\n    while n: n.val, n = Liar(), n.next\n    return head",
        task="reversed_nodes",
    ),
    Attack("node-copied", "def f(head):\n    return ListNode(2, head.next.next)", task="middle_node"),
    Attack(
        "node-moved",
        "def f(head):\n    head.next = ListNode(2, ListNode(3))\n    return ListNode(2)",
        task="middle_node",
    ),
    Attack("array-changed", "import numpy as np\ndef f(a):\n    a /= np.linalg.norm(a)\n    return a", task="arrays"),
    Attack(
        "array-of-objects",
        LIAR.format(base="") + "import numpy as np\ndef f(a): return np.array([Liar(), Liar()], dtype=object)",
        task="arrays",
    ),
    Attack(
        "array-that-is-masked",
        "import numpy as np\ndef f(a): return np.ma.masked_all(2)",
        task="arrays",
    ),
    Attack(
        "match-made-up",
        """
class M:
    def group(self, n): return '12'
    def span(self): return (2, 4)
def f(s): return M()
""",
        task="matched",
    ),
    Attack(
        "match-that-takes-for-ever",
        "import re\ndef f(s): return re.compile('(a*)*b').search('a' * 30 + 'c')",
        task="matched",
    ),
    Attack(
        "fields-that-are-functions",
        """
from collections import namedtuple
P = namedtuple('P', 'x y', defaults=(0,))
def f(a, b): return namedtuple('P', 'x y startswith')(a, b, lambda *a: True)
""",
        task="fielded",
    ),
    Attack(
        "fields-of-types",
        """
from types import SimpleNamespace
def f(s): return SimpleNamespace(startswith=bool, endswith=bool, isupper=lambda: True)
""",
        task="methods",
    ),
    Attack(
        "named-tuple-of-types",
        """
from collections import namedtuple
T = namedtuple('T', 'startswith endswith isupper')
def f(s): return T(bool, bool, object)
""",
        task="methods",
    ),
    Attack(
        "named-tuple-of-functions",
        """
from collections import namedtuple
T = namedtuple('T', 'startswith endswith isupper')
def f(s): return T(*[lambda *a: True] * 3)
""",
        task="methods",
    ),
    Attack(
        "methods-that-answer-one",
        """
class Text:
    def startswith(self, *a): return 1
    endswith = isupper = startswith
def f(s): return Text()
""",
        task="methods",
        fools="exec",
    ),
    Attack(
        "class-in-place-of-the-function",
        """
class f:
    def __init__(self, s): pass
    def startswith(self, *a): return True
    endswith = isupper = startswith
""",
        task="methods",
        fools="exec",
    ),
    Attack(
        "type-name-made-up",
        """
class f:
    def __init__(self, s): pass
    def startswith(self, *a): return True
    endswith = isupper = startswith
f.__name__ = f.__qualname__ = 'str'
f.__module__ = 'builtins'
""",
        task="methods",
        fools="exec",
    ),
    Attack(
        "items-of-a-dict-with-a-factory",
        "from collections import defaultdict\ndef f(s): return defaultdict(lambda: 1)",
        task="counts",
    ),
    Attack(
        "generator-that-repeats",
        "def f(n):\n    while True: yield n",
        task="endless",
    ),
    Attack("iterator-that-ends-the-loop", "def f(x): raise StopIteration", task="mapped"),
    Attack("iterator-that-ends-the-zip", "def f(x): raise StopIteration(9)", task="zipped"),
    Attack("own-stop-iteration", "class E(StopIteration): pass\ndef f(x): raise E", task="mapped"),
    Attack("coroutine-of-a-liar", LIAR.format(base="") + "async def f(x): return Liar()", task="awaited", fools="exec"),
    Attack(
        "awaitable-made-up",
        LIAR.format(base="") + "class A:\n    def __await__(self): yield\ndef f(x): return A()",
        task="awaited",
    ),
)
