import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_raft.evaluate import best_cycle, should_stop

GUIDE = {1: 0.342, 2: 0.421, 3: 0.485, 4: 0.512, 5: 0.521, 6: 0.518}


def until(cycle):
    return {c: rate for c, rate in GUIDE.items() if c <= cycle}


@pytest.mark.parametrize("cycle", [1, 2, 3, 4])
def test_goes_on_while_the_guide_does(cycle):
    assert should_stop(until(cycle), 0.02, 1) is None


def test_says_the_guides_words():
    assert should_stop(until(5), 0.02, 1) == (
        "Diminishing returns: held-out pass@1 gained less than 2.0 points in cycle 5 (cycle 5: 52.1%, +0.9%)"
    )
    assert should_stop(until(6), 0.02, 2) == "Stop here: held-out pass@1 fell by 0.3 points in cycle 6 (52.1% -> 51.8%)"


def test_patience_counts_small_gains_in_a_row():
    history = {0: 0.10, 1: 0.11, 2: 0.20, 3: 0.21}
    assert should_stop(history, 0.02, 2) is None
    reason = should_stop(history | {4: 0.215}, 0.02, 2)
    assert reason is not None and "gained less than 2.0 points in the last 2 cycles (cycle 4: 21.5%, +1.5%)" in reason
    assert should_stop(history | {4: 0.22}, 0.02, 2) is None, "two points within two cycles"


def test_patience_sits_out_a_fall():
    history = {0: 0.066, 1: 0.095, 2: 0.080}
    assert should_stop(history, 0.02, 1) == "Stop here: held-out pass@1 fell by 1.5 points in cycle 2 (9.5% -> 8.0%)"
    assert should_stop(history, 0.02, 2) is None
    assert should_stop(history | {3: 0.12}, 0.02, 2) is None
    assert should_stop(history | {3: 0.1}, 0.02, 2) is not None


def test_too_short_a_history_goes_on():
    assert should_stop({}, 0.02, 1) is None
    assert should_stop({0: 0.1}, 0.02, 1) is None
    assert should_stop({0: 0.1, 1: 0.1}, 0.02, 2) is None


def test_a_gain_of_just_min_gain_goes_on():
    assert should_stop({0: 0.34, 1: 0.36}, 0.02, 1) is None


def test_unmeasured_cycles_are_skipped():
    assert should_stop({0: 0.1, 1: math.nan, 2: 0.2, 3: math.nan}, 0.02, 1) is None
    assert best_cycle({0: math.nan, 1: 0.1, 2: math.nan}) == 1


@given(st.dictionaries(st.integers(0, 50), st.floats(0, 1)))
def test_patience_zero_never_stops(history):
    assert should_stop(history, 0.02, 0) is None


@given(st.dictionaries(st.integers(0, 20), st.sampled_from([0.1, 0.2, 0.3])))
def test_best_is_the_earliest_of_the_highest(history):
    best = best_cycle(history)
    if best is None:
        assert not history
    else:
        assert best == min(c for c, rate in history.items() if rate == max(history.values()))
