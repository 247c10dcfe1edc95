import math

import pytest

from halo_raft.evaluate import compare, compare_best, pass_at_k_rate, pass_rates, tally
from halo_raft.records import Verdict


def verdict(task_id, kind):
    return Verdict(
        sample_id="s",
        task_id=task_id,
        kind=kind,
        success=kind == "passed",
        reward=None if kind == "infra" else float(kind == "passed"),
        tests_passed=0,
        tests_total=1,
        details="",
        integrity="outside",
        tier="bwrap",
        cpu_s=0.0,
        wall_s=0.0,
        verifier="python",
        verifier_version="1",
    )


def verdicts(**kinds):
    return [verdict(task, kind) for task, row in kinds.items() for kind in row.split()]


def test_mean_is_over_tasks_not_samples():
    rate = pass_rates(verdicts(a="passed passed passed passed", b="wrong"))
    assert (rate.mean, rate.tasks, rate.samples) == (0.5, 2, 5)
    assert rate.low <= 0.5 <= rate.high


def test_infra_is_left_out_and_counted():
    outcomes = tally(verdicts(a="passed infra", b="infra infra", c="timeout wrong"))
    assert [(t.task_id, t.samples, t.passed) for t in outcomes.tasks] == [("a", 1, 1), ("c", 2, 0)]
    assert (outcomes.infra_samples, outcomes.infra_tasks, outcomes.samples) == (3, 1, 3)
    assert pass_at_k_rate(outcomes, 1).mean == 0.5


def test_nothing_judged_is_nan():
    rate = pass_rates(verdicts(a="infra"))
    assert math.isnan(rate.mean) and (rate.tasks, rate.samples) == (0, 0)


def test_tasks_with_fewer_than_k_samples_are_left_out():
    outcomes = tally(verdicts(a="passed wrong", b="passed infra"))
    rate = pass_at_k_rate(outcomes, 2)
    assert (rate.mean, rate.tasks, rate.samples) == (1.0, 1, 2)
    assert math.isnan(pass_at_k_rate(outcomes, 3).mean)


def test_interval_does_not_depend_on_a_global_state():
    rows = verdicts(a="passed wrong", b="wrong", c="passed", d="wrong passed passed")
    assert pass_rates(rows, seed=3) == pass_rates(iter(rows), seed=3)


def test_compare_pairs_by_task():
    base = tally(verdicts(a="wrong wrong", b="wrong passed", c="infra"))
    better = tally(verdicts(b="passed passed", a="wrong passed", c="passed"))
    difference = compare(base, better)
    assert (difference.mean, difference.tasks, difference.tasks_left_out) == (pytest.approx(0.5), 2, 1)
    assert compare(base, better, k=2).mean == pytest.approx(0.5)


def test_the_best_cycle_is_compared_by_its_own_gain_with_a_p_value_that_knows_of_the_others():
    tasks = "abcdefgh"
    base = tally(verdicts(**{task: "wrong" for task in tasks}))
    cycles = {
        n: tally(verdicts(**{task: "passed" if i < 2 * n else "wrong" for i, task in enumerate(tasks)}))
        for n in (1, 2, 3)
    }
    best = compare_best(base, cycles, 3)
    assert (best.mean, best.chosen_among) == (compare(base, cycles[3]).mean, 3)
    assert compare_best(base, {3: cycles[3]}, 3) == compare(base, cycles[3])
