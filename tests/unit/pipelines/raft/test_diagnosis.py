"""A run that taught nothing says so, and why."""

from __future__ import annotations

import re

import pytest

from halo_raft.config import RaftConfig
from halo_raft.pipelines.raft.diagnosis import MENDS, diagnoses, nothing_kept, taught_nothing
from halo_raft.records import CycleStats, VerdictKind


def cycle(number=1, **changes):
    """A cycle that nothing is wrong with, but for what is changed."""
    kinds = {"passed": 40, "wrong": 50, "runtime": 10}
    good = {"samples": 100, "passed": 40, "kinds": kinds, "kept": 40, "loss_last": 0.5, "truncated": 5}
    return CycleStats(**(good | {"cycle": number} | changes))


def said(stats, before=None):
    return diagnoses(stats, before, RaftConfig())


def test_a_good_cycle_is_not_talked_down():
    assert said(cycle()) == said(cycle(2, loss_last=0.51), cycle()) == []
    assert not taught_nothing([CycleStats(cycle=0), cycle()])


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"passed": 0, "kinds": {"wrong": 100}}, "none of 100 samples passed.*easier tasks"),
        ({"kept": 9}, "9 samples are too few.*selection.reward_threshold"),
        ({"replayed": 40}, "only repeats old winners.*sampling.temperature"),
        ({"truncated": 34}, r"34 of 100 answers were cut off: raise sampling.max_new_tokens \(now \d+\)"),
        ({"kinds": {"passed": 40, "timeout": 60}}, "60 of 100 verdicts are timeout: raise sandbox.cpu_s"),
        ({"kinds": {"passed": 49, "infra": 51}}, "51 of 100 verdicts are infra.*info --check"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_mend(changes, line):
    (found,) = said(cycle(**changes))
    assert re.search(line, found) and "\n" not in found


@pytest.mark.parametrize("changes", [{"truncated": 33}, {"kept": 10}, {"kinds": {"passed": 50, "timeout": 50}}])
def test_the_borders_are_those_that_are_written(changes):
    assert said(cycle(**changes)) == []


def test_a_loss_that_rises_from_cycle_to_cycle():
    (found,) = said(cycle(2, loss_last=0.6), cycle(1))
    assert "rose from 0.500 to 0.600" in found
    assert said(cycle(2, loss_last=None), cycle(1)) == []


@pytest.mark.parametrize(("after", "lines"), [(0.26, 0), (0.24, 1), (0.20, 1)])
def test_a_loss_that_rises_is_no_fault_where_held_out_tasks_say_better(after, lines):
    held = [{"pass_at_1": {"mean": value, "tasks": 120}} for value in (0.24, after)]
    assert len(said(cycle(2, loss_last=0.6, heldout=held[1]), cycle(1, heldout=held[0]))) == lines


def test_every_way_to_fail_has_a_mend():
    assert set(MENDS) == set(VerdictKind) - {VerdictKind.PASSED, VerdictKind.WRONG}


@pytest.mark.parametrize("changes", [{"kept": 9}, {"replayed": 35}])
def test_a_run_without_anything_of_its_own_to_learn_taught_nothing(changes):
    assert taught_nothing([CycleStats(cycle=0), cycle(1, **changes), cycle(2, **changes)])
    assert not taught_nothing([cycle(1, **changes), cycle(2)])


@pytest.mark.parametrize(
    ("removed", "mend"),
    [
        ({"infra": 0, "truncated": 4, "below_threshold": 1}, "raise sampling.max_new_tokens (now 1024)"),
        ({"infra": 5, "truncated": 4}, "see logs/raft.log"),
        ({"infra": 0, "truncated": 1, "below_threshold": 4}, "lower selection.reward_threshold"),
        ({"truncated": 1, "below_threshold": 3, "over_hinted_share": 1}, "set selection.max_hinted_share=1"),
    ],
)
def test_where_nothing_is_kept_the_mend_is_that_of_what_took_most(removed, mend):
    config = RaftConfig.model_validate({"sampling": {"max_new_tokens": 1024}})
    text = nothing_kept(1, removed, 5, config)
    assert text.startswith("cycle 1: none of 5 samples can be trained on (") and mend in text
    assert (text.count("reward_threshold") == 0) == ("reward_threshold" not in mend)


def test_a_threshold_that_cannot_be_lowered_is_not_to_be_lowered():
    lowest = RaftConfig.model_validate({"selection": {"reward_threshold": 0.0}})
    assert diagnoses(cycle(kept=4), None, lowest) == [
        "4 samples are too few to learn from: raise sampling.samples_per_prompt"
    ]
    (line,) = said(cycle(kept=4))
    assert "lower selection.reward_threshold, or raise" in line
