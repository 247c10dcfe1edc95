"""The judge's view of a candidate: calls that cross, values that come back, objects that stay there."""

from __future__ import annotations

import builtins
import os
from typing import Any, NoReturn

from halo_raft.verifiers.functions.codec import Refused, decode, encode, named, yours
from halo_raft.verifiers.functions.wire import (
    CALL,
    CALLBACK,
    ERROR,
    FIRST_NONCE,
    GET,
    LOADED,
    LOOK_UP,
    NONCE_BYTES,
    SET,
    SYNTAX,
    VALUE,
    Closed,
    receive,
    send,
)

MAX_CALLBACKS = 100_000
EXCEPTIONS = {n: e for n, e in vars(builtins).items() if isinstance(e, type) and issubclass(e, Exception)}


class Ended(BaseException):
    """The conversation is over; no test can swallow that, and none passes after it.

    Attributes:
        kind: `syntax`, `load`, `exit`, `gone` or `violation`.
        group: `memory`, `wrong` or `runtime`.
        text: For the details of the verdict.
    """

    def __init__(self, kind: str, group: str, text: str) -> None:
        super().__init__(text)
        self.kind, self.group, self.text = kind, group, text


class Candidate:
    """A loaded program in another process.

    Args:
        fd: Socket to its process.

    Attributes:
        classes: Trusted classes, whose instances cross as copies.
        tested: Names that the tests call and the program defines: its classes among them are open.
    """

    def __init__(self, fd: int) -> None:
        self.classes: dict[str, type] = {}
        self.tested: frozenset[str] = frozenset()
        self.ended: Ended | None = None
        self._fd = fd
        self._mine: list[Any] = []
        self._handles: dict[int, Handle] = {}

    def await_loaded(self) -> None:
        """Wait until the program has been loaded.

        Raises:
            Ended: It cannot be.
        """
        nonce, kind, body = self._receive()
        if nonce != FIRST_NONCE or kind not in (LOADED, SYNTAX, ERROR):
            self._end("violation", "runtime", "wrote on the judge's channel")
        if kind != LOADED:
            _, group, text = self._exception(body)
            self._end("syntax" if kind == SYNTAX else "load", group, text)

    def ask(self, kind: bytes, *request: Any) -> Any:
        """Return what the program answers.

        Raises:
            Exception: What it raised, as the nearest built-in class.
            Ended: It answers no more.
        """
        if self.ended is not None:
            raise self.ended
        nonce = os.urandom(NONCE_BYTES)
        self._send(nonce, kind, request)
        for _ in range(MAX_CALLBACKS):
            answered, kind, body = self._receive()
            if answered != nonce or kind not in (VALUE, ERROR, CALLBACK):
                self._end("violation", "runtime", "wrote on the judge's channel")
            if kind == VALUE:
                return self._decode(body)
            if kind == ERROR:
                error, group, text = self._exception(body)
                if error is None:
                    self._end("exit", group, text)
                if isinstance(error, StopIteration | StopAsyncIteration):  # it would end a loop of the test's
                    raise RuntimeError(f"the program raised {text}")
                raise error
            self._call_back(nonce, body)
        self._end("gone", "runtime", "called back too often")

    def _call_back(self, nonce: bytes, body: bytes) -> None:
        request = self._decode(body)
        if not (
            type(request) is tuple and len(request) == 3 and type(request[1]) is tuple and type(request[2]) is dict
        ):
            self._end("violation", "runtime", "wrote on the judge's channel")
        function, args, kwargs = request
        try:
            if not callable(function) or isinstance(function, Handle):
                raise TypeError("not a function of the judge's")
            self._send(nonce, VALUE, function(*args, **kwargs))
        except Exception as error:
            self._send(nonce, ERROR, ([type(error).__name__], str(error)[:300]))

    def name_of(self, value: Any) -> bytes:
        """Return the name of an object: the candidate's own, or one of the judge's functions."""
        if type(value) is Handle:
            return yours(object.__getattribute__(value, "_number"))
        if not callable(value):
            raise Refused(f"an argument of type {type(value).__name__} cannot be passed")
        self._mine.append(value)
        return named(len(self._mine) - 1, type(value).__name__)

    def mine(self, number: int) -> Any:
        """Return one of the judge's functions that the program was given."""
        return self._mine[number]

    def theirs(self, number: int, type_name: str) -> Handle:
        """Return what stands for an object of the program's, the same one each time."""
        return self._handles.setdefault(number, Handle(self, number, type_name))

    def _send(self, nonce: bytes, kind: bytes, value: Any) -> None:
        body = encode(value, self)
        try:
            send(self._fd, nonce, kind, body)
        except OSError:
            self._end("gone", "runtime", "its process ended")

    def _receive(self) -> tuple[bytes, bytes, bytes]:
        try:
            return receive(self._fd)
        except Closed as error:
            forged = "size" in str(error)
            self._end("violation" if forged else "gone", "runtime", "its process ended")

    def _decode(self, body: bytes) -> Any:
        try:
            return decode(body, self)
        except Refused as error:
            self._end("violation", "runtime", f"wrote on the judge's channel: {error}")

    def _exception(self, body: bytes) -> tuple[Exception | None, str, str]:
        """Return the nearest built-in exception (None for what ends a program), its group and its text."""
        described = self._decode(body)
        if not (
            type(described) is tuple
            and len(described) == 2
            and type(described[0]) is list
            and described[0]
            and all(type(name) is str for name in described[0])
            and type(described[1]) is str
        ):
            self._end("violation", "runtime", "wrote on the judge's channel")
        names, message = described
        nearest = next((EXCEPTIONS[name] for name in names if name in EXCEPTIONS), None)
        group = "memory" if "MemoryError" in names else "runtime"
        text = f"{names[0][:100]}: {message[:300]}" if message else names[0][:100]
        if nearest is None:
            return None, group, text
        try:
            return nearest(message), group, text
        except TypeError:  # such as UnicodeDecodeError, which wants more
            return ValueError(message), group, text

    def _end(self, kind: str, group: str, text: str) -> NoReturn:
        self.ended = self.ended or Ended(kind, group, text)
        raise self.ended


