"""The stages of samples that a run draws: a cycle's training samples, and the held-out ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from halo_raft.curriculum import CyclePlan
from halo_raft.engines import Adapter
from halo_raft.pipelines.raft import heldout
from halo_raft.pipelines.raft.further import Round
from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.records import Sampling, Task
from halo_raft.sampling import Draft, Origin, Stage, draft_samples, request
from halo_raft.store import RunFolder


def training_drafts(
    plan: RaftPlan,
    cycle: CyclePlan,
    tasks: Mapping[str, Task],
    indices: Iterable[int],
    most: Mapping[str, int] | None = None,
) -> list[Draft]:
    """Return samples that see their task alone.

    Args:
        plan: The run.
        cycle: What the cycle does.
        tasks: The tasks to draw from.
        indices: Positions of a task's samples.
        most: Task id -> its samples, where not all have as many.
    """
    key, asked = _key(plan, cycle.cycle, "train"), plan.training
    return draft_samples(
        tasks.values(), indices, _sampling(plan, cycle), asked.wording, key, formats=asked.formats, most=most
    )


def further_drafts(plan: RaftPlan, cycle: CyclePlan, round_: Round, indices: Iterable[int]) -> list[Draft]:
    """Return samples that see more than their task, as a further round asks for them."""
    key, sampling = _key(plan, cycle.cycle, "train"), _sampling(plan, cycle)
    drafts = []
    for number, index in enumerate(indices):
        for task_id, chats in round_.asked.items():
            asked = chats[number % len(chats)]
            wanted = request(key, task_id, index, asked.chat, sampling)
            drafts.append(Draft(task_id, index, wanted, asked.form, round_.name, asked.of))
    return drafts


def training_stage(plan: RaftPlan, folder: RunFolder, cycle: CyclePlan, drafts: Iterable[Draft]) -> Stage:
    """Return training samples of a cycle as a stage, judged as the cycle's plan says."""
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


def _sampling(plan: RaftPlan, cycle: CyclePlan) -> Sampling:
    return replace(plan.training.sampling, temperature=cycle.temperature)


def adapter_of(plan: RaftPlan, folder: RunFolder, cycle: int) -> Adapter | None:
    """Return a cycle's adapter under a name and number that no other has; of cycle 0 what the run starts from."""
    if cycle == 0:
        return plan.compute.starting_adapter
    return Adapter(f"cycle-{cycle}", cycle + 1, str(folder.adapter_path(cycle)))


def _key(plan: RaftPlan, cycle: int, stage: str) -> tuple[object, ...]:
    """Return what tells the samples of a stage from all others."""
    return plan.fingerprint.of_samples, cycle, stage
