"""Values beside an expected one: what an object that equals everything equals too.

The test of a program's own class may compare its objects with plain values, and the class decides. So
it is asked of many values at once, in an order that tells nothing, and has to pick the right one.
"""

from __future__ import annotations

import random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COUNT = 48


def lineup(value: Any) -> tuple[list[Any], int]:
    """Return values among which the given one stands once, and where."""
    others = [other for other in _others(value) if type(other) is not type(value) or other != value]
    random.shuffle(others)
    place = random.randrange(len(others) + 1)
    return [*others[:place], value, *others[place:]], place


def strangers(count: int = 1) -> list[Any]:
    """Return what an object can hardly equal, or hold, that does not so with everything: so many of each kind."""
    found: list[Any] = []
    for _ in range(count):
        number = random.randrange(10**6)
        found += [f"\x00{number}", -(10**30) - number, number / 7 + 0.1234567, (f"{number}\x00", -number)]
    random.shuffle(found)
    return found


def _others(value: Any) -> list[Any]:
    kind = type(value)
    strange = [None, (), *strangers()]
    if kind is bool:
        return [not value, *strange]
    if kind is int:
        first = value - random.randrange(COUNT)
        return [*range(first, first + COUNT), *strange]
    if kind is float:
        return [value + (n - random.randrange(COUNT)) * (abs(value) / 7 + 0.37) for n in range(COUNT)] + strange
    if kind is str:
        return [_altered(value) for _ in range(COUNT)] + strange
    if kind in (list, tuple):
        return [kind(_other_items(list(value))) for _ in range(COUNT // 4)] + strange
    if kind is set:
        return [{*value, n} for n in range(-3, 3)] + [set(list(value)[1:])] + strange
    if kind is dict:
        return [{**value, n: None} for n in range(-3, 3)] + [dict(list(value.items())[1:])] + strange
    return strange


def _altered(text: str) -> str:
    """Return another text: none that a class may take for the same, as with a zero or a blank more, or in capitals.

    Where a text has digits, one of them is another, or has one before it: its other letters may mean nothing.
    """
    digits = [place for place, letter in enumerate(text) if letter.isdigit()]
    place = random.choice(digits or range(len(text) + 1))
    letters = "123456789" if digits else "abcdefghijklmnopqrstuvwxyz"
    letter = random.choice([c for c in letters if c != text[place : place + 1].lower()])
    return text[:place] + letter + text[place + random.randrange(2) :]


def _other_items(items: list[Any]) -> list[Any]:
    place = random.randrange(len(items) + 1)
    if items and random.random() < 0.5:
        return items[:place][: len(items) - 1] + items[place + 1 :] if place < len(items) else items[:-1]
    more = random.choice([*_others(items[0])[:COUNT], None]) if items else random.randrange(-9, 99)
    return [*items[:place], more, *items[place + random.randrange(2) :]]
