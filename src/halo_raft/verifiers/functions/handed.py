"""What stands in the program's process for what a test hands to it and stays in the judge: functions, iterators."""

from __future__ import annotations

from halo_raft.verifiers.functions import heads
from halo_raft.verifiers.functions.ends import how_many

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Program(Protocol):
        """The program's end of the conversation; `candidate.Program` is one."""

        def call_judge(self, operation: str, *operands: Any, kwargs: dict[str, Any] | None = None) -> Any:
            """See `candidate.Program.call_judge`."""


class JudgeFunction:
    """A function that a test passed as an argument; it runs in the judge."""

    def __init__(self, number: int, name: str, program: Program) -> None:
        self.number, self._name, self._program = number, name, program
        self.__name__, self._parameters, self.__doc__ = heads.parts(name)
        self.__qualname__ = self.__name__

    @property
    def named(self) -> tuple[str, str]:
        """Sort and name, as the judge wrote them."""
        return "o", self._name

    @property
    def __signature__(self) -> Any:
        return heads.signature(self._parameters)

    @property
    def __code__(self) -> Any:
        return heads.code(self._parameters)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the function in the judge and return what it returns, or raise what it raises."""
        return self._program.call_judge("call", self, *args, kwargs=kwargs)


class JudgeIterator:
    """An iterator that a test passed as an argument; its items come from the judge."""

    def __init__(self, number: int, name: str, program: Program) -> None:
        self.number, self._name, self._program = number, name, program
        self._items: list[Any] = []
        self._given = 0
        self._over = False

    @property
    def named(self) -> tuple[str, str]:
        """Sort and name, as the judge wrote them."""
        return "i", self._name

    def __iter__(self) -> JudgeIterator:
        return self

    def __next__(self) -> Any:
        if not self._items and not self._over:
            items, self._over = self._program.call_judge("advance", self, how_many(self._given))
            self._items = items[::-1]
            self._given += len(items)
        if not self._items:
            raise StopIteration
        return self._items.pop()
