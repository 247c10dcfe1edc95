"""Values as messages: every kind comes back as itself, with identity, state and depth; nothing hostile is believed."""

import collections
import contextlib
import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import re
import types
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halo_raft.verifiers.functions.codec import Refused
from halo_raft.verifiers.functions.ends import End
from halo_raft.verifiers.functions.reader import Reader
from halo_raft.verifiers.functions.writer import Writer


class Node:
    def __init__(self, value, after=None):
        self.value, self.after = value, after

    def method(self):
        return self.value


class Slotted:
    __slots__ = ("a",)


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: int


class Color(enum.Enum):
    RED = 1


Pair = collections.namedtuple("Pair", "x y")


class Side(End):
    """An end without objects of its own."""

    def __init__(self, wary=True):
        super().__init__()
        self.wary = wary
        self.classes = {kind.__name__: kind for kind in (Node, Slotted, Frozen, Color)}

    def stays(self, value):
        return False

    def stand_in(self, value):
        return None

    def name_of(self, value):
        raise TypeError(f"{type(value).__name__} stays")

    def theirs(self, number, sort, name):
        raise Refused("nothing of the other end stands here")


SIDE = Side()


def there_and_back(value):
    return Reader(Writer(SIDE).message([value]), SIDE).values[0]


VALUES = [
    *(
        None,
        True,
        False,
        0,
        -1,
        2**63,
        -(2**70),
        1.5,
        float("inf"),
        1j,
        ...,
        NotImplemented,
        "",
        "a" * 99,
        "\ud800",
        b"x",
    ),
    *([], [1] * 20, [1.5] * 20, ["ab", ""] * 20, [True] * 20, [2**70] * 20, [[1], {2}], (1, (2,)), {1: {2: [3]}}),
    *({1, (2, 3)}, frozenset({1, frozenset({2})}), collections.deque([1, 2], 3), collections.Counter("aab")),
    *(collections.OrderedDict(b=1, a=2), collections.defaultdict(list, {1: [2]}), bytearray(b"xy"), range(1, 9, 2)),
    *(decimal.Decimal("1.10"), fractions.Fraction(1, 3), datetime.datetime(2020, 1, 2, 3), datetime.date(2020, 1, 2)),
    *(datetime.time(1, 2), datetime.timedelta(1, 2, 3), pathlib.Path("/a"), uuid.UUID(int=7), Pair(1, [2]), int, list),
    *(types.SimpleNamespace(a=1, b=[2]), Frozen(3), Color.RED, re.compile("a+", re.IGNORECASE)),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_itself(value):
    found = there_and_back(value)
    assert found == value
    assert type(found).__name__ == type(value).__name__


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=30,
)


@settings(max_examples=150, deadline=None)
@given(plain)
def test_any_plain_value_comes_back_as_itself(value):
    assert there_and_back(value) == value


def test_a_subclass_crosses_as_the_value_that_it_holds():
    class Own(list):
        pass

    class Number(int):
        __eq__ = lambda self, other: True  # noqa: E731
        __hash__ = int.__hash__

    assert type(there_and_back(Own([1]))) is list
    assert there_and_back(Number(7)) == 7
    assert there_and_back(Number(7)) != 8


def test_shared_nodes_and_circles_survive():
    row = [1]
    grid = there_and_back([row, row, (row,)])
    assert grid[0] is grid[1] is grid[2][0]
    loop = []
    loop.append({"loop": loop})
    found = there_and_back(loop)
    assert found[0]["loop"] is found
    node = Node(1)
    node.after = node
    found = there_and_back(node)
    assert found.after is found


@pytest.mark.parametrize("depth", [150, 20_000])
def test_depth_is_no_limit(depth):
    value, nodes = 1, None
    for n in range(depth):
        value, nodes = [value], Node(n, nodes)
    found, count = there_and_back(value), 0
    while isinstance(found, list):
        found, count = found[0], count + 1
    assert (found, count) == (1, depth)
    head = there_and_back(nodes)
    assert head.after.value == depth - 2


