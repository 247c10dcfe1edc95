"""Progress over samples: a bar on a terminal, elsewhere a line every so often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from halo_raft.terminal.console import console, say

SECONDS_PER_LINE = 10.0
"""Without a terminal, how often progress is a line."""


class Ticker:
    """Progress over a known number of samples: a bar on a terminal, lines elsewhere."""

    def __init__(self, total: int, done: int, bar: Progress | None) -> None:
        self.total = total
        self.done = done
        self.judged = 0
        self.passed = 0
        self.tokens = 0
        self._bar = bar
        self._task = bar.add_task("", total=total, completed=done, note="") if bar else None
        self._started = self._said = time.monotonic()

    @property
    def tokens_per_s(self) -> float:
        """Tokens of judged samples per second since the start."""
        return self.tokens / max(time.monotonic() - self._started, 1e-9)

    def advance(self, judged: int, passed: int, tokens: int) -> None:
        """Count some samples that were judged."""
        self.done += judged
        self.judged += judged
        self.passed += passed
        self.tokens += tokens
        seconds = max(time.monotonic() - self._started, 1e-9)
        speed = f"{self.tokens_per_s:.0f} tokens/s" if self.tokens else f"{self.judged / seconds:.0f} samples/s"
        note = f"{self.passed / max(self.judged, 1):.1%} passed, {speed}"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, note=note)
        elif time.monotonic() - self._said >= SECONDS_PER_LINE:
            self._said = time.monotonic()
            say(f"  {self.done}/{self.total} verified, {note}")


@contextmanager
def ticker(total: int, done: int = 0) -> Iterator[Ticker]:
    """Show progress over `total` samples, `done` of which are there already."""
    if not console.is_terminal:
        yield Ticker(total, done, None)
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(TextColumn(" "), *columns, console=console, transient=True) as bar:
        yield Ticker(total, done, bar)


@contextmanager
def stage_progress(total: int, done: int) -> Iterator[Callable[[int, int, int], None]]:
    """Show how far a stage of samples is, and yield what counts them: see `Ticker.advance`."""
    if done:
        say(f"Loading cached samples... {done} of {total} are verified")
    if done < total:
        say(f"Verifying {total} samples...")
    with ticker(total, done) as ticks:
        yield ticks.advance


@contextmanager
def counted(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """Show how many of something are done: a bar on a terminal, elsewhere a line every so often; yields what counts."""
    done, said = 0, time.monotonic()
    columns = (TextColumn(" "), BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task("", total=total or None)

    def advance(number: int) -> None:
        nonlocal done, said
        done += number
        bar.update(task, completed=done)
        if not console.is_terminal and time.monotonic() - said >= SECONDS_PER_LINE:
            said = time.monotonic()
            say(f"  {done}/{total} {what}" if total else f"  {done} {what}")

    with bar:
        yield advance
