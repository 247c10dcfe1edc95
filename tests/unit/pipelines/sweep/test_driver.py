from __future__ import annotations

from collections import Counter

import pytest

from halo_raft.config import RaftConfig, with_values
from halo_raft.pipelines.sweep.driver import Driver
from halo_raft.pipelines.sweep.trial import TrialJob

from .conftest import FakeRunner


def rate(config, cycle):
    return config.sampling.temperature * cycle / 10


@pytest.fixture
def drive(open_study, tmp_path, capsys):
    """Runs a driver over the journal's study; returns the study and what was told of."""

    def make_job(asked):
        config = RaftConfig(output_dir=tmp_path / f"trial_{asked.number}")
        return TrialJob(asked.number, with_values(config, asked.values, "sweep.space"), tmp_path)

    def run(runner, **options):
        study_options = {k: options.pop(k) for k in list(options) if k not in ("clock", "time_budget_s")}
        study, told = open_study(**study_options), []
        Driver(study, make_job, runner, told.append, **options).run()
        return study, told

    return run


def test_the_study_ends_with_its_trials_and_their_values(drive):
    study, told = drive(FakeRunner(rate))
    assert told == list(range(6))
    for trial in study.ended():
        assert trial.state == "complete"
        assert trial.values == pytest.approx((trial.settings["sampling.temperature"] * 0.2,))
        assert trial.facts["tokens_generated"] == 60
        assert trial.facts["tokens_reused"] == 40


def test_a_study_that_is_done_starts_nothing(drive):
    drive(FakeRunner(rate))
    again = FakeRunner(rate)
    study, told = drive(again)
    assert again.started == told == []
    assert len(study.ended()) == 6


class Killed(BaseException):
    """The driver's process ends here."""


@pytest.mark.parametrize("moment", range(1, 16, 2))
def test_a_driver_that_was_killed_anywhere_goes_on_to_exactly_its_trials(drive, moment):
    calls = iter(range(1000))

    def until(config, cycle):
        if next(calls) == moment:
            raise Killed
        return rate(config, cycle)

    with pytest.raises(Killed):
        drive(FakeRunner(until, room=lambda: 2))
    study, _ = drive(FakeRunner(rate, room=lambda: 2))
    assert Counter(t.state for t in study.ended()) == {"complete": 6}
    assert study.unfinished() == []


def test_a_crashed_trial_is_told_and_does_not_stop_the_study(drive, capsys):
    crashed = iter([1, 0])

    def crash_once(config, cycle):
        if next(crashed, 0):
            raise RuntimeError("CUDA error")
        return rate(config, cycle)

    study, told = drive(FakeRunner(crash_once))
    assert [t.state for t in study.ended()] == ["failed"] + ["complete"] * 5
    assert study.ended()[0].reason == "CUDA error"
    assert told == list(range(6))
    assert "trial 0 failed: CUDA error" in capsys.readouterr().out


def test_settings_with_which_nothing_is_kept_are_pruned_so_that_the_sampler_learns(drive):
    def keep_nothing(config, cycle):
        if config.sampling.temperature > 0.5:
            raise RuntimeError("nothing kept")
        return rate(config, cycle)

    study, _ = drive(FakeRunner(keep_nothing))
    states = {t.settings["sampling.temperature"]: t.state for t in study.ended()}
    assert states == {0.4: "complete", 0.8: "pruned"}


def test_a_trial_whose_process_dies_goes_on_in_another_one_three_times(drive):
    deaths = Counter()

    def die(config, cycle):
        deaths[config.output_dir.name] += 1
        if config.output_dir.name == "trial_1" or (config.output_dir.name == "trial_2" and deaths["trial_2"] < 3):
            raise ConnectionError("node went away")
        return rate(config, cycle)

    study, _ = drive(FakeRunner(die), trials=3)
    assert [t.state for t in study.ended()] == ["complete", "failed", "complete"]
    assert study.ended()[1].reason == "its process died 3 times (node went away)"
    assert deaths["trial_1"] == 3


def test_a_trial_without_the_objective_fails(drive):
    study, _ = drive(FakeRunner(rate), objective={"loss/last": "minimize"}, trials=1)
    assert study.ended()[0].reason == "loss/last was not measured in cycle 2"


def test_trials_run_side_by_side_as_far_as_there_is_room(drive):
    runner = FakeRunner(rate, room=lambda: 3)
    study, _ = drive(runner, dimensions=(_seeds(6),))
    assert runner.at_work == 3
    assert len(study.ended()) == 6


def test_trials_that_draw_the_same_samples_wait_for_the_first_one(drive, capsys):
    runner = FakeRunner(rate, room=lambda: 2)
    drive(runner, trials=2, dimensions=(_keep(),))
    assert runner.at_work == 2, "once the first cycle is through, they run side by side"
    assert "trial 1 waits for trial 0, which draws the same samples" in capsys.readouterr().out
    assert runner.started == [0, 1]


def test_when_the_cluster_shrinks_the_latest_trial_is_set_aside_and_goes_on_later(drive, capsys):
    room = iter([2, 2, 2, 2, 2, 2])
    runner = FakeRunner(rate, room=lambda: next(room, 1))
    study, _ = drive(runner, trials=2, dimensions=(_seeds(2),))
    assert runner.killed == [1]
    assert runner.started == [0, 1, 1]
    assert [t.state for t in study.ended()] == ["complete", "complete"]
    assert "trial 1 is set aside" in capsys.readouterr().out


def test_no_trial_starts_after_the_time_is_up(drive):
    now = iter(range(1000))
    study, _ = drive(FakeRunner(rate), clock=lambda: next(now), time_budget_s=20, trials=100)
    assert 0 < len(study.ended()) < 100
    assert study.unfinished() == []


def test_a_trial_below_the_median_is_ended_after_its_cycle(drive):
    def worse_and_worse(config, cycle):
        return 1.0 / (1 + int(config.output_dir.name.removeprefix("trial_")))

    study, _ = drive(FakeRunner(worse_and_worse), pruner="median", trials=8)
    assert [t.state for t in study.ended()] == ["complete"] * 5 + ["pruned"] * 3
    assert "is worse than the median" in study.ended()[-1].reason


def test_values_that_do_not_go_together_fail_before_anything_runs(drive):
    from halo_raft.pipelines.sweep.space import Dimension

    runner = FakeRunner(rate)
    study, _ = drive(runner, trials=2, dimensions=(Dimension("sampling.max_new_tokens", choices=(5000,)),))
    assert runner.started == []
    assert "leaves no room for a prompt" in study.ended()[0].reason
    assert [t.state for t in study.ended()] == ["failed", "failed"]


def _seeds(n):
    """Trials that share nothing."""
    from halo_raft.pipelines.sweep.space import Dimension

    return Dimension("seed", low=0, high=10_000 * n)


def _keep():
    """Trials that share the first cycle's samples."""
    from halo_raft.pipelines.sweep.space import Dimension

    return Dimension("selection.keep_top_percent", low=0.1, high=1.0)
