"""Whether a program that is told all calls at once could read in a later one what an earlier one has to return.

Tests often go there and back: `encode("hello") == "uryyb"`, then `decode("uryyb") == "hello"`. Asked one after the
other, a program that only repeats what it has been given answers the second at most.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TELLING = 100
"""A whole number from here on is not hit upon by chance."""
TOLERANCE = 0.01
"""A number up to here says how exact an answer has to be."""


def is_foreseen(asserts: Sequence[ast.Assert], calls: Sequence[ast.Call], others: Iterable[ast.stmt]) -> bool:
    """Return whether a call comes after one that has to return what it is given.

    Args:
        asserts: The tests, in the order in which their calls are made.
        calls: The call of each.
        others: Statements that give names to what tests compare with.
    """
    named = {name: value for node in others if isinstance(node, ast.Assign) for name, value in _named(node)}
    later: list[tuple[Any, ...]] = []
    found = 0
    for test, call in zip(reversed(asserts), reversed(calls), strict=True):
        wanted = [value for value in _literals(test.test, call, named) if not _says_nothing(value)]
        telling = [value for value in wanted if _is_telling(value)]
        if telling and all(any(_is_told(value, given) for given in later) for value in telling):
            return True
        found += bool(wanted) and all(any(value in given for given in later) for value in wanted)
        later.append(_comparable([*_literals(call, call.func, {})]))
    return found > 0 and 2 * found >= len(calls)


def _named(node: ast.Assign) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that a statement gives, and what to."""
    for target in node.targets:
        several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        pairs = zip(target.elts, node.value.elts, strict=False) if several else [(target, node.value)]  # type: ignore[attr-defined]
        yield from ((part.id, value) for part, value in pairs if isinstance(part, ast.Name))


def _literals(node: ast.expr, besides: ast.expr, named: dict[str, ast.expr]) -> Iterator[Any]:
    """Yield the values, as large as they come, that stand in an expression or have a name there."""
    if node is besides:
        return
    try:
        yield _comparable(ast.literal_eval(node))
        return
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    if isinstance(node, ast.Name) and node.id in named:
        yield from _literals(named[node.id], besides, {name: value for name, value in named.items() if name != node.id})
    for part in ast.iter_child_nodes(node):
        inner = part.value if isinstance(part, ast.keyword) else part
        if isinstance(inner, ast.expr):
            yield from _literals(inner, besides, named)


def _comparable(value: Any) -> Any:
    """Return a value in which every collection is a tuple: a program makes the one of the other."""
    if isinstance(value, dict):
        value = [*value.items()]
    elif isinstance(value, set):
        value = sorted(value, key=repr)
    return tuple(map(_comparable, value)) if isinstance(value, list | tuple) else value


def _says_nothing(value: Any) -> bool:
    """Return whether a value is nothing that a program would have to look for."""
    if isinstance(value, float | complex):
        return abs(value) <= TOLERANCE
    return value is None or isinstance(value, bool) or (isinstance(value, str | bytes | tuple) and not value)


def _is_telling(value: Any) -> bool:
    """Return whether a value is hardly met by chance."""
    if isinstance(value, tuple):
        return len(value) > 1 or any(map(_is_telling, value))
    if isinstance(value, float) and not value.is_integer():
        return True
    return isinstance(value, str | bytes) or (isinstance(value, int | float | complex) and abs(value) >= TELLING)


def _is_told(value: Any, given: tuple[Any, ...]) -> bool:
    """Return whether what a call is given holds a value, as a whole or in parts."""
    if isinstance(value, tuple) and len(value) > 1 and all(item in given for item in value):
        return True
    return any(part == value or _is_part(value, part) for part in given)


def _is_part(value: Any, whole: Any) -> bool:
    if isinstance(value, str) and isinstance(whole, str):
        return len(value) > 2 and value in whole
    small = isinstance(value, str) and len(value) < 3
    return isinstance(whole, tuple) and any((part == value and not small) or _is_part(value, part) for part in whole)
