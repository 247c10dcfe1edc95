"""Progress: one bar on a terminal, elsewhere a line every so often; at the end a line that stays."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from halo_raft.terminal.console import console, log, pulse, say


class Bar:
    """How far something is.

    Args:
        total: Of what is counted; 0 where that is not known.
        done: So much of it was there before.
        what: What is counted, in the words of a line: `verified`.
        drawn: Returns how many wait for it or are done, where they come one by one.
    """

    def __init__(self, total: int, done: int, what: str, drawn: Callable[[], int] | None = None) -> None:
        self.total, self.done, self.note, self._what, self._drawn = total, done, "", what, drawn
        columns = (TextColumn(" "), BarColumn(), MofNCompleteColumn(), _Words(self),
                   TimeElapsedColumn(), TimeRemainingColumn())  # fmt: skip
        self._shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._shown.add_task(what, total=total or None, completed=done)

    def move(self, done: int, note: str = "") -> None:
        """Show that so many are done, and a note beside it."""
        self.done, self.note = done, note
        self._shown.update(self._task, completed=done)

    def words(self) -> str:
        """Return what is said behind the number."""
        return ", ".join(filter(None, (self._what, self._ahead(), self.note)))

    def line(self) -> str:
        """Return what a line says of it."""
        return f"{self.done}/{self.total} {self.words()}" if self.total else f"{self.done} {self.words()}"

    def _ahead(self) -> str:
        """Return how many are drawn, where that is more than are done."""
        drawn = self._drawn() if self._drawn else 0
        if drawn <= self.done:
            return ""
        return "all drawn" if drawn >= self.total else f"{drawn} drawn"

    @contextmanager
    def moving(self) -> Iterator[Bar]:
        """Show it meanwhile, and say at the end how far it came."""
        with pulse.following(self.line), self._shown:
            yield self
        say(f"  {self.line()}")


class _Words(ProgressColumn):
    """What a bar says behind its number, looked up anew each time: some of it changes while nothing moves."""

    def __init__(self, bar: Bar) -> None:
        super().__init__()
        self._bar = bar

    def render(self, _task: Task) -> Text:
        """Return it."""
        return Text(self._bar.words())


class Ticker:
    """Progress over samples that are judged."""

    def __init__(self, bar: Bar) -> None:
        self.judged = 0
        self.passed = 0
        self.tokens = 0
        self._bar = bar
        self._started = time.monotonic()

    def advance(self, judged: int, passed: int, tokens: int) -> None:
        """Count some samples that were judged."""
        self.judged += judged
        self.passed += passed
        self.tokens += tokens
        seconds = max(time.monotonic() - self._started, 1e-9)
        speed = f"{self.tokens / seconds:.0f} tokens/s" if self.tokens else f"{self.judged / seconds:.0f} samples/s"
        self._bar.move(self._bar.done + judged, f"{self.passed / max(self.judged, 1):.1%} passed, {speed}")


@contextmanager
def ticker(total: int, done: int = 0, drawn: Callable[[], int] | None = None) -> Iterator[Ticker]:
    """Show progress over `total` samples, `done` of which are there already; says nothing where all are.

    Where they are drawn meanwhile, `drawn` returns how many there are.
    """
    bar = Bar(total, done, "verified", drawn)
    if done >= total:
        yield Ticker(bar)
        return
    with bar.moving():
        yield Ticker(bar)


@contextmanager
def stage_progress(total: int, done: int, drawn: Callable[[], int]) -> Iterator[Callable[[int, int, int], None]]:
    """Show how far a stage of samples is, and yield what counts them: see `ticker` and `Ticker.advance`."""
    if done:
        say(f"Loading cached samples... {done} of {total} are verified")
    if done < total:
        say(f"Verifying {total} samples...")
    with ticker(total, done, drawn) as ticks:
        yield ticks.advance


@contextmanager
def counted(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """Show how many of something are done; yields what counts."""
    with Bar(total, 0, what).moving() as bar:
        yield lambda number: bar.move(bar.done + number)


programs_tried = partial(counted, what="programs tried")
"""What is seen of a validation of tasks."""


@contextmanager
def steps_shown() -> Iterator[Callable[[str], None]]:
    """Show how far a training is, and yield what takes its lines: `step 3/40  loss 0.5` moves the bar."""
    with ExitStack() as shown:
        bar: Bar | None = None

        def take(line: str) -> None:
            nonlocal bar
            step = re.match(r"step (\d+)/(\d+)(?:\s+(?!held-back)(\S.*))?$", line)
            log.log(logging.DEBUG if step else logging.INFO, "%s", line)
            if step:
                bar = bar or shown.enter_context(Bar(int(step[2]), 0, "steps").moving())
                bar.move(int(step[1]), step[3] or "")

        yield take
