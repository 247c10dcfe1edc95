"""The actor beside the driver that samples and verdicts go through on their way to the disk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from halo_raft.judging.answer import Answer
from halo_raft.judging.known import Known, ledger_folder
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.judging.workers import Report
from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.store import JsonlWriter, line_of, stored_samples


class Drawn(NamedTuple):
    """A new sample.

    Attributes:
        key: Of its program, as `known.Keys` tells it; empty where it has none.
        tokens: Length of the completion.
        line: The sample as its file has it.
    """

    sample_id: str
    task_id: str
    key: str
    tokens: int
    line: bytes


class Found(NamedTuple):
    """What some verdicts say.

    Attributes:
        judged: How many there are.
        passed: Those that passed.
        tokens: Of the samples among them that were drawn now.
        failures: Those that say no more than that we failed.
    """

    judged: int
    passed: int
    tokens: int
    failures: list[Verdict]


class SampleSink:
    """Writes samples to disk before they are judged, and verdicts as they are known, of each id one.

    It holds the one `Known` of its stage: programs are claimed here as their samples come, and their verdicts
    learnt here as the driver receives them. It holds no sample: of each no more than its id, and until it is judged
    how long it is.

    Args:
        samples: File of the samples.
        verdicts: File of the verdicts.
        terms: Object reference of policy and tasks, in a list.
        unjudged: Ids of samples on disk that are to be judged.
    """

    def __init__(self, samples: Path, verdicts: Path, terms: list[Any], unjudged: Collection[str] = ()) -> None:
        import ray

        policy: JudgingPolicy
        tasks: Mapping[str, Task]
        policy, tasks = ray.get(terms[0])
        self._samples, self._verdicts = JsonlWriter(samples), JsonlWriter(verdicts)
        self._ids: set[str] = set()
        self._open = dict.fromkeys(unjudged, 0)
        self._on_disk = self._answers(samples, frozenset(unjudged))
        self._known = Known(policy, tasks, ledger_folder())
        self._settled: list[Verdict] = []

    def drawn(self) -> set[str]:
        """Return the ids of the samples written so far."""
        return self._ids

    def more(self, count: int) -> list[Answer]:
        """Return some of the answers that were on disk before and are to be judged, none where all were given out."""
        return list(islice(self._on_disk, count))

    def append(self, drawn: list[Drawn]) -> list[str]:
        """Write samples and flush; return the ids of the new ones that have to be judged."""
        new = [sample for sample in drawn if sample.sample_id not in self._ids]
        self._samples.append_lines(sample.line for sample in new)
        self._ids.update(sample.sample_id for sample in new)
        self._open.update((sample.sample_id, sample.tokens) for sample in new)
        return self.offer([Answer(sample.sample_id, sample.task_id, "", sample.key) for sample in new])

    def offer(self, answers: list[Answer], share: bool = True) -> list[str]:
        """Return the ids of those that have to be judged; see `Known.offer`. They need keys, and no completions."""
        offer = self._known.offer(answers, share=share, keyed=True)
        self._settled += offer.settled
        return [answer.sample_id for answer in offer.to_judge]

    def learn(self, reports: list[Report]) -> Found:
        """Write the verdicts that are known since the last call, of each sample one; return what they say."""
        known = self._settled + self._known.learn(report.judged() for report in reports)
        self._settled, tokens, new = [], 0, list[Verdict]()
        for verdict in known:
            length = self._open.pop(verdict.sample_id, None)
            if length is not None:  # else a block that Ray did twice, say
                tokens += length
                new.append(verdict)
        self._verdicts.append_lines(map(line_of, new))
        failures = [verdict for verdict in new if verdict.kind is VerdictKind.INFRA]
        return Found(len(new), sum(verdict.success for verdict in new), tokens, failures)

    def close(self) -> None:
        """Sync and close the files."""
        self._samples.close()
        self._verdicts.close()

    def _answers(self, path: Path, wanted: frozenset[str]) -> Iterator[Answer]:
        for sample in stored_samples(path) if wanted else ():
            if sample.sample_id in wanted:
                yield Answer(sample.sample_id, sample.task_id, sample.completion)
