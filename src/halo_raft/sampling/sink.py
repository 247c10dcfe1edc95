"""The actor beside the driver that samples and verdicts go through on their way to the disk."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections import defaultdict
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
    how long it is. What is to be drawn lies on its disk until an engine is asked for it.

    Args:
        samples: File of the samples.
        verdicts: File of the verdicts.
        terms: Object reference of policy and tasks, in a list.
    """

    def __init__(self, samples: Path, verdicts: Path, terms: list[Any]) -> None:
        import ray

        policy: JudgingPolicy
        tasks: Mapping[str, Task]
        policy, tasks = ray.get(terms[0])
        self._samples, self._verdicts = JsonlWriter(samples), JsonlWriter(verdicts)
        self._ids: set[str] = set()
        self._open: dict[str, int] = {}
        self._unjudged: set[str] = set()
        self._on_disk = self._answers(samples)
        self._drafts = tempfile.TemporaryFile(dir=samples.parent)  # noqa: SIM115  it lives as long as the sink
        self._pieces: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._known = Known(policy, tasks, ledger_folder())
        self._settled: list[Verdict] = []

    def take(self, engine: int, drafts: bytes) -> None:
        """Keep a piece of what an engine is to draw."""
        self._pieces[engine].append((self._drafts.seek(0, os.SEEK_END), len(drafts)))
        self._drafts.write(drafts)

    def drafts(self, engine: int, piece: int) -> bytes:
        """Return a piece of what an engine is to draw, by its number; empty behind the last one."""
        if piece >= len(self._pieces[engine]):
            return b""
        start, size = self._pieces[engine][piece]
        self._drafts.seek(start)
        return self._drafts.read(size)

    def expect(self, unjudged: Collection[str]) -> None:
        """Give out samples on disk, by their ids, to be judged."""
        self._unjudged.update(unjudged)
        self._open.update(dict.fromkeys(unjudged, 0))

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

    def learn(self, pickled: bytes = b"") -> Found:
        """Write the verdicts that are known since the last call, of each sample one; return what they say.

        Args:
            pickled: A list of `Report`, as a worker sent it.
        """
        reports: list[Report] = pickle.loads(pickled) if pickled else []
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
        self._drafts.close()

    def _answers(self, path: Path) -> Iterator[Answer]:
        for sample in stored_samples(path) if self._unjudged else ():
            if sample.sample_id in self._unjudged:
                yield Answer.of(sample)
