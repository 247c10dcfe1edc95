"""What is judged, a completion or a whole program as one, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

from halo_raft.programs import under_its_stub
from halo_raft.records import Task, Verdict
from halo_raft.store import Drawn


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion that is to be judged.

    Attributes:
        completion: The text as the model wrote it.
        key: What identical programs have in common (`known`); empty where nothing is known of them.
        form: As `records.Sample`.
    """

    sample_id: str
    task_id: str
    completion: str
    key: str = ""
    form: str | None = None

    @classmethod
    def of(cls, sample: Drawn) -> Answer:
        """Return a sample's answer."""
        return cls(sample.sample_id, sample.task_id, sample.completion, form=sample.form)

    def judged_as(self, task: Task) -> str:
        """Return the completion; where it only goes on with the function that it was asked to complete, under that."""
        whole = under_its_stub(self.completion, task) if self.form else None
        return self.completion if whole is None else as_completion(whole)


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
