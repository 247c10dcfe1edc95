import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halo_raft.evaluate import bootstrap_interval, intervals, paired_difference

shares = st.lists(st.floats(0, 1), min_size=2, max_size=30)


@settings(max_examples=30, deadline=None)
@given(shares)
def test_interval_surrounds_the_mean_within_the_data(values):
    interval = bootstrap_interval(values)
    assert interval.low - 1e-9 <= np.mean(values) <= interval.high + 1e-9
    assert 0 <= interval.low <= interval.high <= 1


def test_interval_depends_on_the_seed_alone():
    values = np.random.default_rng(0).random(20)
    assert bootstrap_interval(values, seed=7) == bootstrap_interval(values, seed=7)
    assert bootstrap_interval(values, seed=7) != bootstrap_interval(values, seed=8)


def test_interval_matches_the_normal_approximation_on_many_tasks():
    values = np.random.default_rng(1).random(2000)
    interval = bootstrap_interval(values)
    half = 1.96 * values.std() / math.sqrt(values.size)
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.05)


def test_interval_covers_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(3)
    hits = 0
    for trial in range(200):
        interval = bootstrap_interval(rng.binomial(4, 0.3, 100) / 4, seed=trial)
        hits += interval.low <= 0.3 <= interval.high
    assert 180 <= hits <= 199


def test_memory_chunks_do_not_lose_resamples(monkeypatch):
    monkeypatch.setattr(intervals, "_CHUNK_CELLS", 1000)
    assert sum(intervals._chunks(7)) == intervals.RESAMPLES
    assert sum(intervals._chunks(5000)) == intervals.RESAMPLES


def test_all_failed_or_all_passed_is_not_certainty():
    none, every = bootstrap_interval([0.0] * 20), bootstrap_interval([1.0] * 20)
    assert none.low == 0 and none.high == pytest.approx(0.161, abs=1e-3)
    assert every.high == 1 and every.low == pytest.approx(1 - none.high)


@pytest.mark.parametrize("values", [[], [0.5]])
def test_no_interval_without_spread(values):
    assert math.isnan(bootstrap_interval(values).low)


def results(values):
    return {f"t{i}": value for i, value in enumerate(values)}


def test_a_clear_gain_is_significant():
    base = np.random.default_rng(0).random(100) * 0.5
    difference = paired_difference(results(base), results(base + 0.2))
    assert difference.mean == pytest.approx(0.2)
    assert difference.low > 0 and difference.p_value < 0.001
    assert difference.tasks == 100 and difference.tasks_left_out == 0


def test_a_loss_is_negative_and_mirrors_the_gain():
    base, other = results([0, 0.5, 0.25, 1, 0.5]), results([0.5, 1, 0.25, 1, 0.75])
    gain, loss = paired_difference(base, other), paired_difference(other, base)
    assert loss.mean == -gain.mean < 0
    assert loss.p_value == gain.p_value


def test_no_difference_has_p_one():
    difference = paired_difference(results([0, 1, 0.5]), results([0, 1, 0.5]))
    assert (difference.mean, difference.low, difference.high, difference.p_value) == (0, 0, 0, 1)


def test_two_tasks_cannot_be_significant():
    # Of the four sign flips of two equal gains, two are as extreme: p = 0.5.
    assert paired_difference(results([0, 0]), results([1, 1])).p_value == pytest.approx(0.5, abs=0.03)


def test_false_alarms_are_about_5_in_100():
    rng = np.random.default_rng(5)
    alarms = 0
    for trial in range(200):
        base, other = rng.binomial(4, 0.4, (2, 40)) / 4
        alarms += paired_difference(results(base), results(other), seed=trial).p_value < 0.05
    assert alarms <= 20


def test_tasks_of_one_set_only_are_left_out_and_counted():
    difference = paired_difference({"a": 0, "b": 0, "c": 1}, {"b": 1, "c": 1, "d": 1, "e": 0})
    assert (difference.tasks, difference.tasks_left_out, difference.mean) == (2, 3, 0.5)


def test_nothing_shared_is_nan():
    difference = paired_difference({"a": 1}, {"b": 1})
    assert math.isnan(difference.mean) and math.isnan(difference.p_value) and difference.tasks == 0
