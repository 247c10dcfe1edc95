"""A few completions of a cycle, of different tasks and of all kinds of verdicts: what people look at first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from halo_raft.records import HINT, REPAIR, Task, Verdict, VerdictKind
from halo_raft.report.answers import answer, asked
from halo_raft.report.view import Answer, Example
from halo_raft.store import Drawn, RunFolder, StoredSample

EXAMPLES_PER_CYCLE = 6
EXAMPLES_PER_ROUND = 2
"""Those of a further round, whose samples see more than their task."""

MOST_LOOKED_AT = 8 * EXAMPLES_PER_CYCLE
"""Verdicts of each kind that examples are chosen from."""


def examples(folder: RunFolder, cycle: int, tasks: Mapping[str, Task], wording: Mapping[str, Any]) -> list[Example]:
    """Return a few completions of a cycle, of different tasks and of all kinds of verdicts in turn.

    Those of further rounds come last.

    Args:
        folder: The run's.
        cycle: From 1.
        tasks: The training tasks as far as they are to be had, for prompts.
        wording: How they were asked; see `answers.asked`.
    """
    paths = folder.samples_path(cycle), folder.verdicts_path(cycle)
    return [
        Example(
            cycle,
            found.task_id,
            asked(tasks.get(found.task_id), wording, found.form, found.round, found.failed),
            found.answer,
            found.round,
        )
        for found in _chosen(folder.path, cycle, tuple(map(state_of, paths)))
    ]


def state_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


@dataclass(frozen=True, slots=True)
class _Found:
    """What is shown of a cycle; `form` and `round` as in `records.Sample`, `failed` is the answer to be repaired."""

    task_id: str
    form: str | None
    round: str | None
    answer: Answer
    failed: tuple[str, Verdict] | None


@lru_cache(maxsize=64)
def _chosen(path: Path, cycle: int, states: object) -> list[_Found]:
    """Return what is shown of a cycle; it is looked for once as long as the cycle's files do not change."""
    folder, seen = RunFolder(path), defaultdict[str | None, _Kinds](_Kinds)
    rounds = {sample.sample_id: sample.round for sample in folder.stored(cycle) if sample.round}
    for verdict in folder.each_verdict(cycle):
        seen[rounds.get(verdict.sample_id)].see(verdict)
    shares = {None: EXAMPLES_PER_CYCLE, REPAIR: EXAMPLES_PER_ROUND, HINT: EXAMPLES_PER_ROUND}
    chosen = {v.sample_id: v for name, most in shares.items() if name in seen for v in seen[name].in_turn(most)}
    samples = {sample.sample_id: sample for sample in folder.stored(cycle) if sample.sample_id in chosen}
    failures = _failures(folder, cycle, samples.values())
    return [
        _Found(v.task_id, s.form, s.round, answer(s, v), failures.get(name))
        for name, v in chosen.items()
        if (s := samples.get(name))
    ]


def _failures(folder: RunFolder, cycle: int, samples: Iterable[StoredSample]) -> dict[str, tuple[str, Verdict]]:
    """Return the failed answer that each sample of a repair round saw, with its verdict, by the sample's id."""
    repairs = {(s.task_id, s.of): s.sample_id for s in samples if s.round == REPAIR}
    if not repairs:
        return {}
    first: dict[str, Drawn] = {
        s.sample_id: s for s in folder.stored(cycle) if s.round is None and (s.task_id, s.index) in repairs
    }
    told = ((first[v.sample_id], v) for v in folder.each_verdict(cycle) if v.sample_id in first)
    return {repairs[sample.task_id, sample.index]: (sample.completion, verdict) for sample, verdict in told}


class _Kinds:
    """A few verdicts of each kind."""

    def __init__(self) -> None:
        self.few = defaultdict[str, _Few](_Few)

    def see(self, verdict: Verdict) -> None:
        """Count a verdict, and keep it if it is one of the few."""
        self.few[str(verdict.kind)].see(verdict)

    def in_turn(self, most: int) -> list[Verdict]:
        """Return at most so many, of different tasks and of all kinds in turn: what passed, then the commonest."""
        order = sorted(self.few, key=lambda kind: (kind != VerdictKind.PASSED, -self.few[kind].seen))
        queues = [sorted(self.few[kind].verdicts.values(), key=lambda v: v.sample_id) for kind in order]
        chosen: dict[str, Verdict] = {}
        while len(chosen) < most and any(queues):
            for queue in queues:
                fresh = next((v for v in queue if v.task_id not in chosen), None)
                queue[:] = [v for v in queue if v is not fresh] if fresh else []
                if fresh and len(chosen) < most:
                    chosen[fresh.task_id] = fresh
        return list(chosen.values())


class _Few:
    """Some verdicts of one kind, of different tasks: those with the lowest ids, so that all find the same."""

    def __init__(self) -> None:
        self.seen = 0
        self.verdicts: dict[str, Verdict] = {}

    def see(self, verdict: Verdict) -> None:
        """Count a verdict, and keep it if it is one of the few."""
        self.seen += 1
        known = self.verdicts.get(verdict.task_id)
        if known is None or verdict.sample_id < known.sample_id:
            self.verdicts[verdict.task_id] = verdict
            if len(self.verdicts) > MOST_LOOKED_AT:
                del self.verdicts[max(self.verdicts, key=lambda task: self.verdicts[task].sample_id)]
