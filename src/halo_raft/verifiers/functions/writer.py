"""Writes a value as a message; see `codec`."""

from __future__ import annotations

import array
import enum
import sys
import types

from halo_raft.verifiers.functions.codec import (
    FLAT,
    INLINE,
    LENGTH,
    LONG,
    MAX_BYTES,
    MAX_VALUES,
    PACKED,
    PACKED_FROM,
    Refused,
    sized,
)
from halo_raft.verifiers.functions.kinds import (
    EXACT,
    FUNCTION_NAMES,
    MAPPINGS,
    SEQUENCES,
    TEXTS,
    TYPE_NAMES,
    has_more,
    holds,
    named_tuple,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from halo_raft.verifiers.functions.codec import Peer


class Writer:
    """Writes one message.

    Args:
        peer: This end.
        question: Numbers, by `id`, of the objects of the message that this one answers.

    Attributes:
        nodes: The values that got a number, by it.
        records: What was written for each.
    """

    def __init__(self, peer: Peer, question: dict[int, int] | None = None) -> None:
        self.nodes: list[Any] = []
        self.records: list[bytes] = []
        self.numbers: dict[int, int] = {}
        self._peer = peer
        self._question = question or {}
        self._values = self._bytes = 0

    def message(self, values: Sequence[Any], changed: Iterable[tuple[int, Any]] = ()) -> bytes:
        """Return the message that holds some values, and what has become of objects of the question.

        Args:
            values: Anything.
            changed: Number in the question -> the object as it is now.

        Raises:
            Refused: It is too large.
        """
        changes = []
        for number, item in changed:
            changes.append(LENGTH.pack(number) + LENGTH.pack(len(self.nodes)))
            self.nodes.append(item)
        roots = [*map(self._item, values)]
        if not self.nodes:
            return b"".join((FLAT, LENGTH.pack(len(roots)), *roots))
        while len(self.records) < len(self.nodes):
            self.records.append(record := self.record(self.nodes[len(self.records)]))
            self._count(len(record))
        head = (LENGTH.pack(len(changes)), *changes, LENGTH.pack(len(self.records)))
        return b"".join((*head, *self.records, LENGTH.pack(len(roots)), *roots))

    def record(self, value: Any) -> bytes:
        """Return the content of one node; what it refers to gets numbers of its own."""
        kind = type(value)
        if self._peer.classes.get(kind.__name__) is kind and holds(value, kind) is None:
            names, content = state_of(value)
            return sized(b"o", kind.__name__.encode()) + self._sequence(names) + self._sequence(content)
        named = named_tuple(kind) if kind is not tuple and isinstance(value, tuple) else None
        if named is not None and all(map(self._is_value, tuple.__iter__(value))):
            return self._named(value, named)
        tag = holds(value, kind)
        if tag is None:
            return self._array(value)
        base = next(base for base in type.mro(kind) if EXACT.get(base) == tag)
        if base in MAPPINGS:
            return self._mapping(tag, value)
        if base in SEQUENCES:
            head = self._item(value.maxlen) if tag == b"q" else b""
            items = value if kind is list else list(base.__iter__(value))  # type: ignore[attr-defined]
            return tag + head + self._sequence(items)
        return self._whole(tag, value)

    def _named(self, value: Any, named: Any) -> bytes:
        """Write a named tuple; one of the program's that has more than its fields stays there as well."""
        kind = type(value)
        stays = has_more(kind, named) and not self._peer.wary and self._peer.classes.get(kind.__name__) is not kind
        head = sized(b"n", kind.__name__.encode()[:100]) + (self._peer.name_of(value) if stays else b"N")
        return head + self._sequence(list(named._fields)) + self._sequence(list(tuple.__iter__(value)))

    def _mapping(self, tag: bytes, value: Any) -> bytes:
        if tag == b"m":
            value = vars(value)
        head = self._item(value.default_factory) if tag == b"D" else b""
        return tag + head + self._sequence(list(dict.keys(value))) + self._sequence(list(dict.values(value)))

    def _whole(self, tag: bytes, value: Any) -> bytes:
        if tag == b"s":
            return sized(tag, str.encode(value, "utf-8", "surrogatepass"))
        if tag in (b"b", b"B"):
            return sized(tag, bytes(memoryview(value)))
        if tag in (b"r", b"z"):
            return tag + self._sequence([value.start, value.stop, value.step])
        if tag == b"J":
            return tag + self._sequence([*value, value.tm_zone, value.tm_gmtoff])
        if tag == b"V":
            return tag + self._sequence([value.days, value.seconds, value.microseconds])
        if tag == b"P":
            return tag + self._item(value.pattern) + self._item(value.flags)
        if tag == b"M":
            return tag + self._item(value.re) + self._item(value.string) + self._sequence(list(value.span()))
        return sized(tag, TEXTS[tag][1](value).encode())

    def _array(self, value: Any) -> bytes:
        """Write a numpy array of numbers, or one of its scalars."""
        content = value.tobytes()
        self._count(len(content))
        scalar = b"1" if not hasattr(value, "__len__") and value.shape == () else b"0"
        shape = self._sequence([int(n) for n in value.shape])
        return sized(b"a", value.dtype.str.encode()) + scalar + shape + sized(b"", content)

    def _sequence(self, items: list[Any]) -> bytes:
        count = len(items)
        self._count(0, count)
        if count > PACKED_FROM and len(kinds := {*map(type, items)}) == 1:
            form = PACKED.get(kinds.pop(), b"")
            if packed := form and _pack(form, items):
                return LENGTH.pack(count) + form + packed
        return LENGTH.pack(count) + b"*" + b"".join(map(self._item, items))

    def _item(self, value: Any) -> bytes:
        """Return a value where it stands: itself when it is small and simple, else its number or its name."""
        kind = type(value)
        write = INLINE.get(kind)
        if write is not None:
            return write(value)
        if kind is str and len(value) <= LONG:
            text = value.encode("utf-8", "surrogatepass")
            return b"s" + LENGTH.pack(len(text)) + text
        if kind is bytes and len(value) <= LONG:
            return sized(b"b", value)
        key = id(value)
        if key in self._question:
            return b"@" + LENGTH.pack(self._question[key])
        if key in self.numbers:
            return b"#" + LENGTH.pack(self.numbers[key])
        if self._peer.stays(value) or (
            kind is types.SimpleNamespace and not all(map(self._is_value, vars(value).values()))
        ):
            return self._peer.name_of(value)
        if isinstance(value, enum.Enum) and self._peer.classes.get(kind.__name__) is kind:
            return sized(b"E", f"{kind.__name__}.{value.name}".encode())
        if self._peer.wary and kind is type(len) and value in FUNCTION_NAMES:
            return sized(b"=", FUNCTION_NAMES[value].encode())
        if isinstance(value, type):
            return sized(b"=", TYPE_NAMES[value].encode()) if value in TYPE_NAMES else self._peer.name_of(value)
        tag = holds(value, kind)
        if tag == b"#":
            base: Any = next(base for base in type.mro(kind) if base in INLINE)
            return INLINE[base](base.__pos__(value) if base is not complex else complex(value.real, value.imag))
        if tag is None and self._peer.classes.get(kind.__name__) is not kind and not _is_array(value, kind):
            return self._peer.name_of(value)
        self.numbers[key] = len(self.nodes)
        self.nodes.append(value)
        return b"#" + LENGTH.pack(self.numbers[key])

    def _is_value(self, value: Any) -> bool:
        """Return whether a value crosses as one, rather than by a name."""
        kind = type(value)
        known = kind in INLINE or kind in (str, bytes) or id(value) in self.numbers or id(value) in self._question
        if known or self._peer.stays(value):
            return known
        return holds(value, kind) is not None or self._peer.classes.get(kind.__name__) is kind or _is_array(value, kind)

    def _count(self, size: int, values: int = 0) -> None:
        self._bytes += size
        self._values += values
        if self._bytes > MAX_BYTES or self._values > MAX_VALUES:
            raise Refused("a value is too large")


def _pack(form: bytes, items: list[Any]) -> bytes:
    """Return the items of one exact class as bytes; nothing where they do not fit."""
    try:
        if form == b"s":
            lengths = array.array("I", map(len, items)).tobytes()
            return lengths + sized(b"", "".join(items).encode("utf-8", "surrogatepass"))
        return array.array({b"q": "q", b"d": "d", b"?": "b"}[form], items).tobytes()
    except OverflowError:
        return b""


def _is_array(value: Any, kind: type) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray | numpy.generic):
        return False
    return kind.__module__ == "numpy" and value.dtype.kind in "biufcSUmM" and value.dtype.names is None


def state_of(value: Any) -> tuple[list[str], list[Any]]:
    """Return names and values of the attributes of an instance, those in slots included."""
    names = list(getattr(value, "__dict__", ()))
    for base in type.mro(type(value)):
        slots = base.__dict__.get("__slots__", ())
        names += [n for n in ((slots,) if isinstance(slots, str) else slots) if n != "__dict__" and hasattr(value, n)]
    names = [name for name in dict.fromkeys(names) if name != "__weakref__"]
    return names, [getattr(value, name) for name in names]
