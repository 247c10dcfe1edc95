"""What is under attack."""

from __future__ import annotations

import dataclasses

from halo_raft.records import Task


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A task, the verifier that judges it, and a solution that passes.

    Attributes:
        verifier: Name of the verifier.
        task: The task.
        honest: Code of an honest solution.
        options: Fields of `VerifierOptions` beside the limits.
    """

    verifier: str
    task: Task
    honest: str
    options: dict[str, object] = dataclasses.field(default_factory=dict)
