"""Rates and differences as people read them, on the console, pages and cards alike."""

from __future__ import annotations

import math

from halo_raft.evaluate.intervals import Difference
from halo_raft.records import PassRate


def rate_text(rate: PassRate) -> str:
    """Return `34.2% [30.1, 38.0]`; a dash for a rate that does not exist."""
    return "-" if math.isnan(rate.mean) else f"{rate.mean:.1%} [{rate.low * 100:.1f}, {rate.high * 100:.1f}]"


def difference_text(difference: Difference) -> str:
    """Return `+4.1 points [+1.0, +7.2]`."""
    return f"{difference.mean * 100:+.1f} points [{difference.low * 100:+.1f}, {difference.high * 100:+.1f}]"


def p_text(difference: Difference) -> str:
    """Return `p = 0.031 (120 tasks, paired)`, and among how many it was chosen, and over how many runs it is."""
    among = f", corrected for the best of {difference.chosen_among}" if difference.chosen_among > 1 else ""
    runs = f" in {difference.runs} training runs" if difference.runs > 1 else ""
    return f"p = {difference.p_value:.3f} ({difference.tasks} tasks{runs}, paired{among})"


def odds_text(difference: Difference) -> str:
    """Return what the p-value means in a few words: `could be chance: about 1 in 10`."""
    if math.isnan(difference.p_value):
        return "too few tasks to tell from chance"
    often = _often(difference)
    return "most likely chance" if often == "most" else f"{_whether(difference)}: {often}"


def chance_text(difference: Difference) -> str:
    """Say it in a sentence: `could be chance: about 1 in 10 comparisons of equally good models show as much`."""
    if math.isnan(difference.p_value):
        return odds_text(difference)
    chosen = f" by the best of {difference.chosen_among}" if difference.chosen_among > 1 else ""
    seen = f"{_often(difference)} comparisons of equally good models show as much{chosen}"
    return f"{_whether(difference)}: {seen}"


def _whether(difference: Difference) -> str:
    return "hardly chance" if difference.is_real else "could be chance"


def _often(difference: Difference) -> str:
    """Return among how many comparisons of equally good models one shows as much."""
    odds = 1 / difference.p_value
    shown = f"{odds:.0f}" if odds < 20 else f"{round(odds, -1):.0f}"
    return "most" if odds < 1.5 else f"about 1 in {shown}" if odds < 1000 else "fewer than 1 in 1,000"
