"""Makes the objects that a message describes; see `reader`."""

from __future__ import annotations

import collections
import datetime
import keyword
import re
import time
import types

from halo_raft.verifiers.functions.codec import Refused
from halo_raft.verifiers.functions.kinds import EXACT, SHELLS, searched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAKERS: dict[bytes, Any] = {
    b"t": tuple,
    b"Z": frozenset,
    b"k": lambda items: dict.fromkeys(items).keys(),
    b"v": lambda items: dict(enumerate(items)).values(),
    b"e": lambda items: dict(items).items(),
    b"r": lambda items: range(*map(int, items)),
    b"z": lambda items: slice(*items),
    b"J": lambda items: time.struct_time(items),
    b"V": lambda items: datetime.timedelta(*map(int, items)),
}
"""Tag -> what makes an immutable object of its items."""
EMPTY: dict[bytes, Any] = {
    b"l": list,
    b"S": set,
    b"d": dict,
    b"O": collections.OrderedDict,
    b"C": collections.Counter,
    b"D": collections.defaultdict,
    b"m": types.SimpleNamespace,
}


BEHIND = "_behind_of_the_program"
"""Attribute of a named tuple that was read: what stands for the program's own, which has more than its fields."""


class Node:
    """One node of a message: what it is, and items that may still be numbers of other nodes."""

    __slots__ = ("end", "head", "items", "refs", "start", "tag", "values")

    def __init__(self, tag: bytes, start: int) -> None:
        self.tag, self.start, self.end = tag, start, start
        self.head: Any = None
        self.items: list[Any] = []
        self.values: list[Any] | None = None
        self.refs: list[tuple[list[Any], int, int]] = []


class Builder:
    """Makes objects of nodes.

    Args:
        nodes: The nodes of a message.
        classes: Trusted classes, by name.
        own: Number of a node -> the object that it brings the new state of.
    """

    def __init__(self, nodes: list[Node], classes: dict[str, type], own: dict[int, Any]) -> None:
        self._nodes, self._classes, self._own = nodes, classes, own
        self._objects: list[Any] = [None] * len(nodes)

    def build(self, root: Node) -> list[Any]:
        """Return the objects by number: what can be changed is made first and empty, and filled at last.

        Raises:
            Refused: They cannot be made.
        """
        made = [False] * len(self._nodes)
        for number, node in enumerate(self._nodes):
            if node.tag in SHELLS or not (node.refs or node.items):
                self._objects[number] = self._shell(node, self._own.get(number))
                made[number] = True
        for number in range(len(self._nodes)):
            self._make_whole(number, made)
        self._resolve(root)
        late = []
        for number, node in enumerate(self._nodes):
            if node.tag in SHELLS:
                self._resolve(node)
                if node.tag in (b"S", b"d", b"O", b"C", b"D"):
                    late.append((number, node))  # what they hash may have to be filled first
                else:
                    _fill(node, self._objects[number])
        for number, node in late:
            _fill(node, self._objects[number])
        return self._objects

    def _make_whole(self, first: int, made: list[bool]) -> None:
        """Make an object that cannot be changed, after those that it is made of."""
        stack, begun = [first], set()
        while stack:
            number = stack[-1]
            node = self._nodes[number]
            missing = [ref for _, _, ref in node.refs if not made[ref]]
            if made[number] or not missing:
                if not made[number]:
                    self._resolve(node)
                    self._objects[number] = _whole(node, self._classes)
                    made[number] = True
                stack.pop()
            elif number in begun:
                raise Refused("a circle of what cannot be changed")
            else:
                begun.add(number)
                stack += missing

    def _resolve(self, node: Node) -> None:
        for items, position, number in node.refs:
            items[position] = self._objects[number]

    def _shell(self, node: Node, own: Any) -> Any:
        """Return an empty object, or the reader's own object whose state the message brings."""
        tag = node.tag
        if tag == b"o":
            kind = self._classes.get(node.head)
            if kind is None or any(callable(getattr(kind, key, None)) for key in node.items if isinstance(key, str)):
                raise Refused("no such class, or an attribute hides a method")
            if own is not None and type(own) is not kind:
                raise Refused("another class")
            return object.__new__(kind) if own is None else own
        if tag not in SHELLS:
            return _renewed(own, _whole(node, self._classes))
        if own is not None:
            if next((EXACT[base] for base in type.mro(type(own)) if base in EXACT), None) != tag:
                raise Refused("another class")
            return own
        if tag == b"q":
            return collections.deque(maxlen=node.head[0])
        return EMPTY[tag]()


