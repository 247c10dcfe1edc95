"""Which cycle was best, and whether another one is worth its time.

Source of the rule: the RAFT guide's "When to Stop": stop when a cycle gains less than two points, or
when the pass rate falls.
"""

from __future__ import annotations

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


def should_stop(
    history: Mapping[int, float], min_gain: float, patience: int, what: str = "held-out pass@1"
) -> str | None:
    """Return why to stop after the last cycle of `history`, or None to go on.

    The end has come when pass@1 has not risen by `min_gain` in `patience` cycles. With a patience of 1
    that is the guide's rule; on few held-out tasks a fall is often chance, and a longer one sits it out.

    Args:
        history: Held-out pass@1 in [0, 1] by cycle; 0 is the base model. NaN entries are ignored.
        min_gain: The least gain worth it: 0.02 is two points.
        patience: Cycles that it may take, 0 to never stop.
        what: What `history` holds, in words.

    Returns:
        One line that begins with `Stop here` where the last cycle fell, else with `Diminishing returns`.
    """
    measured = _measured(history)
    if patience < 1 or len(measured) < 2:
        return None
    _, mark = measured[0]
    waited = 0
    for _, rate in measured[1:]:
        risen = rate >= mark + min_gain - _EPSILON
        mark, waited = (rate, 0) if risen else (mark, waited + 1)
    if waited < patience:
        return None
    (_, before), (cycle, now) = measured[-2:]
    if now < before:
        return f"Stop here: {what} fell by {_points(before - now)} in cycle {cycle} ({before:.1%} -> {now:.1%})"
    span = f"in cycle {cycle}" if waited == 1 else f"in the last {waited} cycles"
    return (
        f"Diminishing returns: {what} gained less than {_points(min_gain)} {span} "
        f"(cycle {cycle}: {now:.1%}, {now - mark:+.1%})"
    )


def _measured(history: Mapping[int, float]) -> list[tuple[int, float]]:
    return sorted((cycle, rate) for cycle, rate in history.items() if not math.isnan(rate))


def _points(share: float) -> str:
    return f"{share * 100:.1f} points"
