"""Lines on the terminal: each goes to standard output, and to the log file of the run."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from halo_raft.terminal.pulse import Pulse

MOST_LISTED = 10
"""So many of a list are shown; the log file has all."""

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)
pulse = Pulse(console)
log = logging.getLogger("halo_raft")


def say(text: str = "") -> None:
    """Print a line and log it; one that ends with dots begins something that takes time."""
    pulse.said(text)
    console.print(text, markup=False)
    if text:
        log.debug("%s", text)


def heading(text: str) -> None:
    """Print a heading, underlined as in the guide."""
    say()
    say(text)
    console.print("=" * max(map(len, text.splitlines())))


def pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print (topic, text) rows in two columns."""
    rows = list(rows)
    width = max((len(topic) for topic, _ in rows), default=0)
    for topic, text in rows:
        say(f"  {topic:<{width}}  {text}")


def listed(entries: Mapping[str, str], note: str) -> None:
    """Print `Task NAME NOTE: REASON` for the first few entries; the log file names all."""
    for number, (name, reason) in enumerate(entries.items()):
        line = f"  Task {name} {note}: {reason}"
        say(line) if number < MOST_LISTED else log.debug("%s", line)
    if len(entries) > MOST_LISTED:
        say(f"  ... and {len(entries) - MOST_LISTED} more; the log names all")


def table(columns: Iterable[str], rows: Iterable[Iterable[str]], *, left: Iterable[str] = ()) -> None:
    """Print a table below an empty line.

    Args:
        columns: Their titles.
        rows: Cells of each row.
        left: Titles of the columns that are aligned to the left; the others are numbers.
    """
    drawn = Table(title=None)
    for name in columns:
        drawn.add_column(name, justify="left" if name in tuple(left) else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    say()
    console.print(drawn)


@contextmanager
def stdout_for_the_result_alone(wanted: bool) -> Iterator[None]:
    """Send everything that is printed meanwhile to standard error, where that is wanted."""
    before, console.stderr = console.stderr, wanted or console.stderr
    try:
        yield
    finally:
        console.stderr = before


@contextmanager
def in_place_of_lines(text: str) -> Iterator[None]:
    """Say what is being done, where it takes long, in place of all that is said meanwhile."""
    own, before = Pulse(Console(highlight=False, soft_wrap=True)), console._file
    with open(os.devnull, "w", encoding="utf-8") as nowhere, own.beating():
        own.said(f"{text}...", printed=False)
        console.file = nowhere
        try:
            yield
        finally:
            console._file = before


@contextmanager
def others_in(path: Path) -> Iterator[None]:
    """Send what anybody else writes to this process's standard streams to the end of a file meanwhile."""
    kept, file_before = [os.dup(stream) for stream in (1, 2)], console._file
    sys.stdout.flush()
    sys.stderr.flush()
    with open(path, "ab") as aside, open(os.dup(2 if console.stderr else 1), "w", encoding="utf-8") as own:
        console.file = own
        for stream in (1, 2):
            os.dup2(aside.fileno(), stream)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for stream, before in zip((1, 2), kept, strict=True):
                os.dup2(before, stream)
                os.close(before)
            console._file = file_before


def shown(path: Path) -> str:
    """Return a path as short as it can be named from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
