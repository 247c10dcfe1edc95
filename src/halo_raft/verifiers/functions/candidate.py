"""What runs in the candidate's process: it loads the program and answers the judge's questions with values.

Runs inside the sandbox, beside untrusted code that can change anything here. It knows neither tests
nor expected values, and nothing that it sends can say that a test passed: only what a call returned.
"""

from __future__ import annotations

import builtins
import marshal
import os
import sys

from halo_raft.verifiers.functions import rehearsal
from halo_raft.verifiers.functions.codec import named, yours
from halo_raft.verifiers.functions.ends import End
from halo_raft.verifiers.functions.errors import described, without_objects
from halo_raft.verifiers.functions.handed import JudgeFunction, JudgeIterator
from halo_raft.verifiers.functions.kinds import is_iterator
from halo_raft.verifiers.functions.operations import OPERATIONS
from halo_raft.verifiers.functions.reader import Reader
from halo_raft.verifiers.functions.streams import Streams
from halo_raft.verifiers.functions.wire import (
    CALLBACK,
    ERROR,
    FIRST_NONCE,
    LOADED,
    SYNTAX,
    VALUE,
    Closed,
    receive,
    send,
)
from halo_raft.verifiers.functions.writer import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(payload: dict[str, Any], fd: int) -> None:
    """Run one program, and end the process; see `serve`."""
    serve(payload, fd)
    os._exit(0)


def rehearse() -> None:
    """Serve some programs of our own."""
    rehearsal.rehearse(serve, "judge", "judge")


def serve(payload: dict[str, Any], fd: int) -> None:
    """Load one program, then answer until the judge hangs up.

    Args:
        payload: `sources` (the first that compiles is the program), `setup` (trusted code, marshalled,
            or None), `entry_point`, and `classes` (names that the trusted text uses as classes).
        fd: Socket to the judge.
    """
    code = _compile_first(payload["sources"], fd)
    owner = os.getpid()
    names, classes = _load(code, payload, fd)
    program = Program(names, classes, frozenset(payload["classes"]), fd)
    if os.getpid() != owner:
        os._exit(1)  # a fork does not answer for the program that has ended
    send(fd, FIRST_NONCE, LOADED, b"")
    while True:
        try:
            nonce, _, body = receive(fd)
        except Closed:
            return
        if os.getpid() != owner:
            os._exit(1)
        program.reply(nonce, body)


