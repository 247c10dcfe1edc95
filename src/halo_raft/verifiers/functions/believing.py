"""Whether the word of a program's object is taken: it is asked of more than the test wants to know.

Where tests are about a class of the program's, its objects say what they equal, hold, and come before. Each answer
counts among others, in an order that tells nothing: an object that says yes to all, or by turns, gives itself away.
The judge asks so over the border (see `proxies`), and trusted text beside the program (see `own_classes`).
"""

from __future__ import annotations

import builtins
import random

from halo_raft.verifiers.functions.decoys import lineup, strangers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Ask = Callable[[list[tuple[str, Any]]], list[Any]]
    """Names of operations (see `operator`) with an operand each -> True, False, or None where the object raises."""

globals()["__builtins__"] = dict(vars(builtins))  # its own: a program that replaces `isinstance` must not reach this

CONTRARY = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt"}
MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
HELD = 6
"""Strangers of each kind that a container is asked for."""
NEIGHBOURS = 12
"""Numbers beside a number that an object is put in order with."""


def says_yes_to_all(ask: Ask) -> bool:
    """Return whether an object equals what is nothing to it."""
    return any(answer is True for answer in ask([("eq", stranger) for stranger in strangers()]))


def equals(ask: Ask, value: Any) -> bool | None:
    """Return whether an object equals a value, and no other of a line-up; None where it raises instead."""
    values, place = lineup(value)
    picked = ask([("eq", other) for other in values])
    if picked[place] is None:
        return None
    return [number for number, answer in enumerate(picked) if answer is True] == [place]


def contains(ask: Ask, item: Any) -> bool | None:
    """Return whether an object holds an item, and no strangers but numbers alone; None where it raises instead."""
    values = strangers(HELD)
    place = random.randrange(len(values) + 1)
    values.insert(place, item)
    held = ask([("contains", value) for value in values])
    if held[place] is not True:
        return held[place]
    strange = [value for number, value in enumerate(values) if held[number] is True and number != place]
    return len({float if isinstance(value, int) else type(value) for value in strange}) < 2


def is_in_order(ask: Ask, name: str, value: Any) -> bool | None:
    """Return whether an object stands so to a value, and in the same order to the numbers beside it.

    Args:
        ask: Asks the object.
        name: `lt`, `le`, `gt` or `ge`.
        value: The value.

    Returns:
        None where the object raises instead.
    """
    mirrored = MIRRORED[name]
    others = [value, *_neighbours(value)]
    questions = [(operation, other) for other in others for operation in (name, mirrored)]
    questions.append((CONTRARY[name], value))
    places = [*range(len(questions))]
    random.shuffle(places)
    answers: dict[int, Any] = dict(zip(places, ask([questions[place] for place in places]), strict=True))
    if answers[0] is not True:
        return answers[0]
    if answers[len(questions) - 1] is True:
        return False
    said = {
        operation: [answers[2 * n + turned] for n in range(len(others))]
        for turned, operation in enumerate((name, mirrored))
    }
    both = sum(a is b is True for a, b in zip(said[name], said[mirrored], strict=True))
    if both > (1 if name in ("le", "ge") else 0):
        return False
    return all(_is_steady(operation, others, said[operation]) for operation in said)


def _neighbours(value: Any) -> list[Any]:
    if type(value) not in (int, float):
        return []
    steps = random.sample(range(1, 50), NEIGHBOURS)
    return [value + (step if random.random() < 0.5 else -step) for step in steps]


def _is_steady(operation: str, values: list[Any], answers: list[Any]) -> bool:
    """Return whether what is true of one number is true of all that lie farther that way."""
    known = sorted((value, answer) for value, answer in zip(values, answers, strict=True) if answer is not None)
    row = [answer for _, answer in known]
    return row == sorted(row, reverse=operation in ("gt", "ge"))
