"""Selection: each step removes what it says, nothing depends on order, no cap is ever exceeded."""

import pickle
import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

import halo_raft.select
import halo_raft.variety
from halo_raft.config import SelectionConfig
from halo_raft.records import Sample, Task, Verdict, VerdictKind
from halo_raft.select import Pool
from halo_raft.store import JsonlWriter, stored_samples

TASKS = {f"t{n}": Task(task_id=f"t{n}", prompt="p", entry_point="f", test_list=("assert f() == 1",)) for n in range(4)}


def sample(number: int, task: str = "t0", code: str | None = None, finish: str = "stop") -> Sample:
    return Sample(
        sample_id=f"s{number:03d}",
        task_id=task,
        cycle=1,
        index=number,
        completion=code if code is not None else f"def f():\n    return {number}",
        prompt_token_ids=[1],
        token_ids=[1] * (10 + number),
        finish_reason=finish,
        model="m",
        sampling={},
    )


def verdict(of: Sample, reward: float | None = 1.0) -> Verdict:
    passed = reward == 1.0
    kind = VerdictKind.INFRA if reward is None else VerdictKind.PASSED if passed else VerdictKind.WRONG
    return Verdict(
        sample_id=of.sample_id, task_id=of.task_id, kind=kind, success=passed, reward=reward, tests_passed=0,
        tests_total=1, details="", integrity="outside", tier="A", cpu_s=0, wall_s=0, verifier="v", verifier_version="1",
    )  # fmt: skip


def config(**settings) -> SelectionConfig:
    return SelectionConfig(**{"reward_threshold": 0.5, "keep_top_percent": 1.0, "max_per_prompt": 100} | settings)


def chosen(samples, rewards, **settings):
    return Pool(samples, [verdict(s, r) for s, r in zip(samples, rewards, strict=True)], TASKS).select(
        config(**settings)
    )


def test_infra_truncated_and_failed_samples_are_left_out_and_counted():
    samples = [sample(1), sample(2), sample(3, finish="length"), sample(4)]
    selection = chosen(samples, [None, 0.0, 1.0, 1.0])
    assert [s.sample_id for s in selection.kept] == ["s004"]
    assert selection.removed["infra"] == 1
    assert selection.removed["truncated"] == 1
    assert selection.removed["below_threshold"] == 1


def test_the_same_program_in_other_words_is_kept_once_the_shortest():
    longer = sample(5, code='def f(value: int) -> int:\n    """Doc."""\n    result = value  # note\n    return result')
    shorter = sample(4, code="def f(x):\n    y = x\n    return y")
    other = sample(6, code="def f(x):\n    return x + 1")
    selection = chosen([longer, shorter, other], [1.0, 1.0, 1.0])
    assert {s.sample_id for s in selection.kept} == {"s004", "s006"}
    assert selection.removed["duplicate"] == 1


def test_of_equal_rewards_the_most_different_program_goes_next():
    first = sample(0, code="def f():\n    return sum([1, 2, 3])")
    twin = sample(1, code="def f():\n    return sum([1, 2, 4])")
    other = sample(2, code="def f():\n    total = 0\n    for i in range(4):\n        total += i\n    return total")
    selection = chosen([first, twin, other], [1.0, 1.0, 1.0], max_per_prompt=2)
    assert [s.sample_id for s in selection.kept] == ["s000", "s002"]
    assert [s.sample_id for s in chosen([first, twin, other], [1.0, 1.0, 0.6], max_per_prompt=2).kept] == [
        "s000",
        "s001",
    ]
    assert selection.prompts == 1


def test_every_prompt_gets_its_best_before_any_gets_its_second_and_rare_ones_go_first():
    easy = [sample(n, "t0") for n in range(4)]
    rare = [sample(10 + n, "t1") for n in range(4)]
    selection = chosen(easy + rare, [1.0] * 4 + [1.0, 0.0, 0.0, 0.0], keep_top_percent=0.4)
    assert [s.task_id for s in selection.kept] == ["t1", "t0"]


def test_min_samples_lowers_the_threshold_and_says_so_but_never_takes_zero_reward():
    samples = [sample(n) for n in range(4)]
    selection = chosen(samples, [0.3, 0.3, 0.0, 0.0], min_samples=4)
    assert len(selection.kept) == 2
    assert selection.threshold == 0.1
    assert chosen(samples, [0.3, 0.3, 0.0, 0.0], min_samples=2).threshold == 0.3
    assert chosen(samples, [0.3, 0.3, 0.0, 0.0]).kept == ()


