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
    values = np.random.default_rng(4).random(30)
    whole = bootstrap_interval(values)
    monkeypatch.setattr(intervals, "_CHUNK_CELLS", 1000)
    assert bootstrap_interval(values).low == pytest.approx(whole.low)
    assert paired_difference(results(values), results(values)).p_value == 1, "every resample is as large as no gap"


def test_all_failed_or_all_passed_is_not_certainty():
    none, every = bootstrap_interval([0.0] * 20), bootstrap_interval([1.0] * 20)
    assert none.low == 0 and none.high == pytest.approx(0.161, abs=1e-3)
    assert every.high == 1 and every.low == pytest.approx(1 - none.high)


def test_a_single_task_and_equal_tasks_are_not_certainty():
    single, few, many = (bootstrap_interval([0.5] * tasks) for tasks in (1, 4, 400))
    assert 0 < single.low < few.low < many.low < 0.5 < many.high < few.high < single.high < 1
    assert bootstrap_interval([0.5, 0.5 + 1e-12, 0.5, 0.5]) == few, "what rounding leaves is no spread"
    assert bootstrap_interval([1.0]).low == pytest.approx(0.207, abs=1e-3), "Wilson's for 1 of 1"
    assert math.isnan(bootstrap_interval([]).low)


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
    assert (difference.mean, difference.p_value) == (0, 1) and difference.low == -difference.high < 0
    more = paired_difference(results([0] * 100), results([0] * 100))
    assert (more.low, more.high) == (pytest.approx(-0.037, abs=1e-3), pytest.approx(0.037, abs=1e-3))
    alone = paired_difference({"a": 0}, {"a": 1})
    assert alone.low < 0 < alone.high == 1 and not alone.is_real


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


def test_an_interval_over_training_runs_is_as_wide_as_they_differ():
    tasks = np.random.default_rng(6).random(100)
    alike, apart = np.column_stack([tasks, tasks, tasks]), np.column_stack([tasks - 0.1, tasks, tasks + 0.1])
    single, same, wide = (bootstrap_interval(values) for values in (tasks, alike, apart))
    assert same.high - same.low == pytest.approx(single.high - single.low, rel=0.05)
    assert wide.high - wide.low > 1.5 * (same.high - same.low)


def test_a_gain_that_one_of_three_runs_made_is_not_one_of_training_though_tasks_agree():
    base = {f"t{i}": (0.2, 0.2, 0.2) for i in range(60)}
    difference = paired_difference(base, {task: (0.5, 0.2, 0.2) for task in base})
    assert (difference.runs, difference.tasks, difference.mean) == (3, 60, pytest.approx(0.1))
    assert difference.low <= 0 < difference.high and difference.p_value < 0.01 and not difference.is_real


def test_the_best_of_several_is_real_no_more_often_than_one_where_nothing_differs(monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 500)
    rng, named, chosen = np.random.default_rng(1), 0, 0
    for trial in range(400):
        rate = rng.beta(0.5, 1, 100)
        base, *cycles = (results(rng.binomial(4, rate) / 4) for _ in range(6))
        best, *others = sorted(cycles, key=lambda cycle: -sum(cycle.values()))
        alone = paired_difference(base, best, seed=trial)
        corrected = paired_difference(base, best, others=others, seed=trial)
        assert (corrected.mean, corrected.low, corrected.chosen_among) == (alone.mean, alone.low, 5)
        named += alone.is_real and alone.mean > 0
        chosen += corrected.is_real and corrected.mean > 0
    assert named >= 20, "5 in 100 and more, where 2.5 are meant: else this test shows nothing"
    assert chosen <= 16, "2.5 in 100 and what chance adds in 400 trials"


def test_a_clear_gain_stays_one_among_five_and_one_candidate_needs_no_correction():
    rng = np.random.default_rng(2)
    base = rng.random(100) * 0.5
    best, others = results(base + 0.2), [results(base + rng.normal(0, 0.1, 100)) for _ in range(4)]
    assert paired_difference(results(base), best, others=others).p_value < 0.001
    assert paired_difference(results(base), others[0]) == paired_difference(results(base), others[0], others=())


def test_tasks_that_another_candidate_lacks_do_not_hinder_the_comparison():
    difference = paired_difference({"a": 0, "b": 0, "c": 0}, {"a": 1, "b": 1, "c": 1}, others=[{"a": 1}, {}])
    assert (difference.tasks, difference.mean, difference.chosen_among) == (3, 1, 3)
