from __future__ import annotations

import json

import pytest

from halo_raft.errors import ConfigError, DataError
from halo_raft.pipelines.sweep import storage


def test_what_is_told_is_there_when_the_study_is_opened_again(open_study):
    study = open_study()
    first, second, third = study.ask(), study.ask(), study.ask()
    study.complete(first.number, [0.5], {"tokens_generated": 7})
    study.prune(second.number, "below the median", {})
    study.fail(third.number, "CUDA error", {})
    ended = open_study().ended()
    assert [(t.number, t.state, t.values, t.reason) for t in ended] == [
        (0, "complete", (0.5,), ""),
        (1, "pruned", (), "below the median"),
        (2, "failed", (), "CUDA error"),
    ]
    assert ended[0].settings == first.values
    assert ended[0].facts == {"tokens_generated": 7}


def test_a_trial_that_was_not_ended_comes_back_with_its_values(open_study):
    asked = open_study().ask()
    assert open_study().unfinished() == [asked]


def test_a_trial_that_was_killed_while_it_was_asked_for_gets_its_values(open_study):
    study = open_study()
    study.study.ask()  # no value is suggested yet
    (asked,) = open_study().unfinished()
    assert set(asked.values) == {"sampling.temperature", "selection.keep_top_percent"}


def test_the_settings_as_they_are_are_tried_first(open_study):
    first = {"sampling.temperature": 0.8, "selection.keep_top_percent": 0.5}
    assert open_study(first).ask().values == first
    assert open_study(first).ask().values != first


def test_a_sweep_that_goes_on_does_not_draw_its_first_trials_again(open_study):
    first = open_study().ask().values
    assert open_study().ask().values != first


def test_a_grid_is_every_combination_once_also_after_a_restart(open_study):
    from halo_raft.pipelines.sweep.space import Dimension

    dimensions = (Dimension("sampling.temperature", choices=(0.4, 0.8)), Dimension("seed", low=0, high=2))
    study = open_study(sampler="grid", trials=100, dimensions=dimensions)
    assert study.wanted == 6
    tried = [tuple(study.ask().values.values()) for _ in range(4)]
    study = open_study(sampler="grid", trials=100, dimensions=dimensions)
    tried += [tuple(study.ask().values.values()) for _ in range(2)]
    assert sorted(tried) == [(t, s) for t in (0.4, 0.8) for s in (0, 1, 2)]


def test_the_median_pruner_ends_what_is_worse_than_the_others(open_study):
    study = open_study(pruner="median", trials=10)
    for rate in (0.5, 0.6, 0.7, 0.8, 0.9):
        number = study.ask().number
        assert study.report(number, 1, rate) is None
        study.complete(number, [rate], {})
    number = study.ask().number
    assert "pass_rate 0.1000 after cycle 1" in (study.report(number, 1, 0.1) or "")


def test_a_cycle_that_is_reported_again_after_a_restart_is_no_error(open_study):
    number = open_study(pruner="median").ask().number
    open_study(pruner="median").report(number, 1, 0.1)
    assert open_study(pruner="median").report(number, 1, 0.1) is None


def test_several_objectives_have_several_best_trials_and_no_pruning(open_study):
    study = open_study(objective={"pass_rate": "maximize", "seconds": "minimize"}, pruner="median")
    for values in ([0.5, 10], [0.9, 90], [0.4, 50]):
        study.complete(study.ask().number, values, {})
    assert study.best() == [1, 0]
    assert study.report(study.ask().number, 1, 0.0) is None


def test_of_equal_trials_the_earliest_is_best(open_study):
    study = open_study()
    for rate in (0.1, 0.5, 0.5):
        study.complete(study.ask().number, [rate], {})
    assert study.best() == [1]


def test_no_trial_is_best_before_one_is_complete(open_study):
    study = open_study()
    study.fail(study.ask().number, "crashed", {})
    assert study.best() == []


def test_another_sweep_of_the_same_name_is_refused_by_what_differs(open_study):
    open_study()
    with pytest.raises(DataError, match="holds a study 's' that was made with another search space"):
        open_study(tied_to={"search space": {}, "objective": {"pass_rate": "maximize"}})


def test_a_study_that_is_not_ours_is_refused(open_study, journal):
    import optuna

    study = optuna.create_study(study_name="s", storage=storage.open_storage(str(journal), create=True))
    study.ask()
    with pytest.raises(DataError, match="that no sweep of ours made"):
        open_study()


def test_the_half_line_of_a_driver_that_was_killed_is_cut_off(open_study, journal):
    number = open_study().ask().number
    with journal.open("a") as file:
        file.write('{"op_code":6,"trial')
    study = open_study()
    study.complete(number, [0.5], {})
    assert [t.number for t in open_study().ended()] == [number]
    assert all(json.loads(line) for line in journal.read_text().splitlines())


@pytest.mark.parametrize("content", ["# a text\n", '{"some": "json"}\n', "\x00\x01\n", "no newline"])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "file"
    path.write_text(content)
    with pytest.raises(DataError, match="is no study journal"):
        storage.open_storage(str(path), create=True)
    assert path.read_text() == content


def test_sqlite_keeps_a_study_too(tmp_path):
    import optuna

    address = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(study_name="x", storage=storage.open_storage(address, create=True))
    assert storage.open_study(address, None).study_name == "x"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nothing/here.journal", "there is no such study journal"),
        ("sqlite:////nowhere/study.db", "cannot be opened|is no Optuna storage"),
        ("nosuchdb://host/study", "cannot be opened"),
    ],
)
def test_a_storage_that_is_not_there_is_one_line(address, message):
    with pytest.raises((ConfigError, DataError), match=message) as caught:
        storage.open_study(address, None)
    assert "\n" not in str(caught.value)


def test_a_study_is_named_where_there_are_several(tmp_path):
    import optuna

    path = str(tmp_path / "j")
    for name in ("a", "b"):
        optuna.create_study(study_name=name, storage=storage.open_storage(path, create=True))
    with pytest.raises(DataError, match="name the study with --study; there are: a, b"):
        storage.open_study(path, None)
    with pytest.raises(DataError, match="has no study 'c'; there are: a, b"):
        storage.open_study(path, "c")
    assert storage.open_study(path, "b").study_name == "b"
