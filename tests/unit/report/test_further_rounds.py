"""What a report shows of samples that saw more than their task."""

import json
from dataclasses import replace

import pytest
import yaml

from halo_raft import tasks
from halo_raft.records import HINT, REPAIR, CycleStats
from halo_raft.report import gather
from halo_raft.report.tables import rounds_table
from halo_raft.report.write import tasks_of

from ...made_run import TASKS, answer, write

REFERENCE = "def f9(x):\n    return int(9)"


def further(task_id: str, index: int, kind: str, round_: str, of: int = 0):
    """Return an answer of a further round, with its verdict."""
    sample, verdict = answer(1, "", task_id, index, kind)
    return replace(sample, round=round_, of=of), verdict


@pytest.fixture
def folder(make_run):
    """A run whose first cycle repaired t6 and was shown t9's reference."""
    folder = make_run()
    sample, verdict = answer(1, "", "t6", 3, "runtime")
    failed = replace(sample, completion="def f6(x):\n    return g")
    write(folder, 1, "", [(failed, replace(verdict, details="test 1: NameError: name 'g' is not defined"))])
    write(folder, 1, "", [further("t6", 4, "passed", REPAIR, of=3), further("t7", 4, "wrong", REPAIR)])
    write(folder, 1, "", [further("t8", 4, "wrong", REPAIR), further("t9", 5, "passed", HINT)])
    return folder


def test_the_chat_of_a_further_round_is_shown_as_the_model_saw_it(folder):
    known = TASKS | {"t9": replace(TASKS["t9"], solution=REFERENCE)}
    shown = {(e.task_id, e.in_view): e for e in gather(folder.path, known).examples if e.cycle == 1 and e.round}
    assert list(shown) == [("t6", "a failed answer"), ("t7", "a failed answer"), ("t9", "the reference")]
    question, _, failed = shown["t6", "a failed answer"].prompt.partition("Assistant:\n")
    assert TASKS["t6"].prompt in question
    told = "It fails with NameError: name 'g' is not defined in this test: assert f6(6) == 6"
    assert failed.startswith(f"def f6(x):\n    return g\n\nUser:\n{told}")
    assert f"```python\n{REFERENCE}\n```" in shown["t9", "the reference"].prompt


def test_what_cannot_be_said_any_more_is_not_made_up(folder):
    shown = {e.task_id: e.prompt for e in gather(folder.path, TASKS).examples if e.cycle == 1 and e.round}
    assert shown["t9"] == "", "its reference has gone from the tasks"
    assert {e.prompt for e in gather(folder.path, {}).examples if e.round} == {""}


def test_a_further_round_takes_no_place_from_the_samples_of_the_task_alone(make_run, folder):
    own = [e for e in gather(folder.path, TASKS).examples if e.cycle == 1 and not e.round]
    assert len(own) == 6 and {e.answer.kind for e in own} == {"passed", "wrong", "runtime"}
    assert {e.round for e in gather(make_run("plain").path, TASKS).examples} == {None}


def test_the_table_of_further_rounds(folder):
    stats = CycleStats.from_dict(json.loads((folder.path / "cycle_1_stats.json").read_text()))
    repair = {"prompts": 7, "samples": 1400, "passed": 35, "solved": 3, "kept": 2, "no_failure": 1}
    forms = {"function": {"prompts": 12, "samples": 18, "passed": 0}}
    folder.write_json("cycle_1_stats.json", replace(stats, repair=repair, forms=forms, hint={"prompts": 0}).to_dict())
    first, second = rounds_table(gather(folder.path, TASKS))
    assert first == {
        "Cycle": "1", "Samples": "repair: a failed answer in view", "Prompts": "7", "Drawn": "1,400",
        "Passed": "35 (2.5%)", "Prompts solved": "3", "Trained on": "2",
    }  # fmt: skip
    assert (second["Samples"], second["Passed"], second["Trained on"]) == ("asked as function", "0 (0.0%)", "")


def test_what_a_round_of_an_earlier_cycle_still_teaches_is_in_the_table(folder):
    stats = CycleStats.from_dict(json.loads((folder.path / "cycle_1_stats.json").read_text()))
    hint = {"prompts": 0, "samples": 0, "passed": 0, "solved": 0, "kept": 40}
    folder.write_json("cycle_1_stats.json", replace(stats, hint=hint).to_dict())
    (row,) = rounds_table(gather(folder.path, TASKS))
    assert (row["Samples"], row["Drawn"], row["Passed"], row["Trained on"]) == (
        "hint: the reference in view", "0", "", "40",
    )  # fmt: skip


def test_a_repair_that_is_two_examples_is_one_kept_sample(folder):
    kept = folder.kept(1)
    once = next(c for c in gather(folder.path, TASKS).cycles if c.stats.cycle == 1).kept
    folder.write_kept(1, [*kept, kept[0]])
    assert next(c for c in gather(folder.path, TASKS).cycles if c.stats.cycle == 1).kept == once


def test_tasks_that_were_mixed_in_are_shown_with_their_prompts(folder):
    config = yaml.safe_load((folder.path / "config.yaml").read_text())
    config["tasks"] = config.get("tasks", {}) | {"train": "starter", "mix": {"starter:heldout": 0.1}}
    (folder.path / "config.yaml").write_text(yaml.safe_dump(config))
    wanted = {task.task_id for name in ("starter", "starter:heldout") for task in tasks.load(name).tasks}
    assert set(tasks_of(folder.path)[0]) == wanted


def test_a_run_without_further_rounds_has_no_such_table(make_run):
    assert rounds_table(gather(make_run().path, TASKS)) == []
