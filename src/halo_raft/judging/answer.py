"""What is judged, a completion or a whole program as one, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

from halo_raft.records import Verdict
from halo_raft.store import Drawn


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion that is to be judged.

    Attributes:
        completion: The text as the model wrote it.
        key: What identical programs have in common (`known`); empty where nothing is known of them.
    """

    sample_id: str
    task_id: str
    completion: str
    key: str = ""

    @classmethod
    def of(cls, sample: Drawn) -> Answer:
        """Return a sample's answer."""
        return cls(sample.sample_id, sample.task_id, sample.completion)


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, the key of the program that it is about, and the identity of the station where it was found."""

    key: str
    verdict: Verdict
    station: str = ""


def as_completion(program: str) -> str:
    """Return a whole program as a completion that extraction takes as it is."""
    mark = "```" if any(line.lstrip().startswith("~~~") for line in program.splitlines()) else "~~~"
    return f"{mark}\n{program}\n{mark}\n"
