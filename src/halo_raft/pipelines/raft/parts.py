"""How parts of a cycle's first samples fared: by the form in which they were asked, by where their tasks are from."""

from __future__ import annotations

from collections.abc import Callable

from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.records import VerdictKind
from halo_raft.store import RunFolder, StoredSample

Counts = dict[str, dict[str, int]]
"""Part -> `prompts`, `samples` and `passed`, further rounds and infra left out."""


def by_form(folder: RunFolder, cycle: int) -> Counts:
    """Return samples, and those that passed, by the form that their task was asked in."""
    return _by(folder, cycle, lambda sample: sample.form or "text")


def mixed_in(plan: RaftPlan, folder: RunFolder, cycle: int) -> Counts:
    """Return samples, and those that passed, of tasks that were mixed in, by where they are from."""
    return _by(folder, cycle, lambda sample: plan.mixed.get(sample.task_id)) if plan.mixed else {}


def _by(folder: RunFolder, cycle: int, part: Callable[[StoredSample], str | None]) -> Counts:
    """Count samples by part, those of no part, of further rounds, and infra left out."""
    parts = {s.sample_id: name for s in folder.stored(cycle) if s.round is None and (name := part(s))}
    found = {name: {"prompts": 0, "samples": 0, "passed": 0} for name in sorted(set(parts.values()))}
    prompts: set[tuple[str, str]] = set()
    for verdict in folder.each_verdict(cycle):
        if (name := parts.get(verdict.sample_id)) and verdict.kind is not VerdictKind.INFRA:
            found[name]["prompts"] += (name, verdict.task_id) not in prompts
            prompts.add((name, verdict.task_id))
            found[name]["samples"] += 1
            found[name]["passed"] += verdict.success
    return found