def _whole(node: Node, classes: dict[str, type]) -> Any:
    """Return the object of a node that is made at once."""
    tag = node.tag
    if tag == b"n":
        return _named_tuple(node, classes)
    if tag == b"P":
        return re.compile(*node.items)
    if tag == b"M":
        pattern, text = node.items
        if not isinstance(pattern, re.Pattern):
            raise Refused("not a pattern")
        return searched(pattern, text, *node.values)  # type: ignore[misc]
    if tag == b"a":
        return _array(*node.head)
    return MAKERS[tag](node.items) if tag in MAKERS else node.head


def _named_tuple(node: Node, classes: dict[str, type]) -> Any:
    names, items = node.items, node.values or []
    name, behind = node.head
    trusted: Any = classes.get(name)
    if trusted is not None and getattr(trusted, "_fields", None) == tuple(names):
        return trusted._make(items)
    plain = all(isinstance(n, str) and n.isidentifier() and not keyword.iskeyword(n) and n[0] != "_" for n in names)
    if not plain or len({*names}) != len(items) or not name.isidentifier() or keyword.iskeyword(name):
        return tuple(items)
    make: Any = collections.namedtuple  # a name that is known at run time is beyond the type checker
    if behind is None:
        return make(name, names)._make(items)
    made = type(name, (make(name, names),), {"__getattr__": _of_behind})._make(items)  # type: ignore[attr-defined]
    vars(made)[BEHIND] = behind
    return made


def _of_behind(self: Any, name: str) -> Any:
    """Ask the program's own named tuple for what a plain one has not."""
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(vars(self)[BEHIND], name)


def behind(value: Any) -> Any:
    """Return what stands for the program's own named tuple behind one that was read, None where there is none."""
    if not isinstance(value, tuple) or type(value) is tuple:
        return None
    return getattr(value, "__dict__", {}).get(BEHIND)


def _array(dtype: str, scalar: bytes, shape: list[Any], content: bytes) -> Any:
    """Return a numpy array, or one of its scalars; where numpy is not in use, the number that it holds."""
    import numpy

    kind = numpy.dtype(dtype)
    if kind.kind not in "biufcSUmM" or kind.names is not None:
        raise Refused("not an array of numbers")
    values = numpy.frombuffer(content, kind).reshape(shape).copy()
    return values[()] if scalar == b"1" else values


def _renewed(own: Any, new: Any) -> Any:
    """Return the reader's own object with a new content, where it has one that can be changed as a whole."""
    if own is None:
        return new
    if type(own) is not type(new):
        raise Refused("another class")
    own[:] = new
    return own


def _fill(node: Node, made: Any) -> None:
    """Give an object its content, in place of what it had."""
    tag, items, values = node.tag, node.items, node.values or []
    if tag in (b"l", b"q", b"S"):
        base: Any = {b"l": list, b"q": collections.deque, b"S": set}[tag]
        base.clear(made)
        (set.update if tag == b"S" else base.extend)(made, items)
        return
    if len(items) != len(values):
        raise Refused("cut short")
    if tag in (b"o", b"m"):
        if not all(type(name) is str and not name.startswith("__") for name in items):
            raise Refused("not the name of an attribute")
        own = getattr(made, "__dict__", {})
        own.clear()
        for name, value in zip(items, values, strict=True):
            if hasattr(made, "__dict__") and not hasattr(type(made), name):
                own[name] = value
            else:
                object.__setattr__(made, name, value)
        return
    if tag == b"D":
        made.default_factory = node.head[0]
    base = collections.OrderedDict if tag == b"O" else dict
    base.clear(made)
    for key, value in zip(items, values, strict=True):
        base.__setitem__(made, key, value)
