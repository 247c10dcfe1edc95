"""Logging errors: one warning each, never the end of a run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


class AwayError(ConnectionError):
    """Not tried: whoever should answer did not, a moment ago, and that was said."""


class WarnOnce:
    """Swallows exceptions and warns about each (action, exception type) the first time only."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    @contextmanager
    def __call__(self, action: str, otherwise: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Guard one logging call; `action` completes the sentence "could not ...", `otherwise` is done instead."""
        try:
            yield
        except Exception as error:
            otherwise()
            key = (action, type(error).__name__)
            if key not in self._seen and not isinstance(error, AwayError):
                self._seen.add(key)
                logger.warning("tracking: could not %s: %s; the run goes on, repeats are silent", action, reason(error))


class Strict(WarnOnce):
    """Lets every error through."""

    @contextmanager
    def __call__(self, action: str, otherwise: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Guard nothing."""
        yield


def reason(error: BaseException, limit: int = 300) -> str:
    """Return in one line of at most `limit` characters what an error began with.

    The outermost message is often a page of SQL or a chain of retries; the first error of the chain
    says what is wrong: `ConnectionRefusedError: [Errno 111] Connection refused`.
    """
    while (inner := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        error = inner
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."
