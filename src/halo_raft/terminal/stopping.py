"""SIGTERM, Ctrl-C, a closed terminal: each is a stop, in time, that leaves nothing half done on disk.

The first signal raises `Stopped` in the main thread, so that everything that is open is closed on the way out;
later ones change nothing. What is not closed after `SECONDS_TO_STOP` is left to those that clean up behind a
process that is gone.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

SECONDS_TO_STOP = 8.0
"""Slurm and Kubernetes give some 30, a person at a terminal fewer."""


class Stopped(KeyboardInterrupt):
    """Raised in the main thread by the first signal; whatever ends well on Ctrl-C ends well on this."""


class Stop:
    """Whether the command was told to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._on_terminal = [stream for stream in (1, 2) if os.isatty(stream)]  # one that is gone is none any more

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: say so and raise where this is the first."""
        if self.signal is not None:
            return
        self.signal = signal.Signals(number)
        if number == signal.SIGHUP:
            self._leave_terminal()
        _tell(f"{self.signal.name}: stopping, which takes some seconds...")
        raise Stopped(self.signal.name)

    def _leave_terminal(self) -> None:
        """Write to nowhere from now on: each word to a terminal that is gone would be an error."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in self._on_terminal:
            os.dup2(nowhere, stream)

    def end(self) -> NoReturn:
        """Say how to go on and end the process: threads that still compute would hold it up."""
        assert self.signal is not None
        _tell(f"stopped by {self.signal.name}; run the same command again to go on from here")
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(128 + self.signal)

    def end_in_time(self, wakeups: int) -> None:
        """Wait for a signal to arrive, and end the process where it is still there `SECONDS_TO_STOP` later.

        Args:
            wakeups: Read end of the pipe that the interpreter writes each signal's number to, also while the main
                thread is busy in native code.
        """
        while number := os.read(wakeups, 1):
            if number[0] in SIGNALS:
                time.sleep(SECONDS_TO_STOP)
                self.signal = self.signal or signal.Signals(number[0])
                self.end()
        os.close(wakeups)


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Have signals stop what runs in the block; one that was ignored when the process began stays ignored.

    Outside of the main thread, where signals cannot be handled, nothing changes.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    handled = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    wakeups, ring = os.pipe()
    os.set_blocking(ring, False)
    ringing = signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
    threading.Thread(target=stop.end_in_time, args=(wakeups,), name="stop-in-time", daemon=True).start()
    for number in handled:
        signal.signal(number, stop.ask)
    try:
        yield stop
    finally:
        if stop.signal is None:
            for number in handled:
                signal.signal(number, before[number])
            signal.set_wakeup_fd(ringing)
            os.close(ring)  # the thread reads the end, and ends


def _tell(text: str) -> None:
    """Print a line on standard error; nobody need be there to read it."""
    with suppress(OSError, ValueError, RuntimeError):
        print(text, file=sys.stderr, flush=True)
