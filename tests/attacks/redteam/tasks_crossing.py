"""Tasks whose values, objects and modes are under attack: name -> (tests, honest solution, more fields)."""

NODES = """class ListNode:
    def __init__(self, val=0, next=None):
        self.val, self.next = val, next

def build(xs):
    head = None
    for x in reversed(xs):
        head = ListNode(x, head)
    return head

def values(node):
    out = []
    while node:
        out.append(node.val)
        node = node.next
    return out
"""
REVERSE = """def f(head):
    last = None
    while head:
        head.next, last, head = last, head, head.next
    return last"""
VECTOR = """class Vec:
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, o): return Vec(self.x + o.x, self.y + o.y)
    def __eq__(self, o): return isinstance(o, Vec) and (self.x, self.y) == (o.x, o.y)
    def __hash__(self): return hash((self.x, self.y))
    def __repr__(self): return f'Vec({self.x}, {self.y})'
    def __abs__(self): return (self.x ** 2 + self.y ** 2) ** 0.5
    def __len__(self): return 2
    def __contains__(self, n): return n in (self.x, self.y)"""
FRACTION = """import math
class Frac:
    def __init__(self, a, b=1):
        g = math.gcd(a, b)
        self.a, self.b = a // g, b // g
    def __add__(self, o): return Frac(self.a * o.b + o.a * self.b, self.b * o.b)
    def __eq__(self, o):
        o = o if isinstance(o, Frac) else Frac(o) if isinstance(o, int) else Frac(0, 1)
        return (self.a, self.b) == (o.a, o.b)
    def __float__(self): return self.a / self.b"""

