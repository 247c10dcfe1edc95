"""The actor beside the driver that samples go through on their way to verification."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from halo_raft.judging.answer import Answer, Judged
from halo_raft.judging.known import Known, Offer, ledger_folder
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

    def offer(self, answers: list[Answer], share: bool) -> Offer:
        """See `Known.offer`; for samples that were on disk already."""
        return self._known.offer(answers, share=share)

    def learn(self, judged: list[Judged]) -> tuple[list[Verdict], int]:
        """Return the verdicts that are known since the last call, and the tokens of those samples written here."""
        verdicts, self._settled = self._settled + self._known.learn(judged), []
        return verdicts, sum(self._tokens.get(v.sample_id, 0) for v in verdicts)

    def forget_claims(self) -> None:
        """See `Known.forget_claims`."""
        self._known.forget_claims()

    def close(self) -> None:
        """Sync and close the file."""
        self._writer.close()


class SinkKnowledge:
    """The `Known` of a sink, as `judge_all` asks it."""

    def __init__(self, sink: Any) -> None:
        self._sink = sink

    def offer(self, answers: Iterable[Answer], *, share: bool = True) -> Offer:
        """See `Known.offer`."""
        import ray

        offer: Offer = ray.get(self._sink.offer.remote(list(answers), share))
        return offer

    def learn(self, judged: Iterable[Judged]) -> list[Verdict]:
        """See `Known.learn`."""
        import ray

        verdicts: list[Verdict] = ray.get(self._sink.learn.remote(list(judged)))[0]
        return verdicts

    def forget_claims(self) -> None:
        """See `Known.forget_claims`."""
        import ray

        ray.get(self._sink.forget_claims.remote())
