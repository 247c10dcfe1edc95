"""A copy of an object of the program's, to ask it what the object itself might count or remember."""

from __future__ import annotations

import builtins
import copy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

globals()["__builtins__"] = dict(vars(builtins))  # its own: a program that replaces `type` must not reach this


def copied(value: Any) -> Any:
    """Return a copy of an object; the object itself where its class does not let it be copied."""
    if type(value).__new__ is object.__new__:  # another may give out the same object again
        try:
            return copy.deepcopy(value)
        except Exception:
            return value
    return value
