"""Unbiased pass@k of single tasks. Averages over tasks and their uncertainty are in `outcomes`.

Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", arXiv:2107.03374, eq. 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the chance that at least one of k samples drawn from the n passes: 1 - C(n-c, k) / C(n, k).

    The binomials are exact integers and the only rounding is that of one division, so the value is
    the closest float at any n and c.

    Args:
        n: Samples judged.
        c: Samples that passed, at most n.
        k: Samples drawn without replacement, at least 1.

    Returns:
        A probability in [0, 1]; NaN when n < k, where no unbiased estimate exists.

    Raises:
        ValueError: k < 1, or c is not within 0..n.
    """
    if k < 1 or not 0 <= c <= n:
        raise ValueError(f"pass@k needs k >= 1 and 0 <= c <= n, not n={n}, c={c}, k={k}")
    if n < k:
        return math.nan
    draws = math.comb(n, k)
    return (draws - math.comb(n - c, k)) / draws


def pass_at_k_per_task(counts: Iterable[tuple[int, int]], k: int) -> NDArray[np.float64]:
    """Return pass@k of each task, in order.

    Args:
        counts: (samples judged, samples passed) of each task.
        k: Samples drawn.

    Returns:
        One value a task, NaN for tasks with fewer than k samples.
    """
    return np.array([pass_at_k(n, c, k) for n, c in counts], dtype=np.float64)
