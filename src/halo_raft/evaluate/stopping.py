"""Which cycle was best, and whether another one is worth its time.

Source of the rule: the RAFT guide's "When to Stop": stop when a cycle gains less than two points, or
when the pass rate falls.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

_EPSILON = 1e-9


def best_cycle(history: Mapping[int, float]) -> int | None:
    """Return the cycle with the highest held-out pass@1; of equals, the earliest.

    Args:
        history: Held-out pass@1 in [0, 1] by cycle; 0 is the base model. NaN entries are ignored.

    Returns:
        The cycle, or None when nothing was measured.
    """
    measured = _measured(history)
    return max(measured, key=lambda entry: (entry[1], -entry[0]))[0] if measured else None


def should_stop(history: Mapping[int, float], min_gain: float, patience: int) -> str | None:
    """Return why to stop after the last cycle of `history`, or None to go on.

    A cycle's gain is its pass@1 less that of the measured cycle before it. A fall stops at once; gains
    below `min_gain` stop when there were `patience` of them in a row.

    Args:
        history: Held-out pass@1 in [0, 1] by cycle; 0 is the base model. NaN entries are ignored.
        min_gain: The least gain worth a cycle: 0.02 is two points.
        patience: Cycles in a row that may stay under it, 0 to never stop.

    Returns:
        One line that begins with `Stop here` or `Diminishing returns`.
    """
    measured = _measured(history)
    if patience < 1 or len(measured) < 2:
        return None
    (_, before), (cycle, now) = measured[-2:]
    if now < before:
        return (
            f"Stop here: held-out pass@1 fell by {_points(before - now)} in cycle {cycle} ({before:.1%} -> {now:.1%})"
        )
    gains = [later - earlier for (_, earlier), (_, later) in itertools.pairwise(measured)]
    recent = gains[-patience:]
    if len(recent) < patience or any(gain >= min_gain - _EPSILON for gain in recent):
        return None
    span = f"in cycle {cycle}" if patience == 1 else f"in each of the last {patience} cycles"
    return (
        f"Diminishing returns: held-out pass@1 gained less than {_points(min_gain)} {span} "
        f"(cycle {cycle}: {now:.1%}, {now - before:+.1%})"
    )


def _measured(history: Mapping[int, float]) -> list[tuple[int, float]]:
    return sorted((cycle, rate) for cycle, rate in history.items() if not math.isnan(rate))


def _points(share: float) -> str:
    return f"{share * 100:.1f} points"
