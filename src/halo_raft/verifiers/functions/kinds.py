"""Which Python values cross as values, and how each kind is written: shared by both ends of a judged call.

What is not in these tables stays where it is and crosses as a name (see `codec`).
"""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import fractions
import pathlib
import re
import time
import types
import uuid
import zoneinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SEQUENCES: dict[type, bytes] = {
    list: b"l",
    tuple: b"t",
    set: b"S",
    frozenset: b"Z",
    collections.deque: b"q",
    type({}.keys()): b"k",
    type({}.values()): b"v",
    type({}.items()): b"e",
}
MAPPINGS: dict[type, bytes] = {
    dict: b"d",
    collections.OrderedDict: b"O",
    collections.Counter: b"C",
    collections.defaultdict: b"D",
    types.SimpleNamespace: b"m",
}
TEXTS: dict[bytes, tuple[type, Callable[[Any], str], Callable[[str], Any]]] = {
    b"G": (decimal.Decimal, str, decimal.Decimal),
    b"R": (fractions.Fraction, str, fractions.Fraction),
    b"T": (datetime.datetime, lambda time: _with_zone(time), lambda text: _in_zone(text)),
    b"Y": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    b"U": (datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    b"w": (pathlib.PosixPath, str, pathlib.PosixPath),
    b"W": (pathlib.PurePosixPath, str, pathlib.PurePosixPath),
    b"u": (uuid.UUID, str, uuid.UUID),
    b"x": (datetime.timezone, lambda zone: f"{zone.utcoffset(None).total_seconds()} {zone}", lambda text: _zone(text)),
    b"X": (zoneinfo.ZoneInfo, str, zoneinfo.ZoneInfo),
}
"""Tag -> class, how its values become text, and back. `classmethod`s of the class itself, never of a subclass."""
MAX_TEXT = 100_000

EXACT: dict[type, bytes] = {
    **SEQUENCES,
    **MAPPINGS,
    **{entry[0]: tag for tag, entry in TEXTS.items()},
    str: b"s",
    bytes: b"b",
    bytearray: b"B",
    range: b"r",
    slice: b"z",
    datetime.timedelta: b"V",
    time.struct_time: b"J",
    re.Pattern: b"P",
    re.Match: b"M",
}
"""Class -> tag of the values that get a number in a message; see `codec.INLINE` for those that do not."""
NUMBERS = (int, float, complex)
BASES = (
    *NUMBERS,
    *(kind for kind in EXACT if kind not in (types.SimpleNamespace, re.Pattern, re.Match, slice, time.struct_time)),
)
"""Built-in classes whose subclasses' instances cross as the value that they hold."""

NAMED_TYPES: dict[str, type] = {
    **{kind.__name__: kind for kind in (*NUMBERS, *EXACT, bool, object, type, type(None), complex, memoryview)},
    **{name: kind for name, kind in vars(builtins).items() if isinstance(kind, type)},
}
"""Classes that both ends have: they cross by name."""
FUNCTIONS = {n: f for n, f in vars(builtins).items() if type(f) is type(len)}
"""Functions that a test may pass: the program gets its own of that name, the judge never does."""
FUNCTION_NAMES = {function: name for name, function in FUNCTIONS.items()}
TYPE_NAMES = {kind: name for name, kind in NAMED_TYPES.items()}
SHELLS = frozenset(b"l d S q O C D m o".split())
"""Tags of the objects that can be changed in place, and so can be part of a circle."""


def _with_zone(time: datetime.datetime) -> str:
    """Return a time as text; a zone that has a name stands behind it, where an offset would say less."""
    zone = time.tzinfo
    if type(zone) is not zoneinfo.ZoneInfo or not zone.key:
        return datetime.datetime.isoformat(time)
    return f"{datetime.datetime.isoformat(time.replace(tzinfo=None))} {time.fold} {zone.key}"


def _in_zone(text: str) -> datetime.datetime:
    time, _, zone = text.partition(" ")
    if not zone:
        return datetime.datetime.fromisoformat(text)
    fold, _, key = zone.partition(" ")
    return datetime.datetime.fromisoformat(time).replace(fold=int(fold), tzinfo=zoneinfo.ZoneInfo(key))


def _zone(text: str) -> datetime.timezone:
    seconds, _, name = text.partition(" ")
    made = datetime.timezone(datetime.timedelta(seconds=float(seconds)))
    return made if str(made) == name else datetime.timezone(made.utcoffset(None), name)


def holds(value: Any, kind: type) -> bytes | None:
    """Return the tag of the nearest built-in class of a value, None where it has none."""
    if kind in EXACT:
        return EXACT[kind]
    for base in type.mro(kind):
        if base in BASES:
            return b"#" if base in NUMBERS else EXACT[base]
    return None


def named_tuple(kind: type) -> type | None:
    """Return what `collections.namedtuple` made of a class, or of one that it derives from; None without any."""
    for base in type.mro(kind):
        fields = type.__getattribute__(base, "__dict__").get("_fields")
        if base.__bases__ == (tuple,) and type(fields) is tuple and all(type(name) is str for name in fields):
            return base
    return None


def has_more(kind: type, named: type) -> bool:
    """Return whether a class of named tuples has attributes beside its fields: methods, properties."""
    own = {name for base in type.mro(kind) if base not in (tuple, object) for name in vars(base)}
    return any(not name.startswith("_") for name in own - {*named._fields})  # type: ignore[attr-defined]


def is_iterator(kind: type) -> bool:
    """Return whether a class is one of Python's own iterators; see `_MODULES_OF_ITERATORS`."""
    return type(kind) is type and kind.__module__ in _MODULES_OF_ITERATORS and hasattr(kind, "__next__")


_MODULES_OF_ITERATORS = frozenset(("builtins", "itertools", "collections", "re", "_sre"))


def searched(pattern: re.Pattern[Any], text: Any, start: int, end: int) -> re.Match[Any]:
    """Return the match of `pattern` that spans `start` to `end` of `text`.

    Raises:
        ValueError: There is none.
    """
    for found in (pattern.match(text, start), pattern.fullmatch(text, start, end), pattern.match(text, start, end)):
        if found is not None and found.span() == (start, end):
            return found
    raise ValueError("no such match")
