"""What objects of a class that the tests are about may say beside them: equality, order, membership.

The class decides, as it does from outside (see `proxies`), but it is asked of other values too: one that
says yes to all of them is believed in nothing.
"""

from __future__ import annotations

import builtins

from halo_raft.verifiers.functions.decoys import STRANGERS, lineup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

globals()["__builtins__"] = dict(vars(builtins))  # its own: a program that replaces `isinstance` must not reach this


def equals(thing: Any, value: Any) -> bool:
    """Return whether an object equals a value, and no other of a line-up."""
    values, place = lineup(value)
    picked = [_answer(_eq, thing, other) for other in values]
    if picked[place] is None:
        return bool(thing == value)  # raises what it raised
    return [number for number, answer in enumerate(picked) if answer is True] == [place]


def contains(container: Any, item: Any) -> bool:
    """Return whether an object holds an item, and nothing that is strange to it."""
    held = bool(item in container)
    return held and not any(_answer(_holds, container, stranger) is True for stranger in STRANGERS)


def stand_in_order(operation: Callable[[Any, Any], Any], contrary: Callable[[Any, Any], Any], *sides: Any) -> bool:
    """Return whether two values, one of them an object, are in an order, and not in the contrary one as well.

    Args:
        operation: The order.
        contrary: What holds where it does not.
        sides: The values.
    """
    return bool(operation(*sides)) and _answer(contrary, *sides) is not True


def _eq(thing: Any, value: Any) -> Any:
    return thing == value


def _holds(container: Any, item: Any) -> Any:
    return item in container


def _answer(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> bool | None:
    """Return the truth of an answer, None where the object raises instead."""
    try:
        return bool(operation(left, right))
    except Exception:
        return None
