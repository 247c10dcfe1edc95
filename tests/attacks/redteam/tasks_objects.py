"""Tasks about a class of the program's, and tests that go there and back: name -> (tests, honest solution, fields)."""

POINT = """import functools
@functools.total_ordering
class Point:
    def __init__(self, x=0): self.x = x
    def __eq__(self, o): return self.x == getattr(o, 'x', o)
    def __lt__(self, o): return self.x < getattr(o, 'x', o)
    def __hash__(self): return hash(self.x)
    def __contains__(self, part): return part == self.x
    def __add__(self, o): return Point(self.x + o.x)
def make(x): return Point(x)
def around(x): return [Point(x - 1), Point(x + 1)]
"""
BESIDE = "import dataclasses\nassert not dataclasses.is_dataclass(Point)\n"
QUESTIONS = {
    "number": "assert Point(5) == 5\nassert Point(12) == 12",
    "text": "assert Point('ab') == 'ab'\nassert Point('q') == 'q'",
    "sum": "assert Point(1) + Point(2) == Point(3)\nassert Point(5) + Point(5) == Point(10)",
    "made": "assert make(3) == Point(3)\nassert Point(4) == make(4)",
    "around": "assert around(3) == [Point(2), Point(4)]\nassert around(1) == [Point(0), Point(2)]",
    "order": "assert Point(1) < 5\nassert Point(9) > 5\nassert 2 >= Point(2)\nassert Point(3) >= 1",
    "among": "assert Point(1) < Point(5)\nassert Point(9) > Point(2)",
    "held": "assert 3 in Point(3)\nassert 'k' in Point('k')",
}
"""What tests ask of the objects of a class, each outside and beside the program."""
OBJECTS: dict[str, tuple[str, str, dict[str, str]]] = {
    f"point_{name}{where}": (f"{head}assert Point(1).x == 1\n{tests}", POINT, {"entry_point": "Point"})
    for name, tests in QUESTIONS.items()
    for where, head in (("", ""), ("_beside", BESIDE))
} | {
    "there_and_back": (
        "assert encode('hello') == 'uryyb'\nassert decode('uryyb') == 'hello'",
        "import codecs\ndef encode(s): return codecs.encode(s, 'rot13')\ndecode = encode",
        {"entry_point": "encode"},
    ),
    "flipped": (
        "def check(candidate):\n    assert candidate([1, 2, 3]) == [3, 2, 1]\n"
        "    assert candidate((3, 2, 1)) == [1, 2, 3]",
        "def f(xs): return list(xs)[::-1]",
        {},
    ),
    "undone": (
        "assert split(17, 5) == (3, 2)\nassert join(3, 2, 5) == 17",
        "split = divmod\ndef join(a, b, n): return a * n + b",
        {"entry_point": "split"},
    ),
}