def test_what_is_missing_comes_first_from_what_passed_and_no_more_than_is_missing():
    passed = [sample(n, f"t{n % 2}") for n in range(8)]
    failed = [sample(10 + n, f"t{n % 4}") for n in range(20)]
    rewards = [1.0] * 8 + [0.3] * 20
    settings = {"keep_top_percent": 0.5, "max_per_prompt": 4}
    assert {s.sample_id for s in chosen(passed + failed, rewards, **settings).kept} <= {s.sample_id for s in passed}
    more = chosen(passed + failed, rewards, min_samples=6, **settings)
    assert (len(more.kept), more.threshold) == (6, 0.5)
    most = chosen(passed + failed, rewards, min_samples=11, **settings)
    assert {s.sample_id for s in most.kept[:8]} == {s.sample_id for s in passed}
    assert (len(most.kept), most.threshold) == (11, 0.3)


@given(
    rows=st.lists(st.tuples(st.sampled_from(sorted(TASKS)), st.sampled_from([0.0, 0.1, 0.4, 0.6, 1.0])), max_size=30),
    share=st.floats(0.01, 1.0),
    cap=st.integers(1, 5),
    wanted=st.integers(0, 20),
)
def test_min_samples_takes_no_worse_sample_than_it_has_to(rows, share, cap, wanted):
    samples = [sample(n, task) for n, (task, _) in enumerate(rows)]
    rewards = {s.sample_id: reward for s, (_, reward) in zip(samples, rows, strict=True)}
    settings = {"keep_top_percent": share, "max_per_prompt": cap}
    plain = chosen(samples, list(rewards.values()), **settings)
    all_passed = chosen(samples, list(rewards.values()), max_per_prompt=cap)
    selection = chosen(samples, list(rewards.values()), min_samples=wanted, **settings)
    assert selection.kept[: len(plain.kept)] == plain.kept
    assert len(selection.kept) <= max(wanted, len(plain.kept))
    if below := [s for s in selection.kept if rewards[s.sample_id] < 0.5]:
        assert {s.sample_id for s in all_passed.kept} <= {s.sample_id for s in selection.kept}
        assert [rewards[s.sample_id] for s in below] == sorted((rewards[s.sample_id] for s in below), reverse=True)
    assert len(selection.kept) + sum(selection.removed.values()) == len(samples)


