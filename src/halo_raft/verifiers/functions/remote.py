"""The judge's view of a candidate: questions that cross, values that come back, objects that stay there."""

from __future__ import annotations

import os

from halo_raft.verifiers.functions import wire
from halo_raft.verifiers.functions.building import behind
from halo_raft.verifiers.functions.codec import NotPlain, Refused, named, of_program, yours
from halo_raft.verifiers.functions.definitions import Class, Function
from halo_raft.verifiers.functions.ends import End, ask_of_iterator
from halo_raft.verifiers.functions.errors import CannotCross, Ended, Errors, as_built_in, generation
from halo_raft.verifiers.functions.heads import head
from halo_raft.verifiers.functions.iterators import Iterator, async_generator, coroutine, generator
from halo_raft.verifiers.functions.kinds import is_iterator
from halo_raft.verifiers.functions.proxies import Handle
from halo_raft.verifiers.functions.reader import Reader
from halo_raft.verifiers.functions.streams import print_texts, replaced, streams_now
from halo_raft.verifiers.functions.writer import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from halo_raft.verifiers.functions.terms import Terms

MAX_CALLBACKS = 100_000
PLAIN_BYTES = 1 << 14
"""A larger answer takes a judge of its own."""
STAND_INS = frozenset((Handle, Function, Class, Iterator))
NOT_PLAIN = "not_plain", "runtime", "more than plain data"


