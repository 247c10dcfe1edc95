"""From verdicts to pass rates: what counts, what is left out, and the mean over tasks.

Infra verdicts are failures of ours, not of the model: they are left out of every rate and counted.
A task with nothing but infra verdicts is left out as a whole and counted too.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from halo_raft.evaluate.intervals import Difference, bootstrap_interval, paired_difference
from halo_raft.evaluate.passk import pass_at_k_per_task
from halo_raft.records import PassRate, Verdict, VerdictKind


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOutcome:
    """The verdicts of one task, counted.

    Attributes:
        samples: Samples judged, infra left out; at least 1.
        passed: Samples that passed, of `samples`.
    """

    task_id: str
    samples: int
    passed: int

    @property
    def pass_rate(self) -> float:
        """Share of the judged samples that passed; equals pass@1."""
        return self.passed / self.samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """The verdicts of a result set, counted per task in order of first appearance.

    Attributes:
        tasks: Tasks with at least one judged sample.
        infra_samples: Samples left out because we failed to judge them.
        infra_tasks: Tasks left out because no sample of theirs was judged.
    """

    tasks: tuple[TaskOutcome, ...]
    infra_samples: int
    infra_tasks: int

    @property
    def samples(self) -> int:
        """Samples judged, over all tasks."""
        return sum(task.samples for task in self.tasks)


def tally(verdicts: Iterable[Verdict]) -> Outcomes:
    """Count verdicts per task."""
    judged: dict[str, int] = {}
    passed: dict[str, int] = {}
    infra = 0
    for verdict in verdicts:
        is_infra, task_id = verdict.kind is VerdictKind.INFRA, sys.intern(verdict.task_id)  # of cycles, the same
        infra += is_infra
        judged[task_id] = judged.get(task_id, 0) + (not is_infra)
        passed[task_id] = passed.get(task_id, 0) + (verdict.success and not is_infra)
    tasks = tuple(TaskOutcome(task_id=t, samples=n, passed=passed[t]) for t, n in judged.items() if n)
    return Outcomes(tasks=tasks, infra_samples=infra, infra_tasks=len(judged) - len(tasks))


def pass_at_k_rate(outcomes: Outcomes, k: int, *, seed: int = 0) -> PassRate:
    """Return pass@k as a mean over tasks.

    Tasks with fewer than k judged samples have no pass@k and are left out: compare `tasks` of the
    result with `len(outcomes.tasks)`. `samples` counts the samples of the tasks that are in.

    Returns:
        The rate; mean, low and high are NaN when no task is left.
    """
    return _rate([task for task in outcomes.tasks if task.samples >= k], k, seed)


def pass_rates(verdicts: Iterable[Verdict], *, seed: int = 0) -> PassRate:
    """Return pass@1 of a result set: the mean over tasks of the share of samples that passed."""
    return pass_at_k_rate(tally(verdicts), 1, seed=seed)


def compare(base: Outcomes, candidate: Outcomes, *, k: int = 1, seed: int = 0) -> Difference:
    """Return how pass@k of `candidate` differs from that of `base`, paired by task."""
    return paired_difference(_by_task(base, k), _by_task(candidate, k), seed=seed)


def compare_best(base: Outcomes, cycles: Mapping[int, Outcomes], best: int, *, k: int = 1, seed: int = 0) -> Difference:
    """Return how the cycle `best`, chosen from all `cycles`, differs from the base; `p_value` counts the choice."""
    values = {cycle: _by_task(outcomes, k) for cycle, outcomes in cycles.items()}
    chosen = values.pop(best)
    return paired_difference(_by_task(base, k), chosen, others=tuple(values.values()), seed=seed)


def _by_task(outcomes: Outcomes, k: int) -> dict[str, float]:
    tasks = [task for task in outcomes.tasks if task.samples >= k]
    values = pass_at_k_per_task(((task.samples, task.passed) for task in tasks), k)
    return {task.task_id: float(value) for task, value in zip(tasks, values, strict=True)}


def _rate(tasks: Sequence[TaskOutcome], k: int, seed: int) -> PassRate:
    values = pass_at_k_per_task(((task.samples, task.passed) for task in tasks), k)
    interval = bootstrap_interval(values, seed=seed)
    return PassRate(
        mean=float(np.mean(values)) if tasks else math.nan,
        low=interval.low,
        high=interval.high,
        tasks=len(tasks),
        samples=sum(task.samples for task in tasks),
    )
