from __future__ import annotations

import json

import pytest

from halo_raft.config import SweepConfig
from halo_raft.pipelines.sweep.tracked import StudyTracker, figures
from halo_raft.store import RunFolder


def complete(study, *values):
    for value in values:
        study.complete(study.ask().number, value, {})


@pytest.mark.parametrize(
    ("objective", "values", "names"),
    [
        ({"pass_rate": "maximize"}, [[0.1], [0.5], [0.3]], {"history", "importance", "slice", "contour"}),
        (
            {"pass_rate": "maximize", "seconds": "minimize"},
            [[0.1, 9], [0.5, 30], [0.3, 20]],
            {f"{plot}_{m}" for plot in ("history", "importance", "slice", "contour") for m in ("pass_rate", "seconds")}
            | {"pareto_front"},
        ),
    ],
)
def test_the_study_is_drawn_for_each_objective(open_study, objective, values, names):
    study = open_study(objective=objective)
    complete(study, *values)
    drawn = dict(figures(study.study, list(objective)))
    assert set(drawn) == names
    assert all(figure.axes for figure in drawn.values())


def test_one_trial_is_no_plot(open_study):
    study = open_study()
    complete(study, [0.1])
    assert list(figures(study.study, ["pass_rate"])) == []


def test_a_sweep_that_goes_on_continues_its_run(open_study, tmp_path):
    config = SweepConfig.model_validate({"tracking": {"mlflow": False}, "output_dir": str(tmp_path / "s")})
    with StudyTracker(config, open_study()) as first:
        complete(first.study, [0.1], [0.5])
        first.trial_ended(1, tmp_path / "s/trial_1")
    with StudyTracker(config, open_study()) as second:
        second.done({0: tmp_path / "s/trial_0", 1: tmp_path / "s/trial_1"})
    assert first.run_id == second.run_id
    run = json.loads((tmp_path / "s/tracking/run.json").read_text())
    assert (run["status"], run["tags"]["sweep.best_trial"]) == ("FINISHED", "1")
    table = json.loads((tmp_path / "s/tracking/artifacts/trials.json").read_text())
    assert [(row["trial"], row["state"], row["pass_rate"]) for row in table] == [
        (0, "complete", 0.1),
        (1, "complete", 0.5),
    ]
    assert (tmp_path / "s/tracking/artifacts/figures/history.png").stat().st_size > 0


def test_an_interrupt_ends_the_run_as_killed(open_study, tmp_path):
    config = SweepConfig.model_validate({"tracking": {"mlflow": False}, "output_dir": str(tmp_path / "s")})
    with pytest.raises(KeyboardInterrupt), StudyTracker(config, open_study()):
        raise KeyboardInterrupt
    assert json.loads((tmp_path / "s/tracking/run.json").read_text())["status"] == "KILLED"


def test_trials_that_were_at_work_end_with_the_sweep(open_study, tmp_path, monkeypatch):
    config = SweepConfig.model_validate({"tracking": {"mlflow": False}, "output_dir": str(tmp_path / "s")})
    for number, known in enumerate(({"ended": None}, {"ended": {"how": "FINISHED"}}, {})):
        folder = RunFolder(tmp_path / "s" / f"trial_{number}")
        folder.path.mkdir(parents=True)
        folder.write_json("run.json", {"fingerprint": {}, "tracking_run_id": f"run-{number}"} | known)
    told = []
    with pytest.raises(KeyboardInterrupt), StudyTracker(config, open_study()) as tracker:
        monkeypatch.setattr(tracker.tracker, "end_child", lambda *what: told.append(what))
        raise KeyboardInterrupt
    assert told == [("run-0", {}, "KILLED")]