class Function:
    """A name of the program's, called from a test."""

    def __init__(self, candidate: Candidate, name: str) -> None:
        self._candidate, self.__name__ = candidate, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in the candidate's process."""
        return self._candidate.ask(CALL, self.__name__, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._candidate.ask(LOOK_UP, self.__name__), name)


class Handle:
    """An object that stays in the candidate's process.

    It can be called and passed back. Only where the tests themselves name its class, which is then what
    they test, can it be asked for attributes and items; what it answers are values. It equals nothing
    but itself, whatever its own class says.
    """

    def __init__(self, candidate: Candidate, number: int, type_name: str) -> None:
        object.__setattr__(self, "_candidate", candidate)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_type_name", type_name)

    def _ask(self, kind: bytes, *request: Any) -> Any:
        return object.__getattribute__(self, "_candidate").ask(kind, self, *request)

    def _is_open(self) -> bool:
        return object.__getattribute__(self, "_type_name") in object.__getattribute__(self, "_candidate").tested

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not self._is_open():  # protocols of other libraries would reach into memory
            raise AttributeError(f"{self!r} is not asked for {name!r}")
        return self._ask(GET, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not self._is_open():
            raise AttributeError(f"{self!r} is not given {name!r}")
        self._ask(SET, name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the object."""
        return self._ask(CALL, args, kwargs)

    def __len__(self) -> int:
        return self._method("__len__")

    def __getitem__(self, key: Any) -> Any:
        return self._method("__getitem__", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._method("__setitem__", key, value)

    def __iter__(self) -> Any:
        return iter(list(self._method("__iter__")))

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{object.__getattribute__(self, '_type_name')} of the program>"

    def _method(self, name: str, *args: Any) -> Any:
        if not self._is_open():
            raise TypeError(f"{self!r} has no {name}")
        return self._ask(GET, name)(*args)
