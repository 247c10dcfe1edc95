"""How parts of a cycle's first samples fared: by the form in which they were asked, by where their tasks are from."""

from __future__ import annotations

from collections.abc import Callable

from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.records import VerdictKind
from halo_raft.store import RunFolder, StoredSample

Counts = dict[str, dict[str, int]]
"""Part -> `prompts`, `samples` and `passed`, further rounds and infra left out."""


def by_form(folder: RunFolder, cycle: int, samples: int) -> Counts:
    """Return the first `samples` of each task, and those that passed, by the form that their task was asked in."""
    return _by(folder, cycle, samples, lambda sample: sample.form or "text")


def mixed_in(plan: RaftPlan, folder: RunFolder, cycle: int, samples: int) -> Counts:
    """Return the first `samples` of each task that was mixed in, and those that passed, by where it is from."""
    return _by(folder, cycle, samples, lambda sample: plan.mixed.get(sample.task_id)) if plan.mixed else {}


def _by(folder: RunFolder, cycle: int, samples: int, part: Callable[[StoredSample], str | None]) -> Counts:
    """Count the first samples of each task by part, those of no part and infra left out.

    Later ones are of further rounds, which an interrupted cycle may have drawn before it counts.
    """
    parts = {s.sample_id: name for s in folder.stored(cycle) if s.index < samples and (name := part(s))}
    found = {name: {"prompts": 0, "samples": 0, "passed": 0} for name in sorted(set(parts.values()))}
    prompts: set[tuple[str, str]] = set()
    for verdict in folder.each_verdict(cycle):
        if (name := parts.get(verdict.sample_id)) and verdict.kind is not VerdictKind.INFRA:
            found[name]["prompts"] += (name, verdict.task_id) not in prompts
            prompts.add((name, verdict.task_id))
            found[name]["samples"] += 1
            found[name]["passed"] += verdict.success
    return found
