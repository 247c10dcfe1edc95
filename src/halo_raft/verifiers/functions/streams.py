"""Standard streams of the program during one call, as the test has set them in the judge: both ends of that."""

from __future__ import annotations

import builtins
import io
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


REPLACED = ("input", "print")
"""Built-in functions that a test may replace for the program too."""
_ORIGINAL = {name: getattr(builtins, name) for name in REPLACED}


def streams_now() -> tuple[Any, Any, Any]:
    """Return standard output, error and input as they are in this process."""
    return sys.stdout, sys.stderr, sys.stdin


def replaced(before: tuple[Any, Any, Any]) -> Any:
    """Return what the program's streams have to be, for `Streams`, in the judge: None as they are.

    Args:
        before: What `streams_now` returned before the tests.
    """
    functions = {}
    if builtins.print is not _ORIGINAL["print"] or builtins.input is not _ORIGINAL["input"]:
        functions = {n: f for n in REPLACED if (f := getattr(builtins, n)) is not _ORIGINAL[n]}
    capture = (sys.stdout, sys.stderr) != before[:2]
    given = sys.stdin is not before[2] and hasattr(sys.stdin, "getvalue")
    if not (functions or capture or given):
        return None
    return capture, functions, (sys.stdin.read, sys.stdin.readline) if given else None


def print_texts(texts: list[Any]) -> None:
    """Print in the judge what the program printed in a call."""
    for stream, text in zip((sys.stdout, sys.stderr), texts, strict=False):
        stream.write(text if type(text) is str else "")


class Streams:
    """Standard streams for one call, as the test has set them in the judge.

    Args:
        capture: Whether what is printed goes to the judge.
        replaced: Built-in functions that the test has replaced, by name.
        stdin: `read` and `readline` of what the test has put in place of standard input, or None.
    """

    last: Streams | None = None

    def __init__(self, capture: bool, replaced: dict[str, Any], stdin: tuple[Any, Any] | None) -> None:
        self._capture, self._replaced, self._stdin = capture, replaced, stdin
        self._out, self._err = io.StringIO(), io.StringIO()

    def texts(self) -> list[str]:
        """Return what was printed, and what of it on standard error."""
        return [self._out.getvalue(), self._err.getvalue()]

    def __enter__(self) -> Streams:
        type(self).last = self
        self._before = sys.stdin, sys.stdout, sys.stderr, {n: getattr(builtins, n) for n in self._replaced}
        if self._capture:
            sys.stdout, sys.stderr = self._out, self._err
        if self._stdin:
            sys.stdin = _Input(*self._stdin)
        for name, function in self._replaced.items():
            setattr(builtins, name, function)
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdin, sys.stdout, sys.stderr, functions = self._before
        for name, function in functions.items():
            setattr(builtins, name, function)


class _Input(io.TextIOBase):
    """Standard input that the judge holds."""

    def __init__(self, read: Any, readline: Any) -> None:
        self._read, self._readline = read, readline

    def read(self, size: int | None = -1) -> str:
        """Return what is left, or so many characters of it."""
        return str(self._read(-1 if size is None else size))

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        """Return the next line."""
        return str(self._readline())
