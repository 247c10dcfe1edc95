"""How sure a mean over tasks is, and whether two result sets on the same tasks differ.

The task is the unit that is resampled: samples of one task are not independent of each other, so
resampling samples would make every interval too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95
_Z = 1.959963984540054
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
        p_value: Two-sided; the chance of a difference this large if the two were interchangeable.
        tasks: Tasks in both result sets.
        tasks_left_out: Tasks in only one of them.
    """

    mean: float
    low: float
    high: float
    p_value: float
    tasks: int
    tasks_left_out: int

    @property
    def is_real(self) -> bool:
        """Whether chance is an unlikely reason: p below 5%, and an interval on one side of zero."""
        return self.p_value < 1 - LEVEL and (self.low > 0 or self.high < 0)


def bootstrap_interval(values: Sequence[float] | NDArray[np.float64], *, seed: int = 0) -> Interval:
    """Return the percentile bootstrap interval of the mean of `values`, one value a task.

    Where every task has the value 0, or every task the value 1, resampling shows no spread at all and
    would claim certainty; Wilson's interval over tasks stands in for it there.

    Args:
        values: One finite value a task.
        seed: Seed of the resampling; the same values and seed give the same interval.

    Returns:
        The 2.5% and 97.5% quantiles of the resampled means; NaN where there is no answer: no task, or
        a single task strictly between 0 and 1.

    Source:
        Efron & Tibshirani 1993, "An Introduction to the Bootstrap", ch. 13; Wilson 1927, JASA 22.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size and (np.all(data == 0) or np.all(data == 1)):
        margin = _Z**2 / (data.size + _Z**2)
        return Interval(0.0, margin) if data[0] == 0 else Interval(1 - margin, 1.0)
    if data.size < 2:
        return Interval(math.nan, math.nan)
    return _percentiles(_resampled_means(data, np.random.default_rng(seed)))


def paired_difference(base: Mapping[str, float], candidate: Mapping[str, float], *, seed: int = 0) -> Difference:
    """Compare two result sets task by task.

    The interval is the paired bootstrap's: tasks are resampled, their differences averaged. The p-value
    is that of the paired randomisation test (each task's difference flips its sign at random), which
    stays valid for the few tasks where bootstrap p-values are far too small.

    Args:
        base: A value per task id, such as its share of passed samples.
        candidate: The same of what is compared with it.
        seed: Seed of the resampling.

    Returns:
        The difference; NaN where fewer than two tasks are in both sets.

    Source:
        Efron & Tibshirani 1993, ch. 13 and 15; Dror et al. 2018, "The Hitchhiker's Guide to Testing
        Statistical Significance in Natural Language Processing".
    """
    shared = sorted(base.keys() & candidate.keys())
    left_out = len(base.keys() ^ candidate.keys())
    gaps = np.array([candidate[task] - base[task] for task in shared], dtype=np.float64)
    mean = float(gaps.mean()) if gaps.size else math.nan
    if gaps.size < 2:
        nan = math.nan
        return Difference(mean=mean, low=nan, high=nan, p_value=nan, tasks=gaps.size, tasks_left_out=left_out)
    rng = np.random.default_rng(seed)
    spread = _percentiles(_resampled_means(gaps, rng))
    return Difference(
        mean=mean,
        low=spread.low,
        high=spread.high,
        p_value=_sign_flip_p_value(gaps, rng),
        tasks=gaps.size,
        tasks_left_out=left_out,
    )


def _percentiles(means: NDArray[np.float64]) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _chunks(tasks: int) -> Iterator[int]:
    """Yield numbers of resamples that fit in memory together and add up to `RESAMPLES`."""
    step = max(1, _CHUNK_CELLS // tasks)
    for start in range(0, RESAMPLES, step):
        yield min(step, RESAMPLES - start)


def _resampled_means(data: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    size = data.size
    return np.concatenate([data[rng.integers(0, size, (rows, size))].mean(axis=1) for rows in _chunks(size)])


def _sign_flip_p_value(gaps: NDArray[np.float64], rng: np.random.Generator) -> float:
    observed = abs(gaps.sum()) - 1e-9
    extreme = 0
    for rows in _chunks(gaps.size):
        signs = rng.integers(0, 2, (rows, gaps.size), dtype=np.int8) * 2 - 1
        extreme += int(np.count_nonzero(np.abs(signs @ gaps) >= observed))
    # Adding one to both counts the observed data as one of the draws, so p is never 0.
    return (extreme + 1) / (RESAMPLES + 1)
