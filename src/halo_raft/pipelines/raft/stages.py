"""The stages of samples that a run draws: a cycle's training samples, and the held-out ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from halo_raft.curriculum import CyclePlan
from halo_raft.engines import Adapter
from halo_raft.pipelines.raft import heldout
from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.records import Task
from halo_raft.sampling import Origin, Stage, draft_samples
from halo_raft.store import RunFolder


def training_stage(
    plan: RaftPlan, folder: RunFolder, cycle: CyclePlan, tasks: Mapping[str, Task], indices: Iterable[int]
) -> Stage:
    """Return samples of training tasks, drawn and judged as the cycle's plan says.

    Args:
        plan: The run.
        folder: Its folder.
        cycle: What the cycle does.
        tasks: The tasks to draw from.
        indices: Positions of a task's samples.
    """
    sampling = replace(plan.training.sampling, temperature=cycle.temperature)
    drafts = draft_samples(tasks.values(), indices, sampling, plan.training.wording, _key(plan, cycle.cycle, "train"))
    judged = replace(plan.training, policy=plan.policies[cycle.cycle - 1])
    origin = Origin(cycle.cycle, plan.config.model.name, adapter_of(plan, folder, cycle.cycle - 1))
    number = cycle.cycle
    return judged.stage(origin, drafts, folder.samples_path(number), folder.verdicts_path(number))


def heldout_stage(plan: RaftPlan, folder: RunFolder, cycle: int) -> Stage:
    """Return the held-out samples of a cycle's adapter; cycle 0 is the model before the first cycle."""
    assert plan.heldout is not None
    key = _key(plan, cycle, heldout.STAGE)
    drafts = heldout.drafts(plan.heldout, greedy=plan.config.heldout.greedy, key=key)
    origin = Origin(cycle, plan.config.model.name, adapter_of(plan, folder, cycle))
    paths = folder.samples_path(cycle, heldout.STAGE), folder.verdicts_path(cycle, heldout.STAGE)
    return plan.heldout.stage(origin, drafts, *paths)


def adapter_of(plan: RaftPlan, folder: RunFolder, cycle: int) -> Adapter | None:
    """Return a cycle's adapter under a name and number that no other has; of cycle 0 what the run starts from."""
    if cycle == 0:
        return plan.compute.starting_adapter
    return Adapter(f"cycle-{cycle}", cycle + 1, str(folder.adapter_path(cycle)))


def _key(plan: RaftPlan, cycle: int, stage: str) -> tuple[object, ...]:
    """Return what tells the samples of a stage from all others."""
    return plan.fingerprint.of_samples, cycle, stage
