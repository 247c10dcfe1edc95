"""Curricula are pure: what a cycle does follows from the config and what earlier cycles measured."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_raft.config import CurriculumConfig, CycleConfig, RaftConfig, load
from halo_raft.curriculum import (
    CyclePlan,
    PastCycle,
    allotted,
    choose_tasks,
    partial_credit,
    plan_cycle,
    second_round,
    settings_of,
    shaped,
)
from halo_raft.records import Task, Verdict, VerdictKind

TASKS = [Task(task_id=f"t{n}", prompt="p", solution="x " * length) for n, length in enumerate((40, 10, 30, 20))]
"""From easy to hard: t1, t3, t2, t0."""


def verdicts(task: str, passed: int, samples: int) -> list[Verdict]:
    return [
        Verdict(
            sample_id=f"{task}/{n}", task_id=task, kind=VerdictKind.PASSED if n < passed else VerdictKind.WRONG,
            success=n < passed, reward=1.0 if n < passed else 0.3, tests_passed=0, tests_total=1, details="",
            integrity="outside", tier="A", cpu_s=0, wall_s=0, verifier="v", verifier_version="1",
        )
        for n in range(samples)
    ]  # fmt: skip


def past(**rates: int) -> PastCycle:
    """A cycle of four samples a task, so many of which passed."""
    return PastCycle.of([v for task, passed in rates.items() for v in verdicts(task, passed, 4)])


def strategy(name: str, **settings) -> CurriculumConfig:
    return CurriculumConfig.model_validate({"strategy": name, **settings})


def test_complexity_begins_with_the_easiest_and_ends_with_all():
    config = strategy("complexity", start_share=0.5, step=0.25)
    chosen = [choose_tasks(config, TASKS, [past()] * done, 0) for done in range(3)]
    assert chosen == [["t1", "t3"], ["t1", "t2", "t3"], None]


def test_adaptive_adds_when_it_goes_well_and_takes_back_when_not():
    config = strategy("adaptive", start_share=0.5, step=0.25, target_pass_rate=0.5)
    well, badly = past(t1=3), past(t1=1)
    sizes = [len(choose_tasks(config, TASKS, cycles, 0) or TASKS) for cycles in ([], [well], [well, badly], [badly])]
    assert sizes == [2, 3, 2, 2]
    assert choose_tasks(config, TASKS, [well, well], 0) is None


def test_historical_leaves_out_what_is_solved_and_most_of_what_never_was():
    config = strategy("historical", explore=0.5)
    assert choose_tasks(config, TASKS, [], 0) is None
    chosen = choose_tasks(config, TASKS, [past(t0=0, t1=4, t2=2, t3=0)], 0)
    assert chosen is not None and "t2" in chosen and "t1" not in chosen
    assert len({"t0", "t3"} & set(chosen)) == 1
    assert "t1" in (choose_tasks(config, TASKS, [past(t1=4), past(t1=3)], 0) or ["t1"]), "it failed since"


@pytest.mark.parametrize("name", ["none", "progressive"])
def test_other_strategies_draw_every_prompt(name):
    assert choose_tasks(strategy(name), TASKS, [past(t0=0)], 0) is None


@given(
    name=st.sampled_from(["none", "complexity", "adaptive", "historical"]),
    passes=st.lists(st.dictionaries(st.sampled_from(["t0", "t1", "t2", "t3"]), st.integers(0, 4)), max_size=4),
    seed=st.integers(0, 99),
)
def test_the_choice_is_never_empty_and_does_not_depend_on_the_order_of_tasks(name, passes, seed):
    cycles = [past(**rates) for rates in passes]
    chosen = choose_tasks(strategy(name), TASKS, cycles, seed)
    shuffled = choose_tasks(strategy(name), random.Random(seed).sample(TASKS, len(TASKS)), cycles, seed)
    assert chosen is None or (0 < len(chosen) < len(TASKS) and chosen == sorted(chosen))
    assert (chosen is None) == (shuffled is None) and set(chosen or ()) == set(shuffled or ())


@pytest.mark.parametrize(
    ("shaping", "factors"),
    [("fixed", [1, 1, 1, 1]), ("warmup", [2, 2, 1, 1]), ("annealing", [2, 1, 0, 0])],
)
def test_shaping_by_cycle(shaping, factors):
    config = CurriculumConfig(reward_shaping=shaping, shaping_cycles=2)
    assert [partial_credit(config, cycle, 0.5) for cycle in (1, 2, 3, 4)] == factors


def test_adaptive_shaping_follows_the_pass_rate():
    config = CurriculumConfig(reward_shaping="adaptive", target_pass_rate=0.4)
    assert [partial_credit(config, 2, rate) for rate in (None, 0.0, 0.2, 0.4, 0.9)] == [2, 2, 1, 0, 0]


@given(reward=st.floats(0, 0.99), factor=st.floats(0, 2))
def test_no_shaping_makes_a_failure_a_success_or_touches_one(reward, factor):
    passed, failed = verdicts("t", 1, 2)
    assert shaped(passed, factor) == passed
    changed = shaped(Verdict.from_dict(failed.to_dict() | {"reward": reward}), factor)
    assert changed.reward is not None and 0 <= changed.reward < 1


def test_infra_has_no_reward_to_shape():
    infra = Verdict.from_dict(verdicts("t", 0, 1)[0].to_dict() | {"kind": VerdictKind.INFRA, "reward": None})
    assert shaped(infra, 2) == infra
    assert PastCycle.of([infra]).pass_rate == 0


def test_a_second_round_goes_to_prompts_that_pass_now_and_then():
    rows = [v for task, passed in (("never", 0), ("rare", 1), ("often", 2), ("always", 8)) for v in
            verdicts(task, passed, 8)]  # fmt: skip
    assert second_round(rows, 0.25) == ["often", "rare"]
    assert second_round(rows, 0.125) == ["rare"]


def test_settings_of_a_cycle_come_from_its_entry_then_from_the_run():
    config = load(RaftConfig, None, ["sampling.temperatures=[0.4, 0.8]", "training.learning_rate=1e-4", "lr_decay=0.5"])
    config = config.model_copy(
        update={"cycles": (CycleConfig(), CycleConfig(reward_threshold=0.3, run_after_compile=True), CycleConfig())}
    )
    first, second, third = (settings_of(config, n, "gcc") for n in (1, 2, 3))
    assert (first.temperature, second.temperature, third.temperature) == (0.4, 0.8, 0.8)
    assert (first.reward_threshold, second.reward_threshold) == (config.selection.reward_threshold, 0.3)
    assert (first.run_after_compile, second.run_after_compile) == (False, True)
    assert [p.learning_rate for p in (first, second, third)] == [1e-4, 5e-5, 2.5e-5]


def test_a_plan_survives_the_disk():
    config = load(RaftConfig, None, ["curriculum_strategy=complexity", "reward_shaping=warmup"])
    plan = plan_cycle(config, 1, "mbpp", TASKS, [])
    assert plan.task_ids == ["t1", "t3"] and plan.partial_credit == 2
    assert CyclePlan.from_dict(plan.to_dict()) == plan


def cycle_of(**outcomes: tuple[int, int]) -> PastCycle:
    """A cycle in which so many of so many samples of each task passed; the others earned nothing."""
    samples = {task: drawn for task, (_, drawn) in outcomes.items()}
    passed = {task: n for task, (n, _) in outcomes.items() if n}
    return PastCycle(samples=samples, passed=passed, credit={task: float(n) for task, n in passed.items()})


def test_samples_go_where_a_pass_is_rare_but_not_hopeless():
    found = allotted(
        ["never", "rare", "half", "always"], [cycle_of(never=(0, 8), rare=(2, 8), half=(4, 8), always=(8, 8))], 8
    )
    assert sum(found.values()) == 32
    assert found["rare"] > found["half"] > 8 > found["never"] >= found.get("always", 0)
    assert max(found.values()) <= 32


def test_what_failed_in_four_cycles_rests_and_its_samples_go_to_others():
    cycles = [cycle_of(never=(0, 4), late=(0, 4), some=(1, 4)) for _ in range(3)]
    last = cycle_of(never=(0, 4), late=(1, 4), some=(1, 4))
    found = allotted(["never", "late", "some", "new"], [*cycles, last], 4)
    assert "never" not in found and sum(found.values()) == 16
    assert "never" in allotted(["never", "some"], cycles, 8), "three are not four"
    assert allotted(["never"], [cycle_of(never=(0, 4))] * 4, 4) == {"never": 4}, "nobody is there to get them"


def test_where_nothing_tells_prompts_apart_all_get_as_many():
    assert allotted(["a", "b"], [cycle_of(a=(0, 4), b=(0, 4))], 4) == {"a": 4, "b": 4}
    assert allotted(["a", "b"], [cycle_of(a=(4, 4), b=(4, 4))], 4) == {"a": 4, "b": 4}


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30),
    st.integers(1, 9),
    st.integers(1, 5),
    st.randoms(),
)
def test_the_total_stays_and_the_order_of_the_prompts_changes_nothing(outcomes, per_prompt, cycles, rng):
    rows = {f"t{n}": (min(pair), max(pair)) for n, pair in enumerate(outcomes) if max(pair)}
    past_cycles, ids = [cycle_of(**rows)] * cycles, [f"t{n}" for n in range(len(outcomes))]
    found = allotted(ids, past_cycles, per_prompt)
    assert sum(found.values()) == per_prompt * len(ids)
    assert min(found.values()) > 0
    rng.shuffle(ids)
    assert allotted(ids, past_cycles, per_prompt) == found


def test_a_plan_names_the_samples_of_each_prompt_from_cycle_2_on():
    config = load(RaftConfig, None, ["sampling.allot=posterior", "sampling.samples_per_prompt=4"])
    assert plan_cycle(config, 1, "mbpp", TASKS, []).samples is None
    second = plan_cycle(config, 2, "mbpp", TASKS, [past(t0=1, t1=4, t2=0, t3=2)])
    assert second.samples is not None and sum(second.samples.values()) == 16
    assert second.task_ids == [t.task_id for t in TASKS if t.task_id in second.samples]
    assert CyclePlan.from_dict(second.to_dict()) == second


def test_almost_solved_goes_by_what_was_earned():
    config = strategy("almost", start_share=0.25, step=0.25)
    assert choose_tasks(config, TASKS, [], 0) == ["t1"], "the easiest, while nothing is known"
    cycle = PastCycle(
        samples=dict.fromkeys(("t0", "t1", "t3"), 4),
        passed={"t1": 4, "t0": 0},
        credit={"t0": 0.4, "t1": 4.0, "t3": 0.0},
    )
    assert choose_tasks(config, TASKS, [cycle], 0) == ["t0", "t2"], "partial credit, then what is new"
    assert choose_tasks(config, TASKS, [cycle] * 2, 0) == ["t0", "t2", "t3"], "what is always solved comes last"


def test_credit_is_counted_of_failures_too():
    assert past(t0=1).credit["t0"] == pytest.approx(1.0 + 3 * 0.3)


def test_a_cycle_that_allots_its_samples_has_the_pass_rate_of_one_that_does_not():
    allotted_by_need = PastCycle.of([*verdicts("t0", 9, 12), *verdicts("t1", 1, 4), *verdicts("t2", 0, 1)])
    assert allotted_by_need.pass_rate == pytest.approx((3 / 4 + 1 / 4 + 0) / 3)
    assert past(t0=3, t1=1, t2=0).pass_rate == pytest.approx(allotted_by_need.pass_rate)
    assert PastCycle.of([]).pass_rate == 0.0
