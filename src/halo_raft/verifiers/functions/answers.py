"""The judge's part in asking a program all at once; which calls can be asked so is for `upfront` to say."""

from __future__ import annotations

import contextlib
import marshal

from halo_raft.verifiers.functions.definitions import Function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from halo_raft.verifiers.functions.remote import Candidate


class Answers:
    """The answers to the calls of a suite, by number.

    Args:
        candidate: The program.
        calls: What `upfront.up_front` returned.
        names: The globals of the tests.
    """

    def __init__(self, candidate: Candidate, calls: bytes, names: dict[str, Any]) -> None:
        self._candidate, self._names = candidate, names
        self._calls = marshal.loads(calls) if calls else []
        self._read = 0
        known = all(type(names.get(name)) is Function for name, _, _ in self._calls)
        self._at_once = candidate.plain and known and bool(calls)
        if self._at_once:
            candidate.ask_all(calls)

    def answer(self, number: int) -> Any:
        """Return what a call returned, or raise what it raised; a judge that takes more than plain data asks now."""
        if not self._at_once:
            name, args, kwargs = self._calls[number]
            return eval(name, self._names)(*args, **kwargs)
        for _ in range(self._read, number):  # a test that broke before its call has left an answer
            with contextlib.suppress(Exception):
                self._candidate.next_answer()
        self._read = number + 1
        return self._candidate.next_answer()