def test_a_match_is_one_again():
    found = there_and_back(re.search(r"(?P<n>\d+)", "ab12c"))
    assert (found.group("n"), found.span(), found.string) == ("12", (2, 4), "ab12c")


def test_arrays_cross_but_not_those_of_objects():
    numpy = pytest.importorskip("numpy")
    value = numpy.arange(6.0).reshape(2, 3)
    assert numpy.array_equal(there_and_back(value), value)
    assert there_and_back(numpy.int64(3)) == 3
    with pytest.raises(TypeError):
        there_and_back(numpy.array([object()]))


def call(change, *arguments):
    """Call `change` on the other side; return its answer, with the state of the arguments put back."""
    question = Writer(SIDE)
    there = Side(wary=False)
    asked = Reader(question.message(arguments), there)
    answer = there.answer(asked, [change(*asked.values)])
    read = Reader(answer, SIDE, question.nodes)
    return read.values[0], read


def test_the_state_of_arguments_is_put_back_into_the_callers_own_objects():
    xs, seen, names, node = [3, 1, 2], {1}, {"a": [1]}, Node(1)
    inner = names["a"]

    def change(xs, seen, names, node):
        xs.sort()
        seen.add(2)
        names["b"] = names["a"]
        names["a"].append(xs)
        node.value, node.after = 5, Node(6)
        return xs

    answer, _ = call(change, xs, seen, names, node)
    assert answer is xs
    assert (xs, seen, node.value, node.after.value) == ([1, 2, 3], {1, 2}, 5, 6)
    assert names["a"] is names["b"] is inner
    assert inner == [1, xs]
    assert inner[1] is xs


def test_what_did_not_change_is_not_sent():
    xs, names = list(range(1000)), {"a": [1]}
    _, read = call(lambda xs, names: None, xs, names)
    assert read.changed == {}
    _, read = call(lambda xs, names: names["a"].append(2), xs, names)
    assert len(read.changed) == 1


def test_a_copy_is_not_the_argument():
    xs = [1]
    assert call(lambda xs: list(xs), xs)[0] is not xs
    assert call(lambda xs: xs, xs)[0] is xs


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff" * 40,
        b"\0" * 12,
        (0).to_bytes(4, "big") + (1).to_bytes(4, "big") + b"l" + b"\xff" * 4 + b"*",
        (0).to_bytes(4, "big") * 2 + (1).to_bytes(4, "big") + b"#" + (7).to_bytes(4, "big"),
        (0).to_bytes(4, "big") * 2 + (1).to_bytes(4, "big") + b"@" + (7).to_bytes(4, "big"),
        (0).to_bytes(4, "big") * 2 + (1).to_bytes(4, "big") + b"F" + (1).to_bytes(4, "big") + b"f",
        (0).to_bytes(4, "big") * 2 + (1).to_bytes(4, "big") + b"=" + (4).to_bytes(4, "big") + b"exec",
        (1).to_bytes(4, "big") + (0).to_bytes(8, "big") + (0).to_bytes(8, "big"),
    ],
)
def test_what_is_no_message_is_refused(message):
    if message == b"\0" * 12:
        assert Reader(message, SIDE).values == []
        return
    with pytest.raises(Refused):
        Reader(message, SIDE)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=3), plain)
def test_a_message_that_was_tampered_with_is_a_value_or_refused(place, noise, value):
    message = Writer(SIDE).message([[value, Node(value), Pair(1, value)]])
    place %= len(message)
    with contextlib.suppress(Refused):
        Reader(message[:place] + noise + message[place + len(noise) :], SIDE)


def test_an_attribute_poses_as_no_method():
    node = Node(1)
    node.method = 5
    with pytest.raises(Refused, match="hides a method"):
        there_and_back(node)
    with pytest.raises(TypeError):
        there_and_back(types.SimpleNamespace(startswith=bool))
    assert type(there_and_back(Pair(bool, 1))) is tuple
