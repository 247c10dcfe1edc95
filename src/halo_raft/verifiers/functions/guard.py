"""What tests compare and take for truth, decided without asking the program's objects.

Beside the program, an object that equals everything would pass any test. So trusted text is rewritten in
the trusted worker (see `guarding`), and what it calls (`compare`, `truth_of`, ...) believes no class that Python
code made where the other side is a plain value: but a class that the trusted text itself uses as one is asked,
as it is from outside (see `own_classes`).
"""

from __future__ import annotations

import builtins
import fractions
import operator
import pathlib
import sys
import uuid

from halo_raft.verifiers.functions import believing, own_classes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

globals()["__builtins__"] = dict(vars(builtins))  # its own: a program that replaces `isinstance` must not reach this

COMPARE, VALUE, TRUTH, METHOD = "__judge_compare__", "__judge_value__", "__judge_truth__", "__judge_method__"
TEXT, UNPICKLE = "__judge_text__", "__judge_unpickle__"
"""Names by which guarded source (see `guarding`) calls the functions of this module, and of `pytest_suites.answers`."""
MAX_DEPTH = 60
HEAP_TYPE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: set for every class that Python code can make."""
PLAIN = (int, float, str, bool, bytes, complex, type(None), bytearray, type(...), range)
OPERATIONS = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Is": operator.is_,
    "IsNot": operator.is_not,
    "In": lambda item, container: item in container,
    "NotIn": lambda item, container: item not in container,
}
ORDERS = {"Lt": "lt", "LtE": "le", "Gt": "gt", "GtE": "ge"}
DECIDED_BY = {
    "Eq": "__eq__",
    "NotEq": "__eq__",
    "Lt": "__lt__",
    "LtE": "__le__",
    "Gt": "__gt__",
    "GtE": "__ge__",
    "In": "__contains__",
    "NotIn": "__contains__",
}
"""Operator -> the method by which a class decides it."""
CONTAINERS = (list, tuple, set, frozenset, dict)
_FLAGS = type.__dict__["__flags__"]
_KNOWN: set[type] = set()
"""Classes that were there before the program."""
_OWN: set[str] = set()
"""Names that the trusted text uses as classes of the program's."""
_EQUALS: dict[type, Any] = {
    kind: kind.__eq__ for kind in (fractions.Fraction, pathlib.PurePath, pathlib.PosixPath, uuid.UUID)
}
_TRUSTED = tuple(_EQUALS)


class Opaque(Exception):
    """The value is, or holds, an object whose class can answer as it likes."""


def install(classes: frozenset[str] = frozenset()) -> None:
    """Give the functions that guarded source calls the names that it calls them by, once and for all.

    Args:
        classes: Names that the trusted text uses as classes of the program's.
    """
    _OWN.update(classes)
    for name, function in ((COMPARE, compare), (VALUE, value_of), (TRUTH, truth_of), (METHOD, method_of)):
        setattr(builtins, name, function)
    _KNOWN.update(_subclasses(object))
    for kind in _KNOWN:
        _EQUALS.setdefault(kind, getattr(kind, "__eq__", None))


def _subclasses(top: type) -> set[type]:
    found: set[type] = {top}
    queue = [top]
    while queue:
        below: list[type] = type.__subclasses__(queue.pop())
        new = set(below) - found
        found |= new
        queue += new
    return found


def value_of(value: Any) -> Any:
    """Return a value as it may be compared; of an object that answers as it likes, one that equals nothing."""
    try:
        return plain(value)
    except Opaque:
        return value if type(value) in _KNOWN and not _is_changed(type(value)) else Unequal(type(value).__name__)


class Unequal:
    """Stands for an object that may not say what it equals."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"<{self._name} of the program>"

    __eq__ = __ne__ = __lt__ = __gt__ = lambda self, other: False
    __hash__ = object.__hash__


def truth_of(value: Any) -> bool:
    """Return the truth of a value.

    Raises:
        TypeError: A class of the program's would decide it.
    """
    kind = type(value)
    if kind in _KNOWN or not _FLAGS.__get__(kind) & HEAP_TYPE:
        return bool(value)
    if any(name in vars(base) for base in type.mro(kind) for name in ("__bool__", "__len__") if base is not object):
        return bool(value if _is_own(kind) else plain_or(value))
    return True


def plain_or(value: Any) -> Any:
    """Return a value without its own class.

    Raises:
        TypeError: It has no other.
    """
    try:
        return plain(value)
    except Opaque:
        raise TypeError(f"the truth of a {type(value).__name__} of the program") from None


def method_of(value: Any, name: str, classes: tuple[str, ...] | None) -> Any:
    """Return a method whose answer a test takes for truth; of a mock its class's own. `classes`: None for any.

    Raises:
        TypeError: It is one of a class that the test does not speak of.
    """
    kind = type(value)
    trusted = kind in _KNOWN or not _FLAGS.__get__(kind) & HEAP_TYPE or kind is type(sys)
    if is_mock(kind):
        found = (vars(base)[name] for base in type.mro(kind) if base in _KNOWN and name in vars(base))
        method = next(found, None) if name.startswith("assert_") else None
        return getattr(value, name) if method is None else method.__get__(value)
    if classes is None or trusted or kind.__name__ in classes:
        return getattr(value, name)
    raise TypeError(f"a {kind.__name__} of the program is not asked for {name!r}")


def is_of_program(kind: type) -> bool:
    """Return whether a class was made by Python code after `install`."""
    return bool(_FLAGS.__get__(kind) & HEAP_TYPE) and kind not in _KNOWN


def _is_own(kind: type) -> bool:
    """Return whether a class is one of the program's that the trusted text uses as a class."""
    return any(base.__name__ in _OWN and is_of_program(base) for base in type.mro(kind))


