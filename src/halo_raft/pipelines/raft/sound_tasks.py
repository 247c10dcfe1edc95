"""A run's tasks without the broken ones: those that its verifiers cannot judge fairly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from halo_raft.judging.referee import Judge
from halo_raft.judging.validation import broken_tasks, tell, without
from halo_raft.pipelines.raft.plan import Plan, tasks_by_id, verifier_options
from halo_raft.sampling.session import Session
from halo_raft.tasks import TaskSet
from halo_raft.terminal import console

Broken = Mapping[str, Mapping[str, str]]
"""`train` and `heldout` -> task_id -> reason."""


def broken_of(plan: Plan, session: Session) -> Broken:
    """Validate the training tasks with each verifier of the run, and the held-out ones with theirs."""
    console.say("Validating tasks...")
    return {
        "train": _broken(plan, plan.train, plan.verifiers, session),
        "heldout": _broken(plan, plan.heldout, (plan.heldout_verifier,), session) if plan.heldout else {},
    }


def without_broken(plan: Plan, broken: Broken) -> Plan:
    """Return the plan with sound tasks alone, naming the others; what it is tied to stays as it was.

    Raises:
        DataError: No task is left.
    """
    for reasons in broken.values():
        tell(reasons)
    heldout = without(plan.heldout, broken["heldout"]) if plan.heldout else None
    return replace(plan, train=without(plan.train, broken["train"]), heldout=heldout)


def _broken(plan: Plan, task_set: TaskSet, names: tuple[str | None, ...], session: Session) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in dict.fromkeys(filter(None, names)):
        judge = Judge(name, verifier_options(plan.config), tasks_by_id(task_set))
        found = broken_tasks(judge, workers=session.workers_for) | found
    return found
