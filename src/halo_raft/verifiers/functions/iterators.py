"""What stands in the judge for the program's iterators, generators and coroutines: items come as they are asked for."""

from __future__ import annotations

from halo_raft.verifiers.functions.ends import how_many

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Generator
    from typing import Any

    from halo_raft.verifiers.functions.proxies import Handle
    from halo_raft.verifiers.functions.terms import Program


class Iterator:
    """An iterator of the program's: its items come as they are asked for."""

    def __init__(self, candidate: Program, number: int) -> None:
        self._candidate, self.number = candidate, number
        self._items: list[Any] = []
        self._given = 0
        self._end: list[Any] | None = None

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        if not self._items and self._end is None:
            self._take(self._candidate.ask("advance", self, how_many(self._given), given=True))
        if self._items:
            return self._items.pop()
        end, self._end = self._end, [[("builtins", "StopIteration")], (), "", None]
        error = self._candidate.exception(end)
        raise StopIteration(*error.args) if isinstance(error, StopIteration) else error

    def send_in(self, value: Any) -> Any:
        """Send a value into a generator, which is not asked for items in advance from then on."""
        self._given = -(1 << 60)
        if value is not None and not self._items:
            self._take(self._candidate.ask("send", self, value, given=True))
        return next(self)

    def _take(self, answer: Any) -> None:
        items, self._end = answer if type(answer) is tuple and len(answer) == 2 else ([], [])
        self._items = list(items)[::-1]
        self._given += len(self._items)


def generator(candidate: Program, number: int) -> tuple[Generator[Any, Any, Any], Iterator]:
    """Return a generator of the judge's whose items are those of one of the program's."""
    items = Iterator(candidate, number)

    def run() -> Generator[Any, Any, Any]:
        sent = None
        while True:
            try:
                item = items.send_in(sent) if sent is not None else next(items)
            except StopIteration as end:
                return end.value
            sent = yield item

    return run(), items


def coroutine(candidate: Program, handle: Handle) -> Coroutine[Any, Any, Any]:
    """Return a coroutine that runs one of the program's, there."""

    async def run() -> Any:
        return candidate.ask("complete", handle, given=True)

    return run()


async def async_generator(candidate: Program, handle: Handle) -> AsyncIterator[Any]:
    """Yield the items of an asynchronous generator of the program's."""
    while True:
        item, more = candidate.ask("complete_next", handle, given=True)
        if not more:
            return
        yield item
