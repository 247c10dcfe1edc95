"""A run's tasks without the broken ones: those that its verifiers cannot judge fairly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from halo_raft.judging import JudgingPolicy, beyond_us, broken_tasks, without
from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.sampling import Session
from halo_raft.tasks import TaskSet
from halo_raft.terminal import console
from halo_raft.terminal.progress import programs_tried

Broken = Mapping[str, Mapping[str, str]]
"""`train` and `heldout` -> task_id -> reason."""


def broken_of(plan: RaftPlan, session: Session) -> Broken:
    """Validate the training tasks by each policy of the run, and the held-out ones by theirs."""
    console.say("Validating tasks...")
    heldout = plan.heldout
    return {
        "train": _broken(plan.training.tasks, plan.policies, session),
        "heldout": _broken(heldout.tasks, [heldout.policy], session) if heldout else {},
    }


def without_broken(plan: RaftPlan, broken: Broken) -> RaftPlan:
    """Return the plan with sound tasks alone, naming the others; what it is tied to stays as it was.

    Raises:
        DataError: No task is left.
    """
    for reasons in broken.values():
        console.listed(reasons, "is left out")
    heldout = without(plan.heldout.tasks, broken["heldout"]) if plan.heldout else None
    return plan.on_tasks(without(plan.training.tasks, broken["train"]), heldout)


def _broken(task_set: TaskSet, policies: Iterable[JudgingPolicy], session: Session) -> dict[str, str]:
    found: dict[str, str] = {}
    for policy in {policy.verifier: policy for policy in policies}.values():
        found = (
            broken_tasks(policy, task_set.by_id, workers=session.workers_for, show=programs_tried)
            | beyond_us(policy, task_set.by_id)
            | found
        )
    return found
