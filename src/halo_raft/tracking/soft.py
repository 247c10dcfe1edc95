"""Logging errors: one warning each, never the end of a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


class WarnOnce:
    """Swallows exceptions and warns about each (action, exception type) the first time only."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    @contextmanager
    def __call__(self, action: str) -> Iterator[None]:
        """Guard one logging call; `action` completes the sentence "could not ..."."""
        try:
            yield
        except Exception as error:
            key = (action, type(error).__name__)
            if key not in self._seen:
                self._seen.add(key)
                logger.warning(
                    "tracking: could not %s: %s; the run goes on, repeats are silent", *self._line(key, error)
                )

    @staticmethod
    def _line(key: tuple[str, str], error: Exception) -> tuple[str, str]:
        return key[0], f"{key[1]}: {one_line(error)}"


def one_line(error: BaseException, limit: int = 300) -> str:
    """Return the first line of an error's message, at most `limit` characters."""
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."
