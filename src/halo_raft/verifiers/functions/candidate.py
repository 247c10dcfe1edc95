"""What runs in the candidate's process: it loads the program and answers calls with values.

Runs inside the sandbox, beside untrusted code that can change anything here. It knows neither tests
nor expected values, and nothing that it sends can say that a test passed: only what a call returned.
"""

from __future__ import annotations

import builtins
import marshal
import os
import sys

from halo_raft.verifiers.functions.codec import Refused, decode, encode, named, yours
from halo_raft.verifiers.functions.wire import (
    CALL,
    CALLBACK,
    ERROR,
    FIRST_NONCE,
    GET,
    LOADED,
    LOOK_UP,
    SET,
    SYNTAX,
    VALUE,
    Closed,
    receive,
    send,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MESSAGE_CHARS = 300


def main(payload: dict[str, Any], fd: int) -> None:
    """Load one program, then answer until the judge hangs up.

    Args:
        payload: `sources` (the first that compiles is the program), `setup` (trusted code, marshalled,
            or None) and `entry_point`.
        fd: Socket to the judge.
    """
    code = _compile_first(payload["sources"], fd)
    owner = os.getpid()
    names, classes = _load(code, payload, fd)
    peer = Objects(names, classes, fd)
    if os.getpid() != owner:
        os._exit(1)  # a fork does not answer for the program that has ended
    send(fd, FIRST_NONCE, LOADED, b"")
    while True:
        try:
            request = receive(fd)
        except Closed:
            os._exit(0)
        if os.getpid() != owner:
            os._exit(1)
        peer.answer(*request)


class Objects:
    """The program's names and the objects that stay in this process, by number.

    Args:
        names: What the program defines.
        classes: Trusted classes, whose instances cross as copies.
        fd: Socket to the judge.
    """

    def __init__(self, names: dict[str, Any], classes: dict[str, type], fd: int) -> None:
        self.classes = classes
        self._names, self._fd = names, fd
        self._nonce = FIRST_NONCE
        self._kept: list[Any] = []
        self._numbers: dict[int, int] = {}

    def answer(self, nonce: bytes, kind: bytes, body: bytes) -> None:
        """Do what the judge asks, and send what came of it."""
        outer, self._nonce = self._nonce, nonce
        try:
            value = encode(_answer(kind, decode(body, self), self._names), self)
        except BaseException as error:
            send(self._fd, nonce, ERROR, encode(describe(error), self))
        else:
            send(self._fd, nonce, VALUE, value)
        self._nonce = outer

    def call_judge(self, function: JudgeFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call one of the judge's functions, which may ask something in turn before it returns."""
        send(self._fd, self._nonce, CALLBACK, encode((function, args, kwargs), self))
        while True:
            nonce, kind, body = receive(self._fd)
            if kind in (VALUE, ERROR):
                break
            self.answer(nonce, kind, body)
        value = decode(body, self)
        if kind == VALUE:
            return value
        raise getattr(builtins, value[0][0], RuntimeError)(value[1])

    def name_of(self, value: Any) -> bytes:
        """Keep an object alive and return its name."""
        if type(value) is JudgeFunction:
            return yours(value.number)
        number = self._numbers.setdefault(id(value), len(self._kept))
        if number == len(self._kept):
            self._kept.append(value)
        return named(number, type(value).__name__)

    def mine(self, number: int) -> Any:
        """Return a kept object."""
        return self._kept[number]

    def theirs(self, number: int, type_name: str) -> JudgeFunction:
        """Return a function that calls one of the judge's."""
        return JudgeFunction(number, self)


class JudgeFunction:
    """A function that a test passed as an argument; it runs in the judge."""

    def __init__(self, number: int, peer: Objects) -> None:
        self.number, self._peer = number, peer

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function in the judge and return what it returns, or raise what it raises."""
        return self._peer.call_judge(self, args, kwargs)


def _answer(kind: bytes, request: Any, names: dict[str, Any]) -> Any:
    if kind == LOOK_UP:
        if request[0] not in names:
            raise NameError(f"name {request[0]!r} is not defined")
        return names[request[0]]
    if kind == CALL:
        target, args, kwargs = request
        function = _answer(LOOK_UP, (target,), names) if type(target) is str else target
        return function(*args, **kwargs)
    if kind == GET:
        return getattr(request[0], request[1])
    if kind == SET:
        return setattr(*request)
    raise Refused(f"no request {kind!r}")


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
    setup = payload["setup"] and marshal.loads(payload["setup"])
    late = False
    try:
        if setup:
            try:
                exec(setup, names)
            except NameError:
                late = True  # it uses what the program defines
        names.pop(payload["entry_point"], None)
        classes = {} if late else {n: c for n, c in names.items() if type(c) is type and c.__module__ == "solution"}
        names["__name__"] = "solution"
        exec(code, names)
        if late:
            exec(setup, names)
    except BaseException as error:
        _stop(fd, ERROR, error)
    return names, classes


def _stop(fd: int, kind: bytes, error: BaseException) -> None:
    send(fd, FIRST_NONCE, kind, encode(describe(error), Objects({}, {}, fd)))
    os._exit(0)


def describe(error: BaseException) -> tuple[list[str], str]:
    """Return the names of an exception's classes, nearest first, and its message."""
    try:
        message = str(error)[:MESSAGE_CHARS]
    except BaseException:
        message = ""
    return [base.__name__ for base in type.mro(type(error))], message
