"""Read several pipes at once until they close, keeping no more than a cap."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

CHUNK = 1 << 16
RESULT_CAP = 4 << 20
"""Bytes kept of the result channel and of the control channel, each."""
REST_S = 0.5


class Drain:
    """The reading ends of a run's pipes.

    Args:
        output_cap: Bytes of standard output and standard error together.
    """

    def __init__(self, output_cap: int) -> None:
        self.data: dict[str, bytearray] = {}
        self._output_left = output_cap
        self._selector = selectors.DefaultSelector()
        self._fds: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._fds):
            self._close(name)
        self._selector.close()

    def pipe(self, name: str, writers: ExitStack) -> int:
        """Open a pipe, read it under `name`, and return its write end, which `writers` will close."""
        reader, writer = os.pipe()
        writers.callback(os.close, writer)
        self._fds[name] = reader
        self.data[name] = bytearray()
        self._selector.register(reader, selectors.EVENT_READ, name)
        return writer

    def text(self, name: str) -> str:
        """Return what came through `name`, with undecodable bytes replaced."""
        return self.data[name].decode("utf-8", "replace")

    def until_closed(self, name: str, deadline: float, on_cap: Callable[[], object]) -> bool:
        """Read until pipe `name` is closed or `deadline` (monotonic seconds) is over.

        Args:
            name: Pipe to wait for; all are read.
            deadline: When to give up.
            on_cap: Called once when more than the cap was written; reading goes on, keeping nothing.

        Returns:
            Whether a cap was exceeded.
        """
        capped = False
        while name in self._fds and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                if not self._read(key.data) and not capped:
                    capped = True
                    on_cap()
        return capped

    def rest(self) -> None:
        """Read what is still in the pipes of a run that has ended."""
        deadline = time.monotonic() + REST_S
        while self._fds and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._read(key.data)

    def _read(self, name: str) -> bool:
        """Read one chunk; return False when the cap cut it."""
        chunk = os.read(self._fds[name], CHUNK)
        if not chunk:
            self._close(name)
            return True
        if name in ("stdout", "stderr"):
            kept = chunk[: self._output_left]
            self._output_left -= len(kept)
        else:
            kept = chunk[: RESULT_CAP - len(self.data[name])]
        self.data[name] += kept
        return len(kept) == len(chunk)

    def _close(self, name: str) -> None:
        fd = self._fds.pop(name)
        self._selector.unregister(fd)
        os.close(fd)
