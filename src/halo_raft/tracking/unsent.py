"""What MLflow did not take, kept in the run folder until it does.

A server that is away when a cycle ends would leave holes in the run's page for good. Figures are not kept: the
next cycle's, and the report, have them again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from halo_raft.store import write_atomically

log = logging.getLogger(__name__)

AWAY_S = 60.0
"""After a failure nothing is tried for so long: each try costs seconds, and a training logs hundreds of points."""


class Unsent:
    """The file of calls that failed.

    Args:
        path: JSONL, a call a line; made with the first one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._away_until = 0.0

    @property
    def is_away(self) -> bool:
        """Whether MLflow failed just now."""
        return time.monotonic() < self._away_until

    def keep(self, cycle: int, method: str, arguments: tuple[Any, ...]) -> None:
        """Keep a call of a `RunLog`'s method; cycle 0 is the run itself. Called while it fails, so it may not."""
        if not self.is_away:  # what was not tried says nothing new
            self._away_until = time.monotonic() + AWAY_S
        try:
            line = json.dumps({"cycle": cycle, "method": method, "arguments": arguments}, default=str)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            log.warning("tracking: what MLflow did not take cannot be kept either: %s", error)

    def bring(self, send: Callable[[int, str, list[Any]], None]) -> tuple[int, int]:
        """Send what was kept; return how many calls were taken, and how many are still kept.

        Args:
            send: Makes one call; raises where it fails.
        """
        calls = self._read()
        left: list[dict[str, Any]] = []
        for number, call in enumerate(calls):
            try:
                send(call["cycle"], call["method"], call["arguments"])
            except FileNotFoundError as error:
                log.warning("tracking: %s is no longer there and is left out", error)
            except Exception as error:
                log.debug("still not taken", exc_info=error)
                left = calls[number:]  # in their order: later ones may change what earlier ones set
                break
        if calls and left != calls:
            write_atomically(self.path, "".join(json.dumps(call) + "\n" for call in left))
        if calls and not left:
            self.path.unlink()
        return len(calls) - len(left), len(left)

    def _read(self) -> list[dict[str, Any]]:
        """Return the calls; a line that was torn or damaged is left out, with a warning."""
        calls: list[dict[str, Any]] = []
        for number, line in enumerate(self.path.read_bytes().splitlines() if self.path.is_file() else [], start=1):
            try:
                call = json.loads(line)
                calls.append({name: call[name] for name in ("cycle", "method", "arguments")})
            except (ValueError, TypeError, KeyError):
                log.warning("tracking: %s:%d is damaged and left out", self.path, number)
        return calls
