"""A slice of a study: commands of ours one after the other until time is up, to go on with another day."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

PROGRAM = (sys.executable, "-m", "halo_raft.cli")
SECONDS_TO_STOP = 120.0
"""A command that is told to stop ends well within seconds; one that does not is ended."""


class TimeIsUpError(Exception):
    """The slice is over; what was done is on disk."""


class Slice:
    """Runs commands in processes of their own until so many minutes are over; for ever when not given."""

    def __init__(self, minutes: float | None = None) -> None:
        self._end = None if minutes is None else time.monotonic() + 60 * minutes

    @property
    def left_s(self) -> float | None:
        """Seconds that are left; None where there is no end."""
        return None if self._end is None else self._end - time.monotonic()

    def call(self, command: Sequence[str]) -> None:
        """Run a command of ours; end with its exit code where it fails.

        Raises:
            TimeIsUpError: No time was left, or it ran out meanwhile: the command was told to stop, and goes on from
                there when it is run again.
        """
        left = self.left_s
        if left is not None and left <= 0:
            raise TimeIsUpError
        print("$ halo-raft", *command, flush=True)
        process = subprocess.Popen([*PROGRAM, *command])
        try:
            code = process.wait(left)
        except subprocess.TimeoutExpired:
            raise TimeIsUpError from None
        finally:
            _stop(process)
        if code:
            raise SystemExit(code)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that is still there, as a person would who wants to go on with it later."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
