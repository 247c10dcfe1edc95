"""The command line of sweeps, up to where Ray would start."""

from __future__ import annotations

import pytest
import yaml

from halo_raft import cli
from halo_raft.config import RaftConfig, load
from halo_raft.pipelines.sweep import main

SMALL = {"tasks": {"heldout": "starter:heldout"}, "tracking": {"mlflow": False}, "output_dir": "s"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with `sweep.yaml`; starting Ray here is a failure."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(SMALL | {"sweep": {"trials": 3}}))

    def never(*args, **kwargs):
        raise AssertionError("Ray was started")

    monkeypatch.setattr("halo_raft.pipelines.sweep.conduct.ray_session", never)
    return tmp_path


def test_sweep_and_sweep_run_are_the_same(folder, capsys):
    assert main(["--config", "sweep.yaml", "--dry-run"]) == 0
    first = capsys.readouterr().out
    assert cli.main(["sweep", "--config", "sweep.yaml", "--dry-run"]) == 0
    assert cli.main(["sweep", "run", "--config", "sweep.yaml", "--dry-run"]) == 0
    assert capsys.readouterr().out == first + first
    assert "0.4, 0.7, 1.0" in first
    assert not (folder / "s").exists()


def test_config_validate_knows_a_sweep(folder, capsys):
    assert cli.main(["config", "validate", "sweep.yaml"]) == 0
    assert cli.main(["config", "show", "sweep.yaml"]) == 0
    assert "trials: 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (
            ["sweep.space={temprature: [1]}"],
            3,
            "sweep.space.temprature: unknown key temprature; did you mean temperature?",
        ),
        (["sweep.space={temperature: {low: 1, high: 0}}"], 3, "is empty"),
        (["sweep.objective={pass_at_9: maximize}"], 3, "is never logged"),
        (["sweep.objective={pass_rate: up}"], 2, "must be one of 'maximize' or 'minimize'"),
        (["--trials", "0"], 2, "--trials: sweep.trials: must be at least 1"),
        (["--storage", "sweep.yaml"], 3, "sweep.yaml: is no study journal"),
        (["--storage", "nosuchdb://host/x"], 3, "sweep.storage: nosuchdb://host/x cannot be opened"),
        (["--output", "sweep.yaml/x"], 3, "sweep.yaml/x cannot be written"),
        (["tasks.train=nowhere.jsonl"], 3, "nowhere.jsonl"),
    ],
)
def test_a_mistake_is_one_line_before_ray_starts(folder, capsys, arguments, code, expected):
    assert main(["--config", "sweep.yaml", *arguments]) == code
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert expected in line


@pytest.fixture
def study(folder):
    """The storage of a sweep with a failed trial and two complete ones."""
    from halo_raft.config import SweepConfig
    from halo_raft.pipelines.sweep.command import _absolute
    from halo_raft.pipelines.sweep.conduct import open_sweep_study
    from halo_raft.pipelines.sweep.objective import check_objective
    from halo_raft.pipelines.sweep.space import read_space

    config = _absolute(load(SweepConfig, "sweep.yaml"))
    config.output_dir.mkdir()
    study = open_sweep_study(config, read_space(config), check_objective(config))
    study.fail(study.ask().number, "crashed", {})
    for rate in (0.3, 0.2):
        study.complete(study.ask().number, [rate], {})
    return study


def test_best_prints_a_config_that_a_run_takes(folder, study, capsys):
    assert cli.main(["sweep", "best", "s/study.journal"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# Trial 1 of the study s: 0.3000\n")
    (folder / "best.yaml").write_text(text)
    config = load(RaftConfig, folder / "best.yaml")
    winner = study.ended()[1].settings
    assert config.sampling.temperature == winner["sampling.temperature"]
    assert config.selection.keep_top_percent == winner["selection.keep_top_percent"]
    assert config.tasks.heldout == "starter:heldout"
    assert config.output_dir == folder / "s-best"
    assert config.tracking.parent_run is None
    assert cli.main(["raft", "train", "--config", "best.yaml", "--dry-run"]) == 0


def test_best_writes_a_file_of_any_trial(folder, study, capsys):
    assert cli.main(["sweep", "best", "s/study.journal", "--study", "s", "--trial", "2", "--output", "a/b.yaml"]) == 0
    assert "halo-raft raft train --config a/b.yaml" in capsys.readouterr().out
    assert (folder / "a/b.yaml").read_text().startswith("# Trial 2 of the study s: 0.2000\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nothing.journal"], "there is no such study journal"),
        (["s/study.journal", "--study", "x"], "has no study 'x'; there are: s"),
        (["s/study.journal", "--trial", "9"], "trial 9 of 's' has not ended"),
        (["s/study.journal", "--output", "sweep.yaml/x"], "cannot be written"),
    ],
)
def test_best_of_what_is_not_there_is_one_line(folder, study, capsys, arguments, expected):
    assert cli.main(["sweep", "best", *arguments]) == 3
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert expected in line


def test_another_sweep_into_the_same_storage_is_refused(folder, study, capsys):
    assert main(["--config", "sweep.yaml", "sweep.space={temperature: [0.1]}"]) == 3
    assert "holds a study 's' that was made with another search space" in capsys.readouterr().err
    assert main(["--config", "sweep.yaml", "cycles=2"]) == 3
    assert "made with another base configuration" in capsys.readouterr().err
    assert main(["--config", "sweep.yaml", "--output", "t", "--storage", "s/study.journal", "--study", "s"]) == 3
    assert "made with another output_dir" in capsys.readouterr().err


def test_a_second_driver_in_the_same_folder_is_refused(folder, study, capsys):
    import fcntl

    with (folder / "s" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["--config", "sweep.yaml"]) == 3
    assert "is in use by another run" in capsys.readouterr().err