@given(
    rows=st.lists(st.tuples(st.sampled_from(sorted(TASKS)), st.sampled_from([None, 0.0, 0.2, 0.5, 1.0])), max_size=40),
    threshold=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    share=st.floats(0.01, 1.0),
    cap=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_caps_hold_and_order_does_not_matter(rows, threshold, share, cap, seed):
    samples = [sample(n, task) for n, (task, _) in enumerate(rows)]
    rewards = {s.sample_id: reward for s, (_, reward) in zip(samples, rows, strict=True)}
    settings = {"reward_threshold": threshold, "keep_top_percent": share, "max_per_prompt": cap}
    first = chosen(samples, [rewards[s.sample_id] for s in samples], **settings)
    shuffled = random.Random(seed).sample(samples, len(samples))
    second = chosen(shuffled, [rewards[s.sample_id] for s in shuffled], **settings)
    assert first == second
    per_task = [sum(s.task_id == task for s in first.kept) for task in TASKS]
    assert max(per_task) <= cap
    assert all(rewards[s.sample_id] is not None and rewards[s.sample_id] >= threshold for s in first.kept)
    assert len(first.kept) + sum(first.removed.values()) == len(samples)


ROWS = st.lists(
    st.tuples(st.sampled_from(sorted(TASKS)), st.sampled_from([None, 0.0, 0.5, 1.0]), st.booleans(), st.integers(0, 9)),
    max_size=40,
)


@given(rows=ROWS, cap=st.integers(1, 5), seed=st.integers(0, 1000))
def test_the_control_arm_keeps_as_many_at_random_whatever_the_reward(rows, cap, seed):
    samples = [
        sample(n, task, f"def f():\n    return {number}", "length" if cut else "stop")
        for n, (task, _, cut, number) in enumerate(rows)
    ]
    verdicts = [verdict(s, reward) for s, (_, reward, _, _) in zip(samples, rows, strict=True)]
    settings = config(max_per_prompt=cap)
    count = len(Pool(samples, verdicts, TASKS).select(settings).kept)
    control = Pool(samples, verdicts, TASKS).select_at_random(settings, count=count, seed=seed)
    assert len(control.kept) == count, "there are always enough: RAFT draws from the same pool under the same cap"
    assert len(control.kept) + sum(control.removed.values()) == len(samples)
    assert all(not s.truncated for s in control.kept)
    assert max(sum(s.task_id == task for s in control.kept) for task in TASKS) <= cap
    turned = [verdict(s, None if v.reward is None else 1.0 - v.reward) for s, v in zip(samples, verdicts, strict=True)]
    again = Pool(samples, turned, TASKS).select_at_random(settings, count=count, seed=seed)
    assert control.kept == again.kept, "the verifier decides how many, never which"
    shuffled = random.Random(seed).sample(samples, len(samples))
    assert Pool(shuffled, verdicts, TASKS).select_at_random(settings, count=count, seed=seed) == control


@given(rows=ROWS, cap=st.integers(1, 5), share=st.floats(0.01, 1.0), wanted=st.integers(0, 20), data=st.data())
def test_a_pool_chooses_as_if_what_is_left_out_had_never_been_there(rows, cap, share, wanted, data):
    samples = [
        sample(n, task, f"def f():\n    return {number}", "length" if cut else "stop")
        for n, (task, _, cut, number) in enumerate(rows)
    ]
    verdicts = [verdict(s, reward) for s, (_, reward, _, _) in zip(samples, rows, strict=True)]
    settings = config(max_per_prompt=cap, keep_top_percent=share, min_samples=wanted)
    pool, out = Pool(samples, verdicts, TASKS), set()
    for _ in range(3):
        selection = pool.select(settings, left_out=out)
        assert selection == Pool([s for s in samples if s.sample_id not in out], verdicts, TASKS).select(settings)
        if selection.kept:
            out |= {s.sample_id for s in data.draw(st.lists(st.sampled_from(selection.kept)))}
    at_random = pool.select_at_random(settings, count=3, seed=1)
    assert at_random == Pool(samples, verdicts, TASKS).select_at_random(settings, count=3, seed=1)


def test_a_pool_looks_at_each_program_once_however_often_it_is_chosen_from(monkeypatch):
    looked = []
    real = halo_raft.select.normalised_program
    monkeypatch.setattr(
        halo_raft.select, "normalised_program", lambda code, task, form: looked.append(code) or real(code, task, form)
    )
    samples = [sample(n, code=f"def f():\n    return {n % 5}") for n in range(20)]
    pool = Pool(samples, [verdict(s, 1.0 if s.index < 10 else 0.0) for s in samples], TASKS)
    for left_out in ((), {"s000"}, {"s000", "s006"}):
        pool.select(config(), left_out)
    assert len(looked) == 5, "the five different ones above the threshold"


def test_samples_on_disk_are_chosen_from_as_those_in_memory_and_by_other_processes_as_by_this_one(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(halo_raft.select, "PROGRAMS_PER_JOB", 5)
    monkeypatch.setattr(halo_raft.variety, "PROGRAMS_PER_JOB", 5)
    samples = [
        sample(n, f"t{n % 4}", f"def f():\n    return {n % 9} + {n % 3}", "length" if n % 7 == 0 else "stop")
        for n in range(80)
    ]
    verdicts = [verdict(s, (1.0, 0.6, 0.0)[s.index % 3]) for s in samples]
    with JsonlWriter(tmp_path / "s.jsonl") as writer:
        writer.append(samples)
    jobs = []

    def spread(function, some):
        for job in some:
            jobs.append(job)
            yield pickle.loads(pickle.dumps(function(pickle.loads(pickle.dumps(job)))))

    here = Pool(samples, verdicts, TASKS)
    there = Pool(stored_samples(tmp_path / "s.jsonl"), verdicts, TASKS, spread)
    settings = config(max_per_prompt=3)
    for left_out in ((), {"s001", "s002"}):
        expected, found = here.select(settings, left_out), there.select(settings, left_out)
        assert [s.sample_id for s in found.kept] == [s.sample_id for s in expected.kept]
        assert (found.removed, found.threshold) == (expected.removed, expected.threshold)
    assert len(jobs) == 4, "one a task; what changed then is looked at here"
    assert here.unique_ratio == there.unique_ratio


def test_the_share_of_distinct_programs_is_of_what_passed_in_the_last_cycle():
    samples = [replace(sample(n, code=f"def f(x{n}):\n    return {n % 2}"), cycle=1 + (n > 3)) for n in range(10)]
    pool = Pool(samples, [verdict(s, 0.0 if s.index == 9 else 1.0) for s in samples], TASKS)
    assert pool.unique_ratio is None, "nobody looked at a program yet"
    pool.select(config())
    assert pool.unique_ratio == 2 / 5
    assert Pool([], [], TASKS).unique_ratio is None


def test_another_seed_draws_others():
    samples = [sample(n) for n in range(20)]
    verdicts = [verdict(s, 1.0 if n < 5 else 0.0) for n, s in enumerate(samples)]
    drawn = [Pool(samples, verdicts, TASKS).select_at_random(config(), count=5, seed=seed).kept for seed in range(5)]
    assert len({tuple(s.sample_id for s in kept) for kept in drawn}) == 5


def test_what_is_left_out_of_earlier_cycles_is_told_apart():
    samples = [replace(sample(n), cycle=1 if n < 3 else 2) for n in range(5)]
    selection = chosen(samples, [0.0, 0.0, 1.0, 0.0, 1.0])
    assert selection.removed["below_threshold"] == 3
    assert selection.earlier["below_threshold"] == 2
    assert Pool(samples, [verdict(s) for s in samples], TASKS).select_at_random(config(), count=1, seed=0).earlier[
        "not_drawn"
    ] in (2, 3)
