"""The form of messages: values as a graph of built-in types, copied with identity, with caps on size.

Both ends of a judged call speak it: the judge, and the driver in the candidate's process. Whoever reads
trusts nothing: what arrives is data of exact built-in types, or an error. Everything else that a program
may hold stays where it is and is named by a number. A message is a list of nodes, each of which refers
to others by their number, so that shared nodes and circles survive and no depth is too deep; an answer
refers to the objects of its question as well, and says what has become of them (call by copy-restore).

`writer` writes messages, `reader` reads them. Never pickle, never marshal: both can be made to run code
or to crash their reader.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Peer(Protocol):
        """What one end knows of the objects that do not cross.

        Attributes:
            classes: Trusted classes that both ends have by the same name; their instances cross as copies.
            wary: Whether the other end is not trusted to say what an attribute is.
            plain: Whether nothing but plain data is read.
        """

        classes: dict[str, type]
        wary: bool
        plain: bool

        def stays(self, value: Any) -> bool:
            """Return whether an object stays here although it holds a built-in value."""

        def name_of(self, value: Any) -> bytes:
            """Return what stands for an object that stays: `named`, `yours` or `of_program`."""

        def theirs(self, number: int, sort: str, name: str) -> Any:
            """Return what stands here for an object of the other end."""

        def mine(self, number: int) -> Any:
            """Return an object of this end that the other one names."""

        def of_program(self, name: str) -> Any:
            """Return what the program calls so."""


MAX_BYTES = 48 << 20
MAX_VALUES = 3_000_000
MAX_INT_BYTES = 1 << 20
LONG = 64
"""Texts and bytes longer than this are written once in a message, however often they stand in it."""

NAME_BYTES = 2000
"""Of a name no more is written, nor read."""

LENGTH = struct.Struct(">I")
FLAT = LENGTH.pack(0) * 2
"""How a message begins that brings no changes and has no nodes."""
INT, FLOAT, COMPLEX = struct.Struct(">q"), struct.Struct(">d"), struct.Struct(">dd")
PACKED: dict[type, bytes] = {int: b"q", float: b"d", bool: b"?", str: b"s"}
"""Exact classes of which whole sequences are packed, where there are more than so many items."""
PACKED_FROM = 8


PLAIN = frozenset((b"l", b"t", b"d", b"S", b"Z", b"s", b"b", b"m"))
"""Nodes of plain data: lists, tuples, dictionaries, sets, texts, bytes; and what an exception is told in."""


class Refused(ValueError):
    """The value, or the message, is past a cap or not in the format."""


class NotPlain(Exception):
    """The message holds more than plain data, and only that is read."""


def sized(tag: bytes, content: bytes) -> bytes:
    """Return a tag, a length and content."""
    return tag + LENGTH.pack(len(content)) + content


def named(number: int, sort: str, name: str) -> bytes:
    """Return the bytes that name an object which stays with the sender: a number, what sort, what it is called."""
    return b"h" + LENGTH.pack(number) + sort.encode()[:1] + sized(b"", name.encode("utf-8", "replace")[:NAME_BYTES])


def yours(number: int) -> bytes:
    """Return the bytes that name an object of the receiver."""
    return b"y" + LENGTH.pack(number)


def of_program(name: str) -> bytes:
    """Return the bytes that stand for what the program calls `name`."""
    return sized(b"F", name.encode())


def _write_int(value: int) -> bytes:
    if -(1 << 63) <= value < 1 << 63:
        return b"j" + INT.pack(value)
    size = (int.bit_length(value) + 8) // 8
    if size > MAX_INT_BYTES:
        raise Refused("an int is too large")
    return sized(b"i", int.to_bytes(value, size, "big", signed=True))


INLINE: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"N",
    bool: lambda value: b"1" if value else b"0",
    int: _write_int,
    float: lambda value: b"f" + FLOAT.pack(value),
    complex: lambda value: b"c" + COMPLEX.pack(value.real, value.imag),
    type(...): lambda value: b".",
    type(NotImplemented): lambda value: b"!",
}