class Candidate(End):
    """A loaded program in another process.

    Args:
        fd: Socket to its process.
        terms: What the trusted text says of the program's names.
        plain: Whether anything but plain data ends the conversation, by `Ended` of the kind `not_plain`.

    Attributes:
        border: Whether a test asked for what only the program's own process could say.
        handed: Whether a test handed the program an object that cannot cross.
    """

    wary = True

    def __init__(self, fd: int, terms: Terms, plain: bool = False) -> None:
        super().__init__()
        self.terms, self.plain = terms, plain
        self.ended: Ended | None = None
        self.border = self.handed = False
        self.errors = Errors(terms.errors, terms.ends)
        self._fd = fd
        self._handles: dict[int, Any] = {}
        self._stand_ins: dict[int, tuple[Any, int]] = {}
        self._names: dict[str, Any] = {}
        self._giving = True
        self._raised: list[BaseException] = []
        self._streams = streams_now()

    def await_loaded(self) -> None:
        """Wait until the program has been loaded.

        Raises:
            Ended: It cannot be.
        """
        nonce, kind, body = self._receive()
        if nonce != wire.FIRST_NONCE or kind not in (wire.LOADED, wire.SYNTAX, wire.ERROR):
            self._end("violation", "runtime", "wrote on the judge's channel")
        if kind != wire.LOADED:
            _, group, text = self._exception(self._read(body, []).values)
            self._end("syntax" if kind == wire.SYNTAX else "load", group, text)

    def look_up(self, names: list[str]) -> dict[str, Any]:
        """Return what stands for names of the program's, those that it defines; plain values are not kept."""
        answer = self.ask("look_up", names, given=True)
        if type(answer) is not list or len(answer) != len(names) or not all(type(a) is tuple for a in answer):
            self._end("violation", "runtime", "wrote on the judge's channel")
        found = {}
        for name, (what, more) in sorted(zip(names, answer, strict=True), key=generation):
            if what == "value":
                found[name] = more
            elif what == "error" and name in self.terms.errors:
                found[name] = self.errors.define(name, more)
            elif what != "absent":
                found[name] = self._name(name)
        return found

    def is_stand_in(self, value: Any) -> bool:
        """Return whether a value is a function, class or exception of the program's, which stays what it is."""
        return type(value) in (Function, Class) or (isinstance(value, type) and issubclass(value, BaseException))

    def _name(self, name: str) -> Function:
        kind = Class if name in self.terms.classes else Function
        return self._names.setdefault(name, kind(self, name))

    def ask(self, operation: str, *operands: Any, given: bool = False, kwargs: dict[str, Any] | None = None) -> Any:
        """Return what the program answers.

        Args:
            operation: One of `operations.OPERATIONS`.
            operands: Its operands.
            given: Whether objects of the answer may pose as values; see `proxies`.
            kwargs: More operands, by name.

        Raises:
            Exception: What it raised.
            Ended: It answers no more.
        """
        if self.ended is not None:
            raise self.ended
        nonce = os.urandom(wire.NONCE_BYTES)
        streams = replaced(self._streams)
        values = [operation, streams, tuple(kwargs or ()) or None, *operands, *(kwargs or {}).values()]
        question = self._send(nonce, wire.REQUEST, values)
        for _ in range(MAX_CALLBACKS):
            answered, kind, body = self._receive()
            if answered != nonce or kind not in (wire.VALUE, wire.ERROR, wire.CALLBACK):
                self._end("violation", "runtime", "wrote on the judge's channel")
            if kind == wire.CALLBACK:
                self._call_back(nonce, body)
                continue
            outer, self._giving = self._giving, given
            values = self._read(body, question.nodes).values
            self._giving = outer
            if streams is not None:
                print_texts(values[-2:])
            if kind == wire.VALUE:
                return values[0]
            error = self.exception(values)
            ends_loops = not self.terms.stops and isinstance(error, StopIteration | StopAsyncIteration)  # of the test
            raise RuntimeError(f"the program raised {type(error).__name__}") if ends_loops else error
        self._end("gone", "runtime", "called back too often")

    def exception(self, description: Any) -> BaseException:
        """Return the exception that a description stands for."""
        error, group, text = self._exception(description)
        if error is None:
            self._end("exit", group, text)
        self._raised = [*self._raised[-20:], error]
        return error

    def may_swallow(self, error: BaseException) -> bool:
        """Return whether a context manager of the program's may swallow an exception.

        It may where the trusted text raises it, or hands its class to the manager; not where it keeps a test from
        going on: a failed assert, or what the program raised.
        """
        theirs = any(error is raised for raised in self._raised)
        return not theirs and type(error).__name__ in self.terms.raised and not isinstance(error, AssertionError)

    def _call_back(self, nonce: bytes, body: bytes) -> None:
        question = self._read(body, [])
        if len(question.values) < 4 or question.values[0] not in ("call", "advance"):
            self._end("violation", "runtime", "wrote on the judge's channel")
        operation, _, keywords, function, *operands = question.values
        try:
            named_ones = dict(zip(keywords or (), operands[len(operands) - len(keywords or ()) :], strict=True))
            operands = operands[: len(operands) - len(named_ones)]
            if not any(function is kept for kept in self._kept):
                raise TypeError("not a function of the judge's")
            if operation == "advance":
                items, error = ask_of_iterator(function, min(int(operands[0]), 1000))
                if error is not None and not isinstance(error, StopIteration):
                    raise error
                value: Any = (items, error is not None)
            else:
                value = function(*operands, **named_ones)
            answer, kind = self.answer(question, [value]), wire.VALUE
        except Exception as error:
            answer, kind = Writer(self).message(as_built_in(error)), wire.ERROR
        self._write(nonce, kind, answer)

    def stays(self, value: Any) -> bool:
        """Return whether a value stands for one of the program's."""
        return type(value) in STAND_INS or id(value) in self._stand_ins or behind(value) is not None

    def stand_in(self, value: Any) -> bytes | None:
        """Return what stands for an object of the program's."""
        if type(value) is Function or type(value) is Class:
            return of_program(value.__dict__["_program_name"])
        value = value if (theirs := behind(value)) is None else theirs
        if type(value) in (Handle, Iterator):
            return yours(object.__getattribute__(value, "number"))
        return yours(self._stand_ins[id(value)][1]) if id(value) in self._stand_ins else None

    def name_of(self, value: Any) -> bytes:
        """Return the name of an object: the candidate's own, or one of the judge's functions or iterators.

        Raises:
            TypeError: It is neither.
        """
        if (theirs := self.stand_in(value)) is not None:
            return theirs
        if is_iterator(type(value)):
            return named(self.keep(value), "i", type(value).__name__)
        if isinstance(value, type) and self.classes.get(value.__name__) is value:
            return named(0, "t", value.__name__)
        if not callable(value):
            self.border = True
            kind = TypeError if isinstance(value, BaseException) else CannotCross  # the program may have raised it
            raise kind(f"an argument of type {type(value).__name__} cannot be passed")
        return named(self.keep(value), "o", head(value))

    def theirs(self, number: int, sort: str, name: str) -> Any:
        """Return what stands for an object of the program's, the same one each time."""
        if sort == "t":
            return self.classes[name]
        found = self._handles.get(number)
        if found is None:
            found = self._handles[number] = self._stand_for(number, sort, name)
        elif type(found) is Handle and self._giving:
            object.__setattr__(found, "_given", True)
        return found

    def _stand_for(self, number: int, sort: str, name: str) -> Any:
        if sort == "i":
            return Iterator(self, number)
        handle = Handle(self, number, name, self._giving)
        if sort not in ("g", "a", "A"):
            return handle
        if sort == "g":
            found: Any = generator(self, number)[0]
        else:
            found = coroutine(self, handle) if sort == "a" else async_generator(self, handle)
        self._stand_ins[id(found)] = found, number
        return found

    def of_program(self, name: str) -> Any:
        """Refuse: what the judge looks up is not for the program to say."""
        raise Refused("no name for the program to give")

    def _send(self, nonce: bytes, kind: bytes, values: list[Any]) -> Writer:
        question = Writer(self)
        try:
            body = question.message(values)
        except CannotCross:
            self.handed = True
            raise
        except Refused as error:
            self.border = True
            raise TypeError(f"an argument cannot be passed: {error}") from None
        self._write(nonce, kind, body)
        return question

    def _write(self, nonce: bytes, kind: bytes, body: bytes) -> None:
        try:
            wire.send(self._fd, nonce, kind, body)
        except OSError:
            self._end("gone", "runtime", "its process ended")

    def _receive(self) -> tuple[bytes, bytes, bytes]:
        try:
            received = wire.receive(self._fd)
        except wire.Forged:
            self._end("violation", "runtime", "wrote on the judge's channel")
        except wire.Closed:
            self._end("gone", "runtime", "its process ended")
        if self.plain and len(received[2]) > PLAIN_BYTES:
            self._end(*NOT_PLAIN)
        return received

    def _read(self, body: bytes, question: list[Any]) -> Reader:
        try:
            return Reader(body, self, question)
        except NotPlain:
            self._end(*NOT_PLAIN)
        except Refused as error:
            self._end("violation", "runtime", f"wrote on the judge's channel: {error}")

    def _exception(self, description: Any) -> tuple[BaseException | None, str, str]:
        try:
            return self.errors.make(description)
        except (ValueError, TypeError):
            self._end("violation", "runtime", "wrote on the judge's channel")

    def _end(self, kind: str, group: str, text: str) -> NoReturn:
        self.ended = self.ended or Ended(kind, group, text)
        raise self.ended