class Program(End):
    """The program's end: its names, and the objects that stay in this process, by number.

    Args:
        names: What the program defines.
        classes: Trusted classes, whose instances cross as copies.
        open_classes: Names of classes of the program's whose instances never cross as values.
        fd: Socket to the judge.
    """

    def __init__(self, names: dict[str, Any], classes: dict[str, type], open_classes: frozenset[str], fd: int) -> None:
        super().__init__()
        self.classes = classes
        self._names, self._fd = names, fd
        self._open = open_classes
        self._nonce = FIRST_NONCE
        self._theirs: dict[int, Any] = {}

    def reply(self, nonce: bytes, body: bytes) -> None:
        """Do what the judge asks, and send what came of it."""
        outer, self._nonce = self._nonce, nonce
        question = None
        try:
            question = Reader(body, self)
            kind, answer = VALUE, self._answer(question)
        except BaseException as error:
            kind, answer = ERROR, self._error(question, error)
        send(self._fd, nonce, kind, answer)
        self._nonce = outer

    def _answer(self, question: Reader) -> bytes:
        operation, streams, keywords, *operands = question.values
        named_ones: dict[str, Any] = {}
        if keywords:
            named_ones = dict(zip(keywords, operands[-len(keywords) :], strict=True))
            operands = operands[: -len(keywords)]
        function = self._look_up if operation == "look_up" else OPERATIONS[operation]
        if streams is None:
            return self.answer(question, [function(*operands, **named_ones)])
        with Streams(*streams) as printed:
            value = function(*operands, **named_ones)
        return self.answer(question, [value, *printed.texts()])

    def _error(self, question: Reader | None, error: BaseException) -> bytes:
        description = described(error)
        printed = Streams.last.texts() if question and question.values[1] is not None and Streams.last else []
        try:
            if question is not None:
                return self.answer(question, [*description, *printed])
        except BaseException:
            description = without_objects(description)
        return Writer(self).message([*description, *printed])

    def _look_up(self, names: list[str]) -> list[tuple[str, Any]]:
        """Return for each name of the program's what it is: `absent`, `error`, `class`, `function` or `value`."""
        found: list[tuple[str, Any]] = []
        for name in names:
            value = self._names.get(name, self)
            if value is self:
                found.append(("absent", None))
            elif isinstance(value, type) and issubclass(value, BaseException):
                found.append(("error", [(str(base.__module__), base.__name__) for base in type.mro(value)]))
            elif isinstance(value, type):
                found.append(("class", None))
            else:
                found.append(("function", None) if callable(value) else ("value", value))
        return found

    def call_judge(self, operation: str, *operands: Any, kwargs: dict[str, Any] | None = None) -> Any:
        """Ask something of the judge, who may ask something in turn before it answers."""
        question = Writer(self)
        named_ones = kwargs or {}
        values = [operation, None, tuple(named_ones) or None, *operands, *named_ones.values()]
        send(self._fd, self._nonce, CALLBACK, question.message(values))
        while True:
            nonce, kind, body = receive(self._fd)
            if kind in (VALUE, ERROR):
                break
            self.reply(nonce, body)
        answer = Reader(body, self, question.nodes).values
        if kind == VALUE:
            return answer[0]
        raise getattr(builtins, answer[0].partition(":")[2], RuntimeError)(*answer[1])

    def stays(self, value: Any) -> bool:
        """Return whether an object is one of the program's open classes, or the judge's."""
        kind = type(value)
        return kind is JudgeFunction or (bool(self._open) and self._open_class(kind) is not None)

    def _open_class(self, kind: type) -> str | None:
        for base in type.mro(kind):
            if base.__name__ in self._open and self._names.get(base.__name__) is base:
                return base.__name__
        return None

    def stand_in(self, value: Any) -> bytes | None:
        """Return what stands for one of the judge's objects."""
        return yours(value.number) if type(value) in (JudgeFunction, JudgeIterator) else None

    def name_of(self, value: Any) -> bytes:
        """Keep an object alive and return its name."""
        theirs = self.stand_in(value)
        if theirs is not None:
            return theirs
        kind = type(value)
        if isinstance(value, type) and self.classes.get(value.__name__) is value:
            return named(0, "t", value.__name__)
        return named(self.keep(value), _sort(value, kind), self._open_class(kind) or kind.__name__)

    def theirs(self, number: int, sort: str, name: str) -> Any:
        """Return what stands for a function or an iterator of the judge's, the same each time."""
        if sort == "t":
            return self.classes[name]
        kind = JudgeIterator if sort == "i" else JudgeFunction
        return self._theirs.setdefault(number, kind(number, name, self))

    def of_program(self, name: str) -> Any:
        """Return what the program calls so."""
        if name not in self._names:
            raise NameError(f"name {name!r} is not defined")
        return self._names[name]


def _sort(value: Any, kind: type) -> str:
    """Return what the judge has to make of an object: g enerator, i terator, a waitable, A synchronous one, o bject."""
    if is_iterator(kind):
        return "g" if kind.__name__ == "generator" else "i"
    return {"coroutine": "a", "async_generator": "A"}.get(kind.__name__, "o") if kind.__module__ == "builtins" else "o"


def _compile_first(sources: list[str], fd: int) -> Any:
    first: BaseException | None = None
    for source in sources:
        try:
            return compile(source, "solution.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
            first = first or error
    _stop(fd, SYNTAX, first or SyntaxError("no code"))
    raise SystemExit


def _load(code: Any, payload: dict[str, Any], fd: int) -> tuple[dict[str, Any], dict[str, type]]:
    """Run set-up and program as one module; return its names, and the classes of the set-up."""
    module = type(sys)("solution")
    sys.modules["solution"] = module
    names = module.__dict__
    names["__builtins__"] = builtins
    try:
        if payload["setup"]:
            exec(marshal.loads(payload["setup"]), names)
        for name in payload["under_test"]:
            names.pop(name, None)
        classes = {n: c for n, c in names.items() if isinstance(c, type) and c.__module__ == "solution"}
        names["__name__"] = "solution"
        exec(code, names)
        again = {n: names.get(n) for n in classes}
        classes |= {n: c for n, c in again.items() if isinstance(c, type) and c.__module__ == "solution"}
    except BaseException as error:
        _stop(fd, ERROR, error)
    return names, classes


def _stop(fd: int, kind: bytes, error: BaseException) -> None:
    program = Program({}, {}, frozenset(), fd)
    try:
        body = Writer(program).message(described(error))
    except BaseException:
        body = Writer(program).message(without_objects(described(error)))
    send(fd, FIRST_NONCE, kind, body)
    os._exit(0)
