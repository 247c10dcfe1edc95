"""What objects of a class that the tests are about may say beside them: equality, order, membership.

The class decides, as it does from outside (see `proxies`), but each answer has to stand beside others; see `believing`.
"""

from __future__ import annotations

import builtins
import operator
import random

from halo_raft.verifiers.functions import believing
from halo_raft.verifiers.functions.copies import copied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

globals()["__builtins__"] = dict(vars(builtins))  # its own: a program that replaces `isinstance` must not reach this

OPERATIONS = {name: getattr(operator, name) for name in ("eq", "contains", "lt", "le", "gt", "ge")}
LOOKED_AT = 64
"""Objects of a container that are asked, at most."""


def are_believed(objects: Iterable[Any]) -> bool:
    """Return whether none of some objects equals what is nothing to it."""
    asked = [*objects]
    return not any(map(_says_yes_to_all, asked if len(asked) <= LOOKED_AT else random.sample(asked, LOOKED_AT)))


def equals(thing: Any, value: Any) -> bool:
    """Return whether an object equals a value, and no other of a line-up."""
    answer = believing.equals(_Asked(thing), value)
    return _raised("eq", thing, value) if answer is None else answer


def contains(container: Any, item: Any) -> bool:
    """Return whether an object holds an item, and nothing that is strange to it."""
    believed = believing.contains(_Asked(copied(container)), item)
    return operator.contains(container, item) and believed is True


def stand_in_order(name: str, thing: Any, value: Any) -> bool:
    """Return whether an object stands to a value as `name` says."""
    answer = believing.is_in_order(_Asked(thing), name, value)
    return _raised(name, thing, value) if answer is None else answer


def objects_in_order(name: str, left: Any, right: Any) -> bool:
    """Return whether two objects are in an order; in a strict one, not the other way round or with themselves too."""
    questions = [(left, right), *([(right, left), (left, left)] if name in ("lt", "gt") else [])]
    places = random.sample(range(len(questions)), len(questions))
    answers = {place: _answer(name, *questions[place]) for place in places}
    if answers.pop(0) is None:
        return _raised(name, left, right)
    return _answer(name, left, right) is True and not any(answer is True for answer in answers.values())


class _Asked:
    """Asks an object."""

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __call__(self, questions: list[tuple[str, Any]]) -> list[Any]:
        return [_answer(name, self._thing, operand) for name, operand in questions]


def _says_yes_to_all(thing: Any) -> bool:
    return believing.says_yes_to_all(_Asked(thing))


def _answer(name: str, left: Any, right: Any) -> bool | None:
    """Return the truth of an answer, None where the object raises instead."""
    try:
        return bool(OPERATIONS[name](left, right))
    except Exception:
        return None


def _raised(name: str, left: Any, right: Any) -> bool:
    """Have an object raise what it raised before; one that does not is believed in nothing."""
    OPERATIONS[name](left, right)
    return False
