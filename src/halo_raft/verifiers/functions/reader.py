"""Reads a message, trusting nothing of it; see `codec`. What it says is made into objects by `building`."""

from __future__ import annotations

import array
import enum
import re
import struct

from halo_raft.verifiers.functions.building import MAKERS, Builder, Node
from halo_raft.verifiers.functions.codec import (
    COMPLEX,
    FLAT,
    FLOAT,
    INT,
    LENGTH,
    MAX_INT_BYTES,
    MAX_VALUES,
    NAME_BYTES,
    PLAIN,
    NotPlain,
    Refused,
)
from halo_raft.verifiers.functions.kinds import FUNCTIONS, MAX_TEXT, NAMED_TYPES, SHELLS, TEXTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from halo_raft.verifiers.functions.codec import Peer

CONSTANTS: dict[bytes, Any] = {b"N": None, b"1": True, b"0": False, b".": ..., b"!": NotImplemented}
UNPACK = {b"q": "q", b"d": "d", b"?": "b"}
ERRORS = (struct.error, ValueError, OverflowError, TypeError, ArithmeticError, LookupError, AttributeError, re.error)


class Reader:
    """Reads one message.

    Args:
        data: What the other end sent.
        peer: This end.
        question: The objects of the message that this one answers, by number.

    Attributes:
        values: What the message holds.
        objects: The objects that got a number in it, by number.
        changed: Numbers of the objects of the question whose state the message brought.
    """

    def __init__(self, data: bytes, peer: Peer, question: list[Any] | None = None) -> None:
        self._data, self._position = data, 0
        self._peer = peer
        self._question = question or []
        self._count = 0
        self._here: Node = Node(b"", 0)
        self.objects: list[Any] = []
        self._nodes: list[Node] = []
        self.changed: dict[int, int] = {}
        try:
            self._read()
        except ERRORS as error:
            raise Refused(f"not a value: {error}"[:200]) from None

    def can_change(self, number: int) -> bool:
        """Return whether an object of the message can be changed in place."""
        return self._nodes[number].tag in SHELLS or self._nodes[number].tag in (b"B", b"a")

    def record(self, number: int) -> bytes:
        """Return what the message says of one object."""
        return self._data[self._nodes[number].start : self._nodes[number].end]

    def _read(self) -> None:
        changes: list[tuple[int, int]] = []
        if self._data.startswith(FLAT):
            self._position = len(FLAT)
        else:
            changes += [(self._number(), self._number()) for _ in range(self._number())]
            for _ in range(self._number()):
                self._nodes.append(self._node())
        root = self._here = Node(b"t", self._position)
        root.items = self.values = self._items(self._number())
        if self._position != len(self._data):
            raise Refused("more than a value")
        if not self._nodes and not changes and not root.refs:
            return
        self.changed = {number: node for number, node in changes if self.can_change(node)}
        if len(self.changed) != len(changes) or len({*self.changed.values()}) != len(changes):
            raise Refused("no such object")
        own = {node: self._question[number] for number, node in self.changed.items()}
        self.objects = Builder(self._nodes, self._peer.classes, own).build(root)

    def _node(self) -> Node:
        node = self._here = Node(self._take(1), self._position - 1)
        tag = node.tag
        if self._peer.plain and tag not in PLAIN:
            raise NotPlain(f"a node {tag!r}")
        if tag in (b"s", b"b", b"B") or tag in TEXTS:
            node.head = self._text(tag, self._take(self._number()))
        elif tag in (b"d", b"O", b"C", b"D", b"m"):
            node.values = []
            keys = self._items(1) if tag == b"D" else []
            node.head = keys
            node.items, node.values = self._sequence(), self._sequence()
        elif tag == b"q":
            node.head = self._items(1)
            node.items = self._sequence()
        elif tag in (b"o", b"n"):
            name = self._take(self._number()).decode()
            node.head = (name, self._behind(node)) if tag == b"n" else name
            node.items, node.values = self._sequence(), self._sequence()
        elif tag == b"P":
            node.items = self._items(2)
        elif tag == b"M":
            node.items = self._items(2)
            node.values = self._sequence()
        elif tag == b"a":
            dtype, scalar = self._take(self._number()).decode("ascii"), self._take(1)
            node.head = (dtype, scalar, self._sequence(), self._take(self._number()))
        elif tag in MAKERS or tag in (b"l", b"S"):
            node.items = self._sequence()
        else:
            raise Refused(f"no tag {tag!r}")
        node.end = self._position
        return node

    def _behind(self, node: Node) -> Any:
        """Return what stands for the sender's own named tuple, None where it has none."""
        if self._data[self._position : self._position + 1] not in (b"N", b"h"):
            raise Refused("nothing that stays with its sender")
        self._here = Node(b"h", 0)
        found = self._items(1)[0]
        self._here = node
        return found

    def _text(self, tag: bytes, content: bytes) -> Any:
        if tag == b"s":
            return content.decode("utf-8", "surrogatepass")
        if tag in TEXTS:
            if len(content) > MAX_TEXT:
                raise Refused("past a cap")
            return TEXTS[tag][2](content.decode())
        return content if tag == b"b" else bytearray(content)

    def _sequence(self) -> list[Any]:
        count, form = self._number(), self._take(1)
        if form == b"*":
            return self._items(count)
        self._spend(count)
        if form == b"s":
            lengths = array.array("I")
            lengths.frombytes(self._take(count * lengths.itemsize))
            text = self._take(self._number()).decode("utf-8", "surrogatepass")
            if sum(lengths) != len(text):
                raise Refused("cut short")
            ends = [0]
            return [text[ends[-1] : (ends.append(ends[-1] + n) or ends[-1])] for n in lengths]  # type: ignore[func-returns-value]
        packed = array.array(UNPACK[form])
        packed.frombytes(self._take(count * packed.itemsize))
        return [*map(bool, packed)] if form == b"?" else packed.tolist()

    def _items(self, count: int) -> list[Any]:
        self._spend(count)
        items: list[Any] = []
        data, position, here = self._data, self._position, self._here
        for _ in range(count):
            tag = data[position : position + 1]
            position += 1
            if tag == b"j":
                items.append(INT.unpack_from(data, position)[0])
                position += 8
            elif tag == b"#":
                here.refs.append((items, len(items), LENGTH.unpack_from(data, position)[0]))
                items.append(None)
                position += 4
            elif tag in CONSTANTS:
                items.append(CONSTANTS[tag])
            else:
                self._position = position
                items.append(self._item(tag))
                position = self._position
        self._position = position
        return items

    def _item(self, tag: bytes) -> Any:
        if tag == b"f":
            return FLOAT.unpack(self._take(8))[0]
        if tag == b"c":
            return complex(*COMPLEX.unpack(self._take(16)))
        number = self._number()
        if tag in (b"s", b"b"):
            return self._text(tag, self._take(number))
        if self._peer.plain and tag not in (b"i", b"@"):
            raise NotPlain(f"an item {tag!r}")
        if tag == b"i":
            if not 0 < number <= MAX_INT_BYTES:
                raise Refused("past a cap")
            return int.from_bytes(self._take(number), "big", signed=True)
        if tag == b"@":
            return self._question[number]
        if tag == b"E":
            kind, _, name = self._take(number).decode().partition(".")
            return enum.EnumMeta.__getitem__(self._peer.classes[kind], name)
        if self._here.tag in (b"o", b"n", b"m") and self._peer.wary:
            raise Refused("an attribute that is no value")  # one that could be called might pose as a method
        if tag == b"=":
            name = self._take(number).decode()
            return FUNCTIONS[name] if name in FUNCTIONS and not self._peer.wary else NAMED_TYPES[name]
        return self._of_peer(tag, number)

    def _of_peer(self, tag: bytes, number: int) -> Any:
        if tag == b"h":
            sort = self._take(1).decode("ascii", "replace")
            return self._peer.theirs(number, sort, self._take(self._number())[:NAME_BYTES].decode("utf-8", "replace"))
        if tag == b"y":
            return self._peer.mine(number)
        if tag == b"F":
            return self._peer.of_program(self._take(number).decode())
        raise Refused(f"no tag {tag!r}")

    def _number(self) -> int:
        self._position += 4
        return LENGTH.unpack_from(self._data, self._position - 4)[0]

    def _spend(self, count: int) -> None:
        self._count += count
        if self._count > MAX_VALUES:
            raise Refused("past a cap")

    def _take(self, count: int) -> bytes:
        part = self._data[self._position : self._position + count]
        if len(part) != count:
            raise Refused("cut short")
        self._position += count
        return part
