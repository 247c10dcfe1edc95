from __future__ import annotations

import pytest

from halo_raft.config import SweepConfig
from halo_raft.errors import ConfigError
from halo_raft.pipelines.sweep.objective import check_objective, values_of


def config(objective, **settings):
    tasks = {"heldout": "starter:heldout"}
    return SweepConfig.model_validate({"tasks": tasks, "sweep": {"objective": objective}, **settings})


def test_metrics_go_by_the_trackers_names():
    found = check_objective(config({"heldout/pass@4": "maximize", "loss/last": "minimize", "seconds": "minimize"}))
    assert found == {"heldout/pass_at_4": "maximize", "loss/last": "minimize", "seconds": "minimize"}


def test_what_a_run_holds_out_of_its_own_tasks_is_logged(tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(f'{{"prompt": "Write f{n}.", "test_list": ["assert f{n}() == {n}"]}}\n' for n in range(50)))
    objective = {"heldout/pass_at_1": "maximize"}
    assert check_objective(config(objective, tasks={"train": str(file)})) == objective
    for fewer in ({"limit": 49}, {"heldout_share": 0}):
        with pytest.raises(ConfigError, match="heldout/pass_at_1: is never logged"):
            check_objective(config(objective, tasks={"train": str(file), **fewer}))


@pytest.mark.parametrize(
    ("objective", "settings", "message"),
    [
        ({"pass_rat": "maximize"}, {}, "did you mean pass_rate?"),
        ({"heldout/pass_at_1": "maximize"}, {"tasks": {"limit": 20}}, "name held-out tasks with tasks.heldout"),
        ({"heldout/pass_at_3": "maximize"}, {}, "is never logged"),
        ({"heldout/greedy": "maximize"}, {"heldout": {"greedy": False}}, "is never logged"),
        ({"happiness": "maximize"}, {}, "there are: seconds, "),
    ],
)
def test_what_is_never_logged_is_refused_in_one_line(objective, settings, message):
    with pytest.raises(ConfigError, match=r"sweep\.objective\.") as caught:
        check_objective(config(objective, **settings))
    assert message in str(caught.value)


@pytest.mark.parametrize("missing", [None, float("nan"), float("inf")])
def test_values_are_there_only_if_all_were_measured(missing):
    assert values_of({"a": 1.0, "b": 2.0}, ["b", "a"]) == [2.0, 1.0]
    assert values_of({"a": 1.0, "b": missing}, ["a", "b"]) is None
    assert values_of({"a": 1.0}, ["a", "b"]) is None
