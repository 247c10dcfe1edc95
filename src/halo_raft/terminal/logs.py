"""Log messages of this package: on the terminal, and in the log file of a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from halo_raft.terminal.console import console, log, pulse


def show_log_messages() -> None:
    """Print this package's log messages: progress (INFO) as it is, warnings with their level."""

    class Printer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            level = "" if record.levelno <= logging.INFO else f"{record.levelname}: "
            text = f"  {level}{record.getMessage()}"
            pulse.said(text)
            console.print(text, markup=False)

    if not any(isinstance(h, logging.Handler) and h.get_name() == "console" for h in log.handlers):
        printer = Printer(logging.INFO)
        printer.set_name("console")
        log.addHandler(printer)
    log.setLevel(logging.DEBUG)
    log.propagate = False


@contextmanager
def log_to(folder: Path) -> Iterator[None]:
    """Write everything this package logs to `folder/raft.log` meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(folder / "raft.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()
