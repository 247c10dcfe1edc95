"""The actor beside the driver that samples go through on their way to verification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from halo_raft.judging.answer import Answer, Judged
from halo_raft.judging.known import Known, ledger_folder
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.records import Sample, Task, Verdict
from halo_raft.store import JsonlWriter


class SampleSink:
    """Writes samples to disk before they are judged, each id once, and knows which need no judging.

    It holds the one `Known` of its stage: programs are claimed here as their samples come, and their verdicts
    learnt here as the driver receives them.
    """

    def __init__(self, path: Path, terms: list[Any]) -> None:
        import ray

        policy: JudgingPolicy
        tasks: Mapping[str, Task]
        policy, tasks = ray.get(terms[0])
        self._writer = JsonlWriter(path)
        self._tokens: dict[str, int] = {}
        self._known = Known(policy, tasks, ledger_folder())
        self._settled: list[Verdict] = []

    def drawn(self) -> set[str]:
        """Return the ids of the samples written so far."""
        return set(self._tokens)

    def append(self, samples: list[Sample]) -> list[Answer]:
        """Write samples and flush; return those of the new ones that have to be judged."""
        new = [s for s in samples if s.sample_id not in self._tokens]
        self._writer.append(new)
        self._tokens |= {s.sample_id: len(s.token_ids) for s in new}
        offer = self._known.offer(map(Answer.of, new))
        self._settled += offer.settled
        return offer.to_judge

    def offer(self, answers: list[Answer], share: bool) -> list[Answer]:
        """Return those of answers that have to be judged whose samples were on disk before; see `Known.offer`."""
        self._known.forget_claims()
        offer = self._known.offer(answers, share=share)
        self._settled += offer.settled
        return offer.to_judge

    def learn(self, judged: list[Judged]) -> tuple[list[Verdict], int]:
        """Return the verdicts that are known since the last call, and the tokens of those samples written here."""
        verdicts, self._settled = self._settled + self._known.learn(judged), []
        return verdicts, sum(self._tokens.get(v.sample_id, 0) for v in verdicts)

    def close(self) -> None:
        """Sync and close the file."""
        self._writer.close()
