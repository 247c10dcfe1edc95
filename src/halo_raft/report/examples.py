"""A few completions of a cycle, of different tasks and of all kinds of verdicts: what people look at first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.report.answers import answer, asked
from halo_raft.report.view import Answer, Example
from halo_raft.store import RunFolder

EXAMPLES_PER_CYCLE = 6
MOST_LOOKED_AT = 8 * EXAMPLES_PER_CYCLE
"""Verdicts of each kind that examples are chosen from."""


def examples(folder: RunFolder, cycle: int, tasks: Mapping[str, Task], wording: Mapping[str, Any]) -> list[Example]:
    """Return a few completions of a cycle, of different tasks and of all kinds of verdicts in turn.

    Args:
        folder: The run's.
        cycle: From 1.
        tasks: The training tasks as far as they are to be had, for prompts.
        wording: How they were asked; see `answers.asked`.
    """
    paths = folder.samples_path(cycle), folder.verdicts_path(cycle)
    return [
        Example(cycle, name, asked(tasks.get(name), wording, form), found)
        for name, form, found in _chosen(folder.path, cycle, tuple(map(state_of, paths)))
    ]


def state_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


@lru_cache(maxsize=64)
def _chosen(path: Path, cycle: int, states: object) -> list[tuple[str, str | None, Answer]]:
    """Return the tasks, how they were asked, and the answers that are shown of a cycle.

    They are looked for once as long as its files do not change.
    """
    folder, by_kind = RunFolder(path), defaultdict[str, _Few](_Few)
    others = {s.sample_id for s in folder.stored(cycle) if s.round}  # they saw more than the task
    for verdict in folder.each_verdict(cycle):
        if verdict.sample_id not in others:
            by_kind[str(verdict.kind)].see(verdict)
    order = sorted(by_kind, key=lambda kind: (kind != VerdictKind.PASSED, -by_kind[kind].seen))
    queues = [sorted(by_kind[kind].verdicts.values(), key=lambda v: v.sample_id) for kind in order]
    chosen: dict[str, Verdict] = {}
    while len(chosen) < EXAMPLES_PER_CYCLE and any(queues):
        for queue in queues:
            fresh = next((v for v in queue if v.task_id not in chosen), None)
            queue[:] = [v for v in queue if v is not fresh] if fresh else []
            if fresh and len(chosen) < EXAMPLES_PER_CYCLE:
                chosen[fresh.task_id] = fresh
    wanted = {verdict.sample_id for verdict in chosen.values()}
    samples = {sample.sample_id: sample for sample in folder.stored(cycle) if sample.sample_id in wanted}
    return [
        (name, sample.form, answer(sample, verdict))
        for name, verdict in chosen.items()
        if (sample := samples.get(verdict.sample_id))
    ]


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
