"""What goes wrong while answers are judged: collected for the log file, told to the user in a few lines."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from halo_raft.records import Verdict, VerdictKind

SHOWN_FAILURES = 3
"""So many failures of ours are shown to the user; the log file has all of them."""

log = logging.getLogger(__name__)


class Messages(logging.Handler):
    """What verifiers log meanwhile, tracebacks included: the terminal gets a line each, the log file all of it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self._lines.append(self.format(record))

    def take(self) -> str:
        """Return what was logged since the last call."""
        lines, self._lines = self._lines, []
        return "\n".join(lines)


@contextmanager
def collected_messages() -> Iterator[Messages]:
    """Collect what verifiers log while the block runs, instead of passing it on."""
    verifiers, messages = logging.getLogger("halo_raft.verifiers"), Messages()
    before = verifiers.handlers, verifiers.propagate
    verifiers.handlers, verifiers.propagate = [messages], False
    try:
        yield messages
    finally:
        verifiers.handlers, verifiers.propagate = before


def log_messages(messages: str) -> None:
    """Write what a verifier logged, here or in a worker, to the log file."""
    if messages:
        log.debug("a verifier says:\n%s", messages)


class FailureLog:
    """Tells the user of the first few failures of ours; the rest goes to the log file alone."""

    def __init__(self) -> None:
        self._told = 0

    def see(self, verdicts: Iterable[Verdict]) -> None:
        """Look at verdicts as they come."""
        for verdict in verdicts:
            if verdict.kind is VerdictKind.INFRA:
                self._told += 1
                level = logging.WARNING if self._told <= SHOWN_FAILURES else logging.DEBUG
                log.log(level, "sample %s could not be judged: %s", verdict.sample_id, verdict.details)
