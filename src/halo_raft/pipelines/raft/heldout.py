"""How good a cycle's model is on the held-out tasks: what is drawn, and the rates that follow from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from halo_raft import evaluate
from halo_raft.records import CycleStats
from halo_raft.report.gather import heldout_outcomes
from halo_raft.sampling import Draft, SamplingPlan, draft_samples
from halo_raft.store import RunFolder

STAGE = "heldout"
"""Name of the stage in the run folder."""


def drafts(plan: SamplingPlan, *, greedy: bool, key: tuple[object, ...]) -> list[Draft]:
    """Return what is drawn of each held-out task: some samples, and one greedily where that is asked for."""
    tasks, indices = plan.tasks.tasks, range(plan.samples_per_prompt)
    drawn = draft_samples(tasks, indices, plan.sampling, plan.wording, key)
    if greedy:
        drawn += draft_samples(
            tasks, [evaluate.GREEDY_INDEX], replace(plan.sampling, temperature=0.0), plan.wording, key
        )
    return drawn


def rates(folder: RunFolder, cycle: int, samples: int) -> dict[str, dict[str, float]]:
    """Return pass@1, pass@n and greedy pass@1 of a cycle, each with its interval.

    Args:
        folder: The run's.
        cycle: From 1; 0 is the base model.
        samples: Samples drawn of each task.
    """
    measured = heldout_outcomes(folder, cycle).rates((1, samples))
    return {name: rate.to_dict() for name, rate in measured.items()}


def by_cycle(history: Iterable[CycleStats]) -> dict[int, float]:
    """Return held-out pass@1 by cycle: sampled where it was measured, else greedy."""
    return {cycle: rate["mean"] for cycle, rate in first_rates(history).items()}


def first_rates(history: Iterable[CycleStats]) -> dict[int, dict[str, float]]:
    """Return the same with its interval."""
    measured = {s.cycle: s.heldout.get("pass_at_1") or s.heldout.get("greedy") for s in history}
    return {cycle: rate for cycle, rate in measured.items() if rate}


def below_base(history: Iterable[CycleStats], cycle: int) -> bool:
    """Return whether a cycle is worse than the base model, where both were measured."""
    measured = by_cycle(history)
    return 0 in measured and measured.get(cycle, 1.0) < measured[0]


def gain(folder: RunFolder, cycles: Iterable[int], best: int) -> evaluate.Difference | None:
    """Compare the best of the cycles with the base model, paired by task; None where one was not measured."""
    measured = {n: outcomes for n in (0, *cycles) if (outcomes := heldout_outcomes(folder, n).compared)}
    base = measured.pop(0, None)
    return evaluate.compare_best(base, measured, best) if base and best in measured else None
