"""What the two ends of a judged call have in common: questions, answers, and what stays at home.

A question is written with its objects numbered; whoever answers it says what has become of those that
can be changed, and whoever asked takes that over into its own objects (`settle`).
"""

from __future__ import annotations

import types

from halo_raft.verifiers.functions.codec import Refused, named, yours
from halo_raft.verifiers.functions.reader import Reader
from halo_raft.verifiers.functions.writer import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

EAGER_FROM, EAGER = 16, 512
"""Items of an iterator that are asked for one by one, and how many at once at most after those."""


class End:
    """One end of a conversation.

    Attributes:
        classes: Trusted classes that both ends have; see `codec.Peer`.
    """

    wary = False
    plain = False

    def __init__(self) -> None:
        self.classes: dict[str, type] = {}
        self._kept: list[Any] = []
        self._numbers: dict[object, int] = {}

    def keep(self, value: Any) -> int:
        """Keep an object alive and return its number."""
        number = self._numbers.setdefault(_key(value), len(self._kept))
        if number == len(self._kept):
            self._kept.append(value)
        return number

    def mine(self, number: int) -> Any:
        """Return a kept object."""
        return self._kept[number]

    def stays(self, value: Any) -> bool:
        """Return whether an object stays here although it holds a built-in value."""
        raise NotImplementedError

    def name_of(self, value: Any) -> bytes:
        """Return what stands for an object that stays."""
        raise NotImplementedError

    def stand_in(self, value: Any) -> bytes | None:
        """Return what stands for an object that is itself a stand-in for one of the other end, else None."""
        raise NotImplementedError

    def theirs(self, number: int, sort: str, name: str) -> Any:
        """Return what stands here for an object of the other end."""
        raise NotImplementedError

    def of_program(self, name: str) -> Any:
        """Return what the program calls so."""
        raise Refused("not the end of the program")

    def answer(self, question: Reader, values: Sequence[Any]) -> bytes:
        """Return the message that answers a question, with the new state of what was changed meanwhile."""
        if not question.objects:
            return Writer(self).message(values)
        numbers = {id(value): number for number, value in enumerate(question.objects)}
        return Writer(self, numbers).message(values, list(self._changes(question, numbers)))

    def _changes(self, question: Reader, numbers: dict[int, int]) -> Iterator[tuple[int, Any]]:
        probe = Writer(_Mirror(self))
        probe.numbers = dict(numbers)
        for number, value in enumerate(question.objects):
            if not question.can_change(number):
                continue
            known = len(probe.nodes)
            if probe.record(value) != question.record(number) or len(probe.nodes) > known:
                yield number, value


def _key(value: Any) -> object:
    """Return what stands for an object while it is kept: a method that is asked for twice is the same one."""
    if isinstance(value, types.MethodType | types.BuiltinMethodType):
        return id(value.__self__), value.__name__
    return id(value)


class _Mirror:
    """Writes objects as the other end wrote them, to see whether they are what they were."""

    wary = False
    plain = False

    def __init__(self, end: End) -> None:
        self._end = end
        self.classes = end.classes

    def stays(self, value: Any) -> bool:
        return self._end.stays(value)

    def name_of(self, value: Any) -> bytes:
        theirs = self._end.stand_in(value)
        if theirs is None:
            return yours(self._end.keep(value))
        return named(int.from_bytes(theirs[1:5], "big"), *value.named)

    def theirs(self, number: int, sort: str, name: str) -> Any:
        raise NotImplementedError

    def mine(self, number: int) -> Any:
        raise NotImplementedError

    def of_program(self, name: str) -> Any:
        raise NotImplementedError


def ask_of_iterator(iterator: Any, count: int) -> tuple[list[Any], BaseException | None]:
    """Return up to `count` next items, and what ended them: an exception, `StopIteration` included."""
    items: list[Any] = []
    try:
        while len(items) < count:
            items.append(next(iterator))
    except Exception as error:
        return items, error
    return items, None


def how_many(given: int) -> int:
    """Return how many items to ask for after so many."""
    return 1 if given < EAGER_FROM else min(EAGER, given)
