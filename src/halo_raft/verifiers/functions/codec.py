"""Python values as bytes: built-in types alone, copied, with caps on size and depth.

Both ends of a judged call speak it: the judge, and the driver in the candidate's process. Whoever
reads trusts nothing: what arrives is data of exact built-in types, or an error. Everything else that
a program may hold stays where it is and is named by a number.

Never pickle, never marshal: both can be made to run code or to crash their reader.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Protocol

    class Peer(Protocol):
        """What one end knows of the objects that do not cross.

        Attributes:
            classes: Trusted classes that both ends have by the same name; their instances cross as copies.
        """

        classes: dict[str, type]

        def name_of(self, value: Any) -> bytes:
            """Return what stands for an object: `named` or `yours`."""

        def theirs(self, number: int, type_name: str) -> Any:
            """Return what stands here for an object of the other end."""

        def mine(self, number: int) -> Any:
            """Return an object of this end that the other one names."""


MAX_BYTES = 8 << 20
MAX_VALUES = 400_000
MAX_DEPTH = 90
MAX_INT_BYTES = 1 << 17

_LENGTH = struct.Struct(">I")
_FLOAT = struct.Struct(">d")
_COMPLEX = struct.Struct(">dd")
SEQUENCES: dict[bytes, Callable[[Iterable[Any]], Any]] = {
    b"l": list,
    b"t": tuple,
    b"S": set,
    b"Z": frozenset,
    b"q": collections.deque,
    b"I": iter,
    b"k": lambda items: dict.fromkeys(items).keys(),
    b"v": lambda items: dict(enumerate(items)).values(),
    b"j": lambda items: dict(items).items(),
}
MAPPINGS: dict[bytes, Callable[[Iterable[Any]], Any]] = {
    b"d": dict,
    b"O": collections.OrderedDict,
    b"C": lambda pairs: collections.Counter(dict(pairs)),
}
TEXTS: dict[bytes, Callable[[str], Any]] = {
    b"D": decimal.Decimal,
    b"R": fractions.Fraction,
    b"T": datetime.datetime.fromisoformat,
    b"Y": datetime.date.fromisoformat,
    b"U": datetime.time.fromisoformat,
}
_BASES: tuple[tuple[type, bytes], ...] = (
    (bool, b"?"),
    (int, b"i"),
    (float, b"f"),
    (complex, b"c"),
    (str, b"s"),
    (bytes, b"b"),
    (bytearray, b"B"),
    (list, b"l"),
    (tuple, b"t"),
    (set, b"S"),
    (frozenset, b"Z"),
    (collections.deque, b"q"),
    (collections.Counter, b"C"),
    (collections.OrderedDict, b"O"),
    (dict, b"d"),
    (range, b"r"),
    (decimal.Decimal, b"D"),
    (fractions.Fraction, b"R"),
    (datetime.datetime, b"T"),
    (datetime.date, b"Y"),
    (datetime.time, b"U"),
    (datetime.timedelta, b"V"),
)
_EXACT = dict(_BASES)
_SAMPLES: tuple[Any, ...] = (
    iter([]),
    iter(()),
    iter({}),
    iter(set()),
    iter(""),
    iter(range(0)),
    reversed([]),
    zip(),
    map(len, ()),
    filter(None, ()),
    enumerate(()),
    (_ for _ in ()),
)
_ITERATORS = frozenset(type(value) for value in _SAMPLES)
"""Iterators of built-in types: they cross as what they yield, once."""
_VIEWS = {type({}.keys()): b"k", type({}.values()): b"v", type({}.items()): b"j"}


class Refused(ValueError):
    """The value, or the message, is past a cap or not in the format."""


def encode(value: Any, peer: Peer) -> bytes:
    """Return a value as bytes.

    Instances of subclasses of built-in types cross as the built-in value that they hold.

    Args:
        value: Anything.
        peer: This end.

    Raises:
        Refused: It is too large or nested too deep.
    """
    writer = _Writer(peer)
    writer.write(value, 0)
    return b"".join(writer.parts)


class _Writer:
    def __init__(self, peer: Peer) -> None:
        self.parts: list[bytes] = []
        self._peer = peer
        self._values = self._bytes = 0

    def write(self, value: Any, depth: int) -> None:
        self._values += 1
        if self._values > MAX_VALUES or depth > MAX_DEPTH:
            raise Refused("a value is too large, or nested too deep")
        if value is None:
            self._put(b"N")
            return
        kind = type(value)
        tag = _EXACT.get(kind) or _tag_of_subclass(kind)
        if tag is None:
            self._write_other(value, kind, depth)
        else:
            self._write_tagged(tag, value, depth)

    def _write_tagged(self, tag: bytes, value: Any, depth: int) -> None:
        if tag == b"?":
            self._put(b"1" if value else b"0")
        elif tag == b"i":
            number = int.__index__(value)
            size = (int.bit_length(number) + 8) // 8
            if size > MAX_INT_BYTES:
                raise Refused("an int is too large")
            self._sized(tag, int.to_bytes(number, size, "big", signed=True))
        elif tag == b"s":
            self._sized(tag, str.encode(value, "utf-8", "surrogatepass"))
        elif tag == b"f":
            self._put(tag + _FLOAT.pack(float.__pos__(value)))
        elif tag in SEQUENCES:
            base = SEQUENCES[tag]
            self._items(tag, base.__len__(value), base.__iter__(value), depth)  # type: ignore[attr-defined]
        elif tag in MAPPINGS:
            self._put(tag + _LENGTH.pack(dict.__len__(value)))
            for key, item in dict.items(value):
                self.write(key, depth + 1)
                self.write(item, depth + 1)
        elif tag in (b"b", b"B"):
            self._sized(tag, bytes(memoryview(value)))
        elif tag == b"c":
            self._put(tag + _COMPLEX.pack(value.real, value.imag))
        elif tag == b"r":
            self._items(tag, 3, (value.start, value.stop, value.step), depth)
        elif tag == b"V":
            self._items(tag, 3, (value.days, value.seconds, value.microseconds), depth)
        else:
            text = str(value) if tag in (b"D", b"R") else value.isoformat()
            self._sized(tag, text.encode())

    def _write_other(self, value: Any, kind: type, depth: int) -> None:
        if kind in _VIEWS:
            self._items(_VIEWS[kind], len(value), value, depth)
        elif kind in _ITERATORS:
            items: list[Any] = []
            for item in value:
                items.append(item)
                if len(items) > MAX_VALUES:
                    raise Refused("an iterator yields too much")
            self._items(b"I", len(items), items, depth)
        elif kind.__module__ == "numpy" and hasattr(value, "item") and not hasattr(value, "__len__"):
            self.write(value.item(), depth + 1)
        elif self._peer.classes.get(kind.__name__) is kind and hasattr(value, "__dict__"):
            name = kind.__name__.encode()
            self._put(b"o" + _LENGTH.pack(len(name)) + name)
            self.write(dict(vars(value)), depth + 1)
        else:
            self._put(self._peer.name_of(value))

    def _items(self, tag: bytes, count: int, items: Iterable[Any], depth: int) -> None:
        self._put(tag + _LENGTH.pack(count))
        for item in items:
            self.write(item, depth + 1)

    def _sized(self, tag: bytes, content: bytes) -> None:
        self._put(tag + _LENGTH.pack(len(content)) + content)

    def _put(self, part: bytes) -> None:
        self._bytes += len(part)
        if self._bytes > MAX_BYTES:
            raise Refused("a value is too large")
        self.parts.append(part)


def _tag_of_subclass(kind: type) -> bytes | None:
    """Return the tag of the nearest built-in base of a class."""
    for base in type.mro(kind):
        if base in _EXACT:
            return _EXACT[base]
    return None


def decode(data: bytes, peer: Peer) -> Any:
    """Return the value that `data` holds, all of it.

    Args:
        data: What the other end sent; nothing about it is trusted.
        peer: This end.

    Raises:
        Refused: It is not one value in the format, or past a cap.
    """
    reader = _Reader(data, peer)
    try:
        value = reader.read(0)
    except (struct.error, ValueError, OverflowError, TypeError, ArithmeticError, RecursionError, LookupError) as error:
        raise Refused(f"not a value: {error}") from None
    if reader.position != len(data):
        raise Refused("more than a value")
    return value


class _Reader:
    def __init__(self, data: bytes, peer: Peer) -> None:
        self.data, self.position = data, 0
        self._peer = peer
        self._values = self._inside = 0

    def read(self, depth: int) -> Any:
        self._values += 1
        if self._values > MAX_VALUES or depth > MAX_DEPTH:
            raise Refused("past a cap")
        tag = self._take(1)
        if tag in b"N01":
            return {b"N": None, b"0": False, b"1": True}[tag]
        if tag == b"f":
            return _FLOAT.unpack(self._take(8))[0]
        if tag == b"c":
            return complex(*_COMPLEX.unpack(self._take(16)))
        length = _LENGTH.unpack(self._take(4))[0]
        if tag in b"isbB" or tag in TEXTS:
            return self._read_sized(tag, self._take(length))
        if tag in b"hy" and self._inside:
            raise Refused("an instance holds what is no value")
        if tag == b"h":
            return self._peer.theirs(length, self._read_name())
        if tag == b"y":
            return self._peer.mine(length)
        if tag == b"o":
            return self._read_instance(self._take(length), depth)
        if length > MAX_VALUES:
            raise Refused("past a cap")
        if tag in SEQUENCES:
            return SEQUENCES[tag]([self.read(depth + 1) for _ in range(length)])
        if tag in MAPPINGS:
            return MAPPINGS[tag]([(self.read(depth + 1), self.read(depth + 1)) for _ in range(length)])
        if tag in (b"r", b"V") and length == 3:
            numbers = [int.__index__(self.read(depth + 1)) for _ in range(3)]
            return range(*numbers) if tag == b"r" else datetime.timedelta(*numbers)
        raise Refused(f"no tag {tag!r}")

    def _read_sized(self, tag: bytes, content: bytes) -> Any:
        if tag == b"i":
            if not 0 < len(content) <= MAX_INT_BYTES:
                raise Refused("past a cap")
            return int.from_bytes(content, "big", signed=True)
        if tag == b"s":
            return content.decode("utf-8", "surrogatepass")
        if tag in TEXTS:
            if len(content) > 100_000:
                raise Refused("past a cap")
            return TEXTS[tag](content.decode("ascii"))
        return content if tag == b"b" else bytearray(content)

    def _read_instance(self, name: bytes, depth: int) -> Any:
        kind = self._peer.classes.get(name.decode("utf-8", "replace"))
        self._inside += 1
        attributes = self.read(depth + 1)
        self._inside -= 1
        if kind is None or type(attributes) is not dict or not all(type(key) is str for key in attributes):
            raise Refused("no such class")
        if any(callable(getattr(kind, key, None)) for key in attributes):
            raise Refused("an attribute hides a method")
        instance: Any = object.__new__(kind)
        vars(instance).update(attributes)
        return instance

    def _read_name(self) -> str:
        return self._take(_LENGTH.unpack(self._take(4))[0])[:100].decode("utf-8", "replace")

    def _take(self, count: int) -> bytes:
        part = self.data[self.position : self.position + count]
        if len(part) != count:
            raise Refused("cut short")
        self.position += count
        return part


def named(number: int, type_name: str) -> bytes:
    """Return the bytes that name an object which stays with the sender."""
    name = type_name.encode("utf-8", "replace")[:100]
    return b"h" + _LENGTH.pack(number) + _LENGTH.pack(len(name)) + name


def yours(number: int) -> bytes:
    """Return the bytes that name an object of the receiver."""
    return b"y" + _LENGTH.pack(number)