CROSSING: dict[str, tuple[str, str, dict[str, str]]] = {
    "sorted_in_place": (
        "xs = [3, 1, 2]\nassert f(xs) is None\nassert xs == [1, 2, 3]\nys = [2, 2, 1]\nf(ys)\nassert ys == [1, 2, 2]",
        "def f(xs):\n    xs.sort()",
        {},
    ),
    "kept": (
        "xs = [2, 1, 2]\nassert f(xs) == [2, 1]\nassert xs == [2, 1, 2]\nys = [5]\nassert f(ys) is not ys\n"
        "assert f([]) == []",
        "def f(xs):\n    return list(dict.fromkeys(xs))",
        {},
    ),
    "aliases": (
        "row = [0]\ngrid = [row, row]\nf(grid)\nassert grid == [[7], [7]]\nassert grid[0] is row and grid[1] is row",
        "def f(grid):\n    grid[0][0] = 7",
        {},
    ),
    "reversed_nodes": (
        "head = build([1, 2, 3])\nassert values(f(head)) == [3, 2, 1]\nassert head.next is None\n"
        "assert f(None) is None",
        REVERSE,
        {"test_setup": NODES},
    ),
    "middle_node": (
        "head = build([1, 2, 3])\ngot = f(head)\nassert got is head.next\nassert got.val == 2",
        "def f(head):\n    slow = fast = head\n    while fast and fast.next:\n"
        "        slow, fast = slow.next, fast.next.next\n    return slow",
        {"test_setup": NODES},
    ),
    "vector": (
        "assert Vec(1, 2) + Vec(3, 4) == Vec(4, 6)\nassert Vec(1, 2) != Vec(2, 1)\n"
        "assert repr(Vec(1, 2)) == 'Vec(1, 2)'\n"
        "assert abs(Vec(3, 4)) == 5\nassert 4 in Vec(3, 4) and 9 not in Vec(3, 4)\n"
        "assert len({Vec(1, 2), Vec(1, 2)}) == 1",
        VECTOR,
        {"entry_point": "Vec"},
    ),
    "fraction": (
        "assert Frac(1, 2) + Frac(1, 2) == 1\nassert Frac(3, 1) == 3\nassert Frac(7) == 7\n"
        "assert float(Frac(1, 2)) == 0.5",
        FRACTION,
        {"entry_point": "Frac"},
    ),
    "fraction_equality_alone": (
        "assert Frac(1, 2) + Frac(1, 2) == 1\nassert Frac(3, 1) == 3\nassert Frac(70, 2) == 35",
        FRACTION,
        {"entry_point": "Frac"},
    ),
    "made": (
        "assert f(1, 2) == Point(1, 2)\nassert f(1, 2).x == 1\nassert f(3, 4).y == 4\nassert f(1, 2) != Point(2, 1)",
        "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int\n    y: int\n\ndef f(a, b):\n"
        "    return Point(a, b)",
        {},
    ),
    "account": (
        "a = f(100)\na.deposit(50)\nassert a.balance == 150\na.withdraw(20)\nassert a.balance == 130\n"
        "assert not f(0).is_rich()",
        "class Account:\n    def __init__(self, b): self.balance = b\n    def deposit(self, n): self.balance += n\n"
        "    def withdraw(self, n): self.balance -= n\n    def is_rich(self): return self.balance > 1000\n\n"
        "def f(b):\n    return Account(b)",
        {"prompt": "Write f(b), which returns an account with deposit, withdraw, balance and is_rich."},
    ),
    "predicates": (
        "a = f('A b')\nassert a.equals('a b')\nok = a.same('a b')\nassert ok\nassert a.words == 2\n"
        "assert not f('x').equals('y')",
        "class Text:\n    def __init__(self, s): self.s, self.words = s.lower(), len(s.split())\n"
        "    def equals(self, o): return self.s == o\n    same = equals\n\ndef f(s):\n    return Text(s)",
        {"prompt": "Write f(s): the result has words, and methods equals and same that ignore case."},
    ),
    "managed": (
        "with f(2) as v:\n    assert v == 4\nwith f(3) as v:\n    assert v == 9",
        "from contextlib import contextmanager\n\n@contextmanager\ndef f(x):\n    yield x * x",
        {},
    ),
    "managed_object": (
        "with Box(3) as box:\n    assert box.area() == 9\nwith Box(4) as box:\n    assert box.area() == 16",
        "class Box:\n    def __init__(self, n): self.n = n\n    def area(self): return self.n ** 2\n"
        "    def __enter__(self): return self\n    def __exit__(self, *error): return False",
        {"entry_point": "Box"},
    ),
    "helped": (
        "assert close(f(2), 4)\nassert close(f(3), 9)\nassert close(f(7), 49)",
        "def f(x):\n    return x * x",
        {"test_setup": "def close(a, b):\n    return abs(a - b) < 1e-6"},
    ),
    "oracle": (
        "for n in range(5, 9):\n    assert f(n) == right(n)\nassert f(3) == wanted[0]",
        "def f(x):\n    return x * x",
        {"test_setup": "wanted = [9]\n\ndef right(n):\n    return sum(n for _ in range(n))"},
    ),
    "late": (
        "assert f(root) == wanted",
        "class Node:\n    def __init__(self, v): self.v = v\n\ndef f(node):\n    return [node.v, node.v ** 2]",
        {"test_setup": "root = Node(3)\nwanted = [3, 9]"},
    ),
    "constants": (
        "assert LIMIT == 10\nassert f(3) == 13\nassert f(-10) == 0",
        "LIMIT = 10\ndef f(x):\n    return x + LIMIT",
        {},
    ),
    "own_error": (
        "assert f('abc') == 3\ntry:\n    f('a')\n    told = ''\nexcept TooShort as error:\n    told = str(error)\n"
        "assert told == 'only 1'\ntry:\n    f('ab')\nexcept TooShort as error:\n    told = error.args\n"
        "assert told == ('only 2',)",
        "class TooShort(Exception):\n    pass\n\ndef f(s):\n    if len(s) < 3:\n"
        "        raise TooShort(f'only {len(s)}')\n"
        "    return len(s)",
        {},
    ),
    "printed": (
        "import contextlib, io\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    f(3)\n"
        "assert out.getvalue() == '1\\n4\\n9\\n'",
        "def f(n):\n    for i in range(1, n + 1):\n        print(i * i)",
        {},
    ),
    "asked": (
        "from unittest.mock import patch\nwith patch('builtins.input', side_effect=['3', '4']):\n    got = f()\n"
        "assert got == 25",
        "def f():\n    return int(input()) ** 2 + int(input()) ** 2",
        {},
    ),
    "evaluated": ("assert eval(f(2)) == 4\nassert eval(f(3)) == 9", "def f(x):\n    return f'{x} * {x}'", {}),
    "executed": (
        "made = {}\nexec(f('sq'), made)\nassert made['sq'](3) == 9\nassert made['sq'](4) == 16",
        "def f(name):\n    return f'def {name}(x): return x * x'",
        {},
    ),
    "pickled": (
        "import pickle\nassert pickle.loads(f([1, 2])) == [1, 2]\nassert pickle.loads(f([])) == []",
        "import pickle\ndef f(x):\n    return pickle.dumps(x)",
        {},
    ),
    "seeded": (
        "import random\nrandom.seed(4)\na = f(3)\nrandom.seed(4)\n"
        "assert a == [random.randint(1, 6) for _ in range(3)]\n"
        "assert a.count(0) == 0",
        "import random\ndef f(n):\n    return [random.randint(1, 6) for _ in range(n)]",
        {},
    ),
    "endless": (
        "from itertools import islice\nassert list(islice(f(3), 4)) == [3, 6, 9, 12]\ng = f(1)\nassert next(g) == 1\n"
        "assert next(g) == 2",
        "def f(n):\n    total = n\n    while True:\n        yield total\n        total += n",
        {},
    ),
    "awaited": (
        "import asyncio\nassert asyncio.run(f(2)) == 4\nassert asyncio.run(f(3)) == 9",
        "async def f(x):\n    return x * x",
        {},
    ),
    "arrays": (
        "import numpy as np\na = np.array([3.0, 4.0])\nassert np.allclose(f(a), [0.6, 0.8])\n"
        "assert f(a).shape == (2,)\n"
        "assert a.tolist() == [3.0, 4.0]",
        "import numpy as np\ndef f(a):\n    return a / np.linalg.norm(a)",
        {},
    ),
    "matched": (
        "assert f('ab12').group(1) == '12'\nassert f('ab12').span() == (2, 4)\nassert f('x') is None",
        "import re\ndef f(s):\n    return re.search(r'(\\d+)', s)",
        {},
    ),
    "fielded": (
        "p = f(1, 2)\nassert p.x == 1 and p.y == 2\nassert p == (1, 2)\nassert p.index(2) == 1",
        "from collections import namedtuple\nPair = namedtuple('Pair', 'x y')\ndef f(a, b):\n    return Pair(a, b)",
        {},
    ),
    "method": (
        "def check(candidate):\n    assert candidate(2, 3) == 5\n    assert candidate(a=4, b=4) == 8\n",
        "class Solution:\n    def add(self, a, b):\n        return a + b",
        {"entry_point": "Solution().add"},
    ),
    "documented": (
        "assert f.__doc__\nassert callable(f)\nassert f(2) == 4\nassert f(5) == 25",
        'def f(x):\n    """Square."""\n    return x * x',
        {},
    ),
    "test_class": (
        "import unittest\n\nclass TestF(unittest.TestCase):\n    def test_two(self):\n"
        "        self.assertEqual(f(2), 4)\n"
        "    def test_error(self):\n        with self.assertRaises(TypeError):\n            f('a', 1)\n"
        "    def test_three(self):\n        self.assertTrue(f(3) == 9)\n",
        "def f(x):\n    return x * x",
        {},
    ),
    "mocked": (
        "import time\nfrom unittest.mock import patch\nwith patch('time.time', return_value=7.0):\n"
        "    assert f() == 14.0\n"
        "with patch('time.time', return_value=1.5):\n    assert f() == 3.0",
        "import time\ndef f():\n    return time.time() * 2",
        {},
    ),
}
"""Those of them that only the program's own process can judge are judged there, and say so."""
