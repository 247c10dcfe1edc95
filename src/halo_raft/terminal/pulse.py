"""Nobody waits in silence: what is being done now is said again and again, with how long it takes.

A line that ends with dots (`Starting Ray...`) begins something. On a terminal a clock runs below it until the next
line; elsewhere it is said again every `SECONDS_PER_LINE`. Bars follow their own numbers: see `Pulse.following`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

SECONDS_PER_LINE = 15.0
"""Without a terminal, how often a line says that something goes on."""

CLOCK_AFTER_S = 1.0
"""On a terminal, what is done sooner gets no clock."""

SILENT_FOR_S = 2.5
"""What was not announced, and how far a bar is, is said for the first time after so long."""

LOOKS_EVERY_S = 0.5


class Pulse:
    """What is being done, and the thread that says so while it takes long.

    Args:
        console: Where it is said.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.RLock()
        self._line: Callable[[], str] | None = None
        self._clock: Progress | None = None
        self._bars = self._beating = 0
        self._begun = self._said = time.monotonic()

    def said(self, text: str, printed: bool = True) -> None:
        """Take notice of a line that is about to be printed, or is not before what it begins has taken long."""
        with self._lock:
            self._hush()
            self._begun = time.monotonic()
            self._said = self._begun - (0 if printed else SECONDS_PER_LINE - SILENT_FOR_S)
            if self._bars:
                return
            self._line = (lambda: text) if text.endswith("...") else None

    @contextmanager
    def following(self, line: Callable[[], str]) -> Iterator[None]:
        """Say `line()` soon and every so often meanwhile; on a terminal say nothing, for there a bar does."""
        with self.beating():
            with self._lock:
                self._hush()
                self._bars += 1
                before, self._line = self._line, line
                self._said = time.monotonic() - SECONDS_PER_LINE + SILENT_FOR_S
            try:
                yield
            finally:
                with self._lock:
                    self._bars -= 1
                    self._line = before if self._bars else None

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Have a thread look every so often whether something is to be said; one is enough."""
        with self._lock:
            self._beating += 1
            first = self._beating == 1
        ended = threading.Event()
        if first:
            threading.Thread(target=self._beat, args=(ended,), name="pulse", daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            with self._lock:
                self._beating -= 1
                self._hush()

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(LOOKS_EVERY_S):
            with self._lock:
                if not ended.is_set():
                    self._look(time.monotonic())

    def _look(self, now: float) -> None:
        """Say what is being done, where it was not said for long."""
        if self._line is None:
            return
        if self._console.is_terminal:
            if not self._bars and self._clock is None and now - self._begun >= CLOCK_AFTER_S:
                self._clock = Progress(
                    SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
                    console=self._console, transient=True,
                )  # fmt: skip
                self._clock.add_task(self._line().strip())
                self._clock.start()
        elif now - self._said >= SECONDS_PER_LINE:
            self._said = now
            took = "" if self._bars else f" {now - self._begun:.0f} s"
            self._console.print(f"  {self._line().strip()}{took}", markup=False)

    def _hush(self) -> None:
        if self._clock is not None:
            self._clock.stop()
            self._clock = None
