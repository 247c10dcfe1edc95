"""What became of one run of untrusted code."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum

STARVED_SHARE = 0.1
"""Share of a run's wall time that it may stand ready without a CPU, on a machine with enough of them."""


class KilledBy(StrEnum):
    """The limit for which the sandbox ended a run."""

    CPU = "cpu"
    WALL = "wall"
    OUTPUT_LIMIT = "output_limit"
    MEMORY = "memory"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One finished run. Every process of it is gone, and so is its work folder.

    Attributes:
        returncode: Exit status; None when a signal ended the process.
        signal: Number of the signal that ended it; None after a normal exit.
        stdout: Standard output, at most `Limits.output_kb`.
        stderr: Standard error, within the same allowance.
        result: Bytes from the private result channel (`RESULT_FD`). Not trusted: any code in the
            same process can write there.
        files: The files asked for with `collect` that the run left behind.
        killed_by: The limit that was exceeded, None when the process ended by itself.
        cpu_s: CPU seconds, descendants included.
        wall_s: Wall-clock seconds.
        peak_memory_mb: Largest resident set of a single process, MiB.
        waited_s: Seconds for which a thread of a run that the wall clock ended had stood ready while others than
            the run's own had the CPU (`usage.waited_s`); 0 for any other run.
    """

    returncode: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    result: bytes
    files: Mapping[str, bytes]
    killed_by: KilledBy | None
    cpu_s: float
    wall_s: float
    peak_memory_mb: float
    waited_s: float = 0.0

    @property
    def clean(self) -> bool:
        """Whether the process ended by itself with status 0."""
        return self.returncode == 0 and self.killed_by is None

    @property
    def starved(self) -> bool:
        """Whether the machine may be to blame for a run that the wall clock ended: it had to wait for its CPU.

        What sleeps or waits for itself has not: a second look would cost as much and say the same.
        """
        return self.waited_s > STARVED_SHARE * self.wall_s
