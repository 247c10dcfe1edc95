"""What the judge can ask of the program: one function for each operation, run in the candidate's process."""

from __future__ import annotations

import copy
import math
import operator

from halo_raft.verifiers.functions.copies import copied
from halo_raft.verifiers.functions.ends import ask_of_iterator
from halo_raft.verifiers.functions.errors import described

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TWO_SIDED = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift", "and_", "or_", "xor"),
    *("eq", "ne", "lt", "le", "gt", "ge", "contains", "getitem", "setitem", "delitem"),
)
ONE_SIDED = ("neg", "pos", "abs", "invert", "index")
_loops: list[Any] = []


def call(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call something."""
    return function(*args, **kwargs)


def examine(value: Any, names: list[str], others: list[Any], apart: bool) -> list[Any]:
    """Return what an object says of some values; where it raises, None.

    Args:
        value: The object.
        names: Of operations, one for each value.
        others: The values.
        apart: Whether to ask a copy of the object; see `copies`.
    """
    value = copied(value) if apart else value
    found: list[Any] = []
    for name, other in zip(names, others, strict=True):
        try:
            found.append(bool(getattr(operator, name)(value, other)))
        except Exception:
            found.append(None)
    return found


def advance(iterator: Any, count: int) -> tuple[list[Any], Any]:
    """Return the next items of an iterator, and what it raised, described; nothing where it did not."""
    items, error = ask_of_iterator(iterator, count)
    return items, None if error is None else described(error)


def send(generator: Any, value: Any) -> tuple[list[Any], Any]:
    """Send a value into a generator; return as `advance` does."""
    try:
        return [generator.send(value)], None
    except Exception as error:
        return [], described(error)


def complete(awaitable: Any) -> Any:
    """Run a coroutine to its end; all of them in the same loop."""
    import asyncio

    if not _loops:
        _loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(_loops[0])
    return _loops[0].run_until_complete(_waited(awaitable))


async def _waited(awaitable: Any) -> Any:
    return await awaitable


def complete_next(generator: Any) -> Any:
    """Return the next item of an asynchronous generator, None and False at its end."""
    try:
        return complete(generator.__anext__()), True
    except StopAsyncIteration:
        return None, False


def signature(function: Any) -> list[tuple[str, int, bool, str]]:
    """Return name, kind, whether there is a default, and its text, of each parameter."""
    import inspect

    found = inspect.signature(function).parameters.values()
    return [(p.name, int(p.kind), p.default is not p.empty, repr(p.default)) for p in found]


def as_tuple(value: Any) -> tuple[Any, ...] | None:
    """Return the items of a tuple of any class, None of anything else."""
    return tuple(tuple.__iter__(value)) if isinstance(value, tuple) else None


def leave(manager: Any, error: Any) -> bool:
    """Leave a context, with an exception (its name and arguments) or without."""
    if error is None:
        return bool(manager.__exit__(None, None, None))
    import builtins

    kind = getattr(builtins, error[0], Exception)
    raised = kind(*error[1])
    return bool(manager.__exit__(kind, raised, None))


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in (*TWO_SIDED, *ONE_SIDED)},
    **{
        kind.__name__: kind for kind in (len, str, repr, hash, bool, int, float, complex, round, iter, reversed, format)
    },
    **{kind.__name__: kind for kind in (getattr, setattr, delattr, isinstance, issubclass, divmod, dir)},
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "call": call,
    "examine": examine,
    "advance": advance,
    "send": send,
    "complete": complete,
    "complete_next": complete_next,
    "aiter": aiter,
    "signature": signature,
    "enter": lambda manager: manager.__enter__(),
    "leave": leave,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "as_tuple": as_tuple,
}