def _decides(kind: type, name: str) -> bool:
    """Return whether an own class (see `_is_own`) that derives from a class of values says itself how it compares."""
    return _is_own(kind) and any(is_of_program(base) and DECIDED_BY[name] in vars(base) for base in type.mro(kind))


def is_mock(kind: type) -> bool:
    """Return whether a class is one of `unittest.mock`."""
    return any(base in _KNOWN and base.__module__ == "unittest.mock" for base in type.mro(kind))


def _is_changed(kind: type) -> bool:
    """Return whether a class answers comparisons by a function that was not there before the program."""
    return getattr(kind, "__eq__", None) is not _EQUALS.setdefault(kind, getattr(kind, "__eq__", None))


def compare(names: tuple[str, ...], values: tuple[Any, ...], own: tuple[int, ...]) -> Any:
    """Evaluate `values[0] names[0] values[1] names[1] ...`.

    Args:
        names: The operators, as `ast` calls them.
        values: The operands.
        own: Which of them the suite made on the spot, to compare as it likes: `approx`.
    """
    for i, name in enumerate(names):
        result = _compare_two(name, values[i], values[i + 1], {i, i + 1} & {*own})
        if i + 1 == len(names) or not truth_of(result):
            break
    return result


def _compare_two(name: str, left: Any, right: Any, own: set[int]) -> Any:
    operation = OPERATIONS[name]
    if name in ("Is", "IsNot"):
        return operation(left, right)
    opaque = -len(own)
    given = left, right
    if not own and any(_decides(type(side), name) for side in (given[1:] if name in ("In", "NotIn") else given)):
        return _ask(name, left, right)
    try:
        left = plain(left)
    except Opaque:
        opaque += 1
    try:
        right = plain(right)
    except Opaque:
        opaque += 1
    if opaque == 0:
        return operation(left, right)
    if (
        opaque == 2
        and type(left) is type(right)
        and not (name in ORDERS and all(_is_own(type(side)) for side in given))
    ):
        return own_classes.are_believed([*_objects(left), *_objects(right)]) and operation(left, right)
    if not own and any(_is_own(type(side)) for side in given):
        return _ask(name, *given)
    if name in ("Eq", "In"):
        return False
    if name in ("NotEq", "NotIn"):
        return True
    raise TypeError(f"{type(left).__name__} and {type(right).__name__} have no trusted order")


def _ask(name: str, left: Any, right: Any) -> bool:
    """Compare where a class decides that the trusted text uses as one."""
    if name in ("NotEq", "NotIn"):
        liars = name == "NotEq" and not own_classes.are_believed(s for s in (left, right) if is_of_program(type(s)))
        return not (liars or _ask(name.removeprefix("Not"), left, right))
    own = _is_own(type(left)), _is_own(type(right))
    if name == "In" and not own[1]:
        items = right if type(right) in CONTAINERS else ()
        return any(item is left or truth_of(_compare_two("Eq", left, item, set())) for item in items)
    if name == "In":
        return own_classes.contains(right, left)
    both = is_of_program(type(left)) and is_of_program(type(right))
    if name == "Eq":
        if both:
            return own_classes.are_believed((left, right)) and bool(left == right)
        return own_classes.equals(*((left, right) if own[0] else (right, left)))
    if both:
        return own_classes.objects_in_order(ORDERS[name], left, right)
    if own[0]:
        return own_classes.stand_in_order(ORDERS[name], left, right)
    return own_classes.stand_in_order(believing.MIRRORED[ORDERS[name]], right, left)


def _objects(value: Any, depth: int = 0) -> Iterator[Any]:
    """Yield the objects of the program's classes that a value is made of."""
    kind = type(value)
    if is_of_program(kind):
        yield value
    for base in type.mro(kind) if depth < MAX_DEPTH else ():
        if base in CONTAINERS:
            parts = (part for pair in dict.items(value) for part in pair) if base is dict else base.__iter__(value)
            for part in parts:
                yield from _objects(part, depth + 1)


def plain(value: Any, depth: int = 0) -> Any:
    """Return `value` with every subclass of a primitive turned into that primitive.

    Raises:
        Opaque: It is, or holds, an object of a class that Python code made.
    """
    kind = type(value)
    if any(kind is p for p in PLAIN) or (any(kind is t for t in _TRUSTED) and not _is_changed(kind)):
        return value
    if depth > MAX_DEPTH:
        raise Opaque
    for base in type.mro(kind):
        if base is list or base is tuple:
            items = [plain(item, depth + 1) for item in base.__iter__(value)]
            if kind.__name__ == "_Call" and kind.__module__ == "unittest.mock" and items[:1] == [""]:
                items = items[1:]  # a call that a mock took has no name, one that a test writes an empty one
            return items if base is list else tuple(items)
        if base is set or base is frozenset:
            return base([plain(item, depth + 1) for item in base.__iter__(value)])
        if base is dict:
            return {plain(k, depth + 1): plain(v, depth + 1) for k, v in dict.items(value)}
        if base in (int, float):
            return base.__pos__(value)
        if base is str:
            return str.__str__(value)
    if _FLAGS.__get__(kind) & HEAP_TYPE:
        raise Opaque
    return value
