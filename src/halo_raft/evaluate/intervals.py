"""How sure a mean over tasks is, and whether two result sets on the same tasks differ.

The task is the unit that is resampled: samples of one task are not independent of each other, so
resampling samples would make every interval too narrow. Where there are several training runs, the run is
a second such unit: an interval that resamples tasks alone says nothing of what another seed would give.

Intervals are `scipy.stats`'s. Its `permutation_test` gives our p-values too, within their own noise, but calls
back for each batch and took 14 times as long (0.53 s for 500 tasks), and a report has dozens; and it cannot
look at several candidates at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95
_Z2 = 1.959964**2
"""Square of the normal quantile that belongs to `LEVEL`."""
_CHUNK_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95% interval, in the unit of the values it was made from."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a candidate differs from a base on the tasks that both were judged on.

    Attributes:
        mean: Candidate minus base, mean over tasks: 0.02 is two points.
        low: Lower end of the 95% interval of `mean`.
        high: Upper end of it.
        p_value: Two-sided; the chance that the largest of `chosen_among` differences is this large if none
            of the candidates differed from the base.
        tasks: Tasks in both result sets.
        tasks_left_out: Tasks in only one of them.
        chosen_among: Candidates that this one was the best of; `mean` and its interval do not know of the others.
        runs: Training runs of each side; from 2, the interval is over them too, the p-value over tasks alone.
    """

    mean: float
    low: float
    high: float
    p_value: float
    tasks: int
    tasks_left_out: int
    chosen_among: int = 1
    runs: int = 1

    @property
    def is_real(self) -> bool:
        """Whether chance is an unlikely reason: p below 5%, and an interval on one side of zero."""
        return self.p_value < 1 - LEVEL and (self.low > 0 or self.high < 0)


def bootstrap_interval(values: Sequence[float] | NDArray[np.float64], *, seed: int = 0) -> Interval:
    """Return the percentile bootstrap interval of the mean of `values`, one value a task.

    Where all tasks have the same value, or there is but one, resampling shows no spread at all and would
    claim certainty. There the share of tasks that may be otherwise, though none was seen, makes the
    interval: Wilson's bound for 0 of n, which for the values 0 and 1 is Wilson's interval itself.

    Args:
        values: One value in [0, 1] a task; with a column a training run, where there are several.
        seed: Seed of the resampling; the same values and seed give the same interval.

    Returns:
        The 2.5% and 97.5% quantiles of the resampled means; NaN where there is no task.

    Source:
        Efron & Tibshirani 1993, "An Introduction to the Bootstrap", ch. 13; Wilson 1927, JASA 22; for tasks
        and runs at once Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1.
    """
    return _interval(np.asarray(values, dtype=np.float64), np.random.default_rng(seed), least=0.0)


def paired_difference(
    base: Mapping[str, float | Sequence[float]],
    candidate: Mapping[str, float | Sequence[float]],
    *,
    others: Sequence[Mapping[str, float | Sequence[float]]] = (),
    seed: int = 0,
) -> Difference:
    """Compare two result sets task by task.

    The interval is the paired bootstrap's: tasks are resampled, their differences averaged. The p-value
    is that of the paired randomisation test (each task's difference flips its sign at random), which
    stays valid for the few tasks where bootstrap p-values are far too small. Of several candidates a
    task's differences flip together, and the largest mean counts (max-T): the best of five is beaten
    by chance more often than one that was named before.

    Args:
        base: A value in [0, 1] per task id: its share of passed samples; one a training run, where there are several.
        candidate: The same of what is compared with it.
        others: Those that the candidate was chosen from as the best, without itself.
        seed: Seed of the resampling.

    Returns:
        The difference; NaN where fewer than two tasks are in both sets.

    Source:
        Efron & Tibshirani 1993, ch. 13 and 15; Dror et al. 2018, "The Hitchhiker's Guide to Testing
        Statistical Significance in Natural Language Processing"; Westfall & Young 1993, "Resampling-Based
        Multiple Testing", ch. 2.
    """
    shared = sorted(base.keys() & candidate.keys())
    gaps = np.array([np.subtract(candidate[task], base[task]) for task in shared], dtype=np.float64)
    rng = np.random.default_rng(seed)
    spread = _interval(gaps, rng, least=-1.0)
    by_task = gaps.mean(axis=1) if gaps.ndim == 2 else gaps
    # a task that another candidate lacks says nothing of it, so its difference there is 0
    rivals = [[np.mean(other.get(task, base[task])) - np.mean(base[task]) for task in shared] for other in others]
    return Difference(
        mean=float(gaps.mean()) if shared else math.nan,
        low=spread.low,
        high=spread.high,
        p_value=_sign_flip_p_value(np.column_stack([by_task, *rivals]), rng) if len(shared) > 1 else math.nan,
        tasks=len(shared),
        tasks_left_out=len(base.keys() ^ candidate.keys()),
        chosen_among=1 + len(others),
        runs=gaps.shape[1] if gaps.ndim == 2 else 1,
    )


def _interval(data: NDArray[np.float64], rng: np.random.Generator, *, least: float) -> Interval:
    """Return the interval of the mean of values from `least` to 1: tasks, or tasks and runs, are drawn anew."""
    from scipy import stats  # takes a second

    if not len(data):
        return Interval(math.nan, math.nan)
    if np.ptp(data) < 1e-9:
        value, unseen = float(data.flat[0]), _Z2 / (len(data) + _Z2)
        return Interval(value - unseen * (value - least), value + unseen * (1 - value))
    if data.ndim == 2:
        tasks, runs = data.shape
        drawn = rng.multinomial(tasks, np.full(tasks, 1 / tasks), RESAMPLES) @ data
        means = (drawn * rng.multinomial(runs, np.full(runs, 1 / runs), RESAMPLES)).sum(axis=1) / data.size
        low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    else:
        low, high = stats.bootstrap(
            (data,), np.mean, n_resamples=RESAMPLES, confidence_level=LEVEL, method="percentile", rng=rng,
            batch=max(1, _CHUNK_CELLS // data.size),
        ).confidence_interval  # fmt: skip
    return Interval(float(low), float(high))


def _sign_flip_p_value(gaps: NDArray[np.float64], rng: np.random.Generator) -> float:
    """Return how often the largest mean of all columns is at least the first one's; one row a task."""
    tasks = len(gaps)
    observed = abs(gaps[:, 0].sum()) - 1e-9
    extreme, step = 0, max(1, _CHUNK_CELLS // tasks)
    for start in range(0, RESAMPLES, step):
        signs = rng.integers(0, 2, (min(step, RESAMPLES - start), tasks), dtype=np.int8) * 2 - 1
        extreme += int(np.count_nonzero(np.abs(signs @ gaps).max(axis=1) >= observed))
    # Adding one to both counts the observed data as one of the draws, so p is never 0.
    return (extreme + 1) / (RESAMPLES + 1)
