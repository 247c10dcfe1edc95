import math
from dataclasses import replace

import pytest

from halo_raft.records import CycleStats
from halo_raft.tracking import Candidate, registered_name
from halo_raft.tracking.candidate import refusal

GOOD = Candidate(
    base_model="org/tiny", kept=40, heldout_tasks="abc", measure="pass_at_1", mean=0.5, low=0.4, high=0.6, base_mean=0.4
)


@pytest.mark.parametrize(
    ("base_model", "name"),
    [
        ("builtin:smollm2-135m", "halo-raft-builtin-smollm2-135m"),
        ("Qwen/Qwen2.5-Coder-7B", "halo-raft-Qwen-Qwen2.5-Coder-7B"),
        ("/models/my model/", "halo-raft-models-my-model"),
    ],
)
def test_each_base_model_has_a_registered_model_of_its_own(base_model, name):
    assert registered_name(base_model) == name


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"heldout_tasks": ""}, "was not measured on held-out tasks"),
        ({"mean": math.nan}, "was not measured on held-out tasks"),
        ({"kept": 3}, "trained on 3 kept samples"),
        ({"mean": 0.39}, "worse than its base model"),
    ],
)
@pytest.mark.parametrize("champion", [None, GOOD])
def test_what_was_not_measured_kept_nothing_or_fell_is_never_champion(change, reason, champion):
    assert reason in refusal(replace(GOOD, **change), champion)


def test_the_first_that_was_measured_is_champion_also_without_a_base_to_compare_with():
    assert refusal(GOOD, None) is None
    assert refusal(replace(GOOD, base_mean=math.nan), None) is None


@pytest.mark.parametrize(("mean", "becomes"), [(0.49, False), (0.5, True), (0.51, True)])
def test_only_one_that_is_no_worse_on_the_same_tasks_takes_its_place(mean, becomes):
    refused = refusal(replace(GOOD, mean=mean), GOOD)
    assert refused is None if becomes else "worse than the champion (49.0% against 50.0%)" in refused


@pytest.mark.parametrize("other", [{"heldout_tasks": "xyz"}, {"measure": "greedy"}])
def test_what_cannot_be_compared_changes_nothing(other):
    assert "not measured on the same" in refusal(replace(GOOD, mean=0.9, **other), GOOD)
    assert "not measured on the same" in refusal(GOOD, Candidate()), "of which nothing is known"


def test_tags_say_all_of_it():
    assert Candidate.from_tags(GOOD.tags | {"cycle": "3"}) == GOOD
    assert Candidate.from_tags({"cycle": "3", "pass_at_1": "0.5"}) == Candidate()
    assert Candidate.from_tags(GOOD.tags | {"mean": "high"}) == Candidate()


def test_a_candidate_is_what_its_run_measured_sampled_before_greedy():
    rates = {"pass_at_1": {"mean": 0.5, "low": 0.4, "high": 0.6}, "greedy": {"mean": 0.9, "low": 0.8, "high": 1.0}}
    known = {"base_model": "org/tiny", "heldout_tasks": "abc"}
    base = CycleStats(cycle=0, heldout={"pass_at_1": {"mean": 0.4}, "greedy": {"mean": 0.7}})
    assert Candidate.of(CycleStats(cycle=2, kept=40, heldout=rates), base, **known) == GOOD
    greedy = Candidate.of(CycleStats(cycle=2, heldout={"greedy": rates["greedy"]}), base, **known)
    assert (greedy.measure, greedy.mean, greedy.base_mean) == ("greedy", 0.9, 0.7)
    unmeasured = Candidate.of(CycleStats(cycle=2, kept=40), None, **known)
    assert math.isnan(unmeasured.mean) and math.isnan(unmeasured.base_mean)
