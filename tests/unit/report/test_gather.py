import pytest

from halo_raft.errors import DataError
from halo_raft.report import gather
from halo_raft.report.tables import arms_table, cycles_table, main_table
from halo_raft.store import RunFolder

from ...made_run import TASKS, answer, write


def test_a_run_is_read_from_its_files(make_run):
    view = gather(make_run().path, TASKS)
    assert [cycle.name for cycle in view.cycles] == ["base", "1", "2"] and view.best == 2
    last = view.cycles[-1]
    assert last.heldout["pass_at_1"].mean == last.heldout["pass_at_2"].mean == last.heldout["greedy"].mean == 8 / 12
    assert last.passed.mean == last.solved.mean == 8 / 12
    assert last.rewards == {1.0: 24, 0.0: 12}
    assert last.kept == {3: 8}
    assert last.loss == ((1, 0.9), (2, 0.5))
    assert view.cycles[0].rewards == {} and view.cycles[0].solved is None


def test_programs_that_differ_in_names_and_comments_are_one(make_run):
    view = gather(make_run().path, TASKS)
    assert view.cycles[1].unique_ratio == pytest.approx(2 / 3)
    assert gather(make_run("other").path, {}).cycles[1].unique_ratio is None, "no tasks, so no programs"


def test_the_best_cycle_is_compared_with_the_base_by_task(make_run):
    view = gather(make_run().path, TASKS)
    assert view.difference.mean == pytest.approx(5 / 12) and view.difference.tasks == 12
    assert view.difference.chosen_among == 2, "the better of two cycles: its p-value is corrected for the choice"
    assert [change.task_id for change in view.changes.gained] == ["t3", "t4", "t5", "t6", "t7"]
    assert view.changes.lost == ()


def test_infra_counts_as_nothing(make_run):
    folder = make_run()
    write(folder, 2, "", [answer(2, "", "t0", 9, "infra")])
    last = gather(folder.path, TASKS).cycles[-1]
    assert sum(last.rewards.values()) == 36 and last.passed.samples == 36


def test_examples_are_of_different_tasks_and_of_all_kinds(make_run):
    found = gather(make_run().path, TASKS).examples
    for cycle in (1, 2):
        of_cycle = [example for example in found if example.cycle == cycle]
        assert len({example.task_id for example in of_cycle}) == len(of_cycle) == 6
        assert {example.answer.kind for example in of_cycle} == {"passed", "wrong"}
    asked = found[0].prompt
    assert TASKS[found[0].task_id].prompt in asked and TASKS[found[0].task_id].test_list[0] in asked
    assert asked.startswith("System:\nYou are an expert Python programmer.")


def test_a_prompt_is_shown_in_the_words_of_the_run(make_run):
    folder = make_run()
    with (folder.path / "config.yaml").open("a") as config:
        config.write("  show_tests: false\n  system_prompt: Be brief.\n")
    (prompt,) = {e.prompt for e in gather(folder.path, TASKS).examples if e.task_id == "t0" and e.cycle == 1}
    assert prompt == f"System:\nBe brief.\n\nUser:\n{TASKS['t0'].prompt}"


def test_an_answer_to_a_function_form_stands_below_the_function_that_was_shown(make_run):
    folder = make_run()
    samples = folder.samples_path(1)
    samples.write_text(samples.read_text().replace('"finish_reason"', '"form": "function", "finish_reason"'))
    (asked,) = {e.prompt for e in gather(folder.path, TASKS).examples if e.task_id == "t0" and e.cycle == 1}
    assert "Complete this Python function:" in asked and "def f0(" in asked
    (asked,) = {e.prompt for e in gather(folder.path, TASKS).examples if e.task_id == "t0" and e.cycle == 2}
    assert "def f0(" not in asked


def test_held_out_tasks_have_the_answers_of_the_base_and_the_best_cycle(make_run):
    folder = make_run()
    assert gather(folder.path, TASKS).side_by_side == (), "not asked for"
    shown = gather(folder.path, TASKS, heldout=TASKS).side_by_side
    assert len(shown) == 12 and [task.task_id for task in shown[:5]] == ["t3", "t4", "t5", "t6", "t7"]
    base, best = shown[0].answers
    assert (base.name, dict(base.kinds), best.name, dict(best.kinds)) == (
        "base model", {"wrong": 3}, "cycle 2", {"passed": 3},
    )  # fmt: skip
    assert [answer.kind for answer in best.shown] == ["passed"]
    assert TASKS["t3"].test_list[0] in shown[0].prompt


def test_a_run_that_has_only_begun_can_be_looked_at(make_run):
    view = gather(make_run(solved=(3,)).path, TASKS)
    assert (len(view.cycles), view.best, view.difference, view.examples) == (1, None, None, ())
    assert arms_table([view])[0]["Base"].startswith("25.0%")


def test_a_cycle_whose_statistics_are_not_written_yet(make_run):
    folder = make_run()
    stats = folder.stats(2)
    (folder.path / "cycle_2_stats.json").unlink()
    assert len(gather(folder.path, TASKS).cycles) == 2
    assert gather(folder.path, TASKS, stats).cycles[-1].stats == stats


def test_a_cycle_that_was_read_is_not_read_again(make_run):
    folder = make_run()
    first = gather(folder.path, TASKS)
    for cycle in (0, 1):
        for path in folder.path.glob(f"cycle_{cycle}_*verified.jsonl"):
            path.write_text("")
    known = {cycle.stats.cycle: cycle for cycle in first.cycles}
    assert gather(folder.path, TASKS, known=known).cycles == first.cycles
    assert gather(folder.path, TASKS).cycles != first.cycles


def test_another_folder_is_one_line(tmp_path):
    with pytest.raises(DataError, match="is no run folder"):
        gather(tmp_path, {})


def test_the_main_table(make_run):
    rows = main_table([cycle.stats for cycle in gather(make_run().path, TASKS).cycles], 2)
    assert [row["Cycle"] for row in rows] == ["base", "1", "2 (best)"]
    assert rows[2]["Held-out pass@1"] == "66.7% [0.0, 100.0]"
    assert (rows[0]["Kept"], rows[2]["Kept"], rows[2]["Loss"], rows[2]["Time"]) == ("", "24", "0.900 → 0.500", "92 s")


def test_the_page_has_one_interval_for_one_rate(make_run):
    view = gather(make_run().path, TASKS)
    assert cycles_table(view)[2]["Held-out pass@1"] == arms_table([view])[0]["Best"] != "66.7% [0.0, 100.0]"


def test_an_sft_folder_is_shown_with_its_own_settings(tmp_path):
    folder = RunFolder(tmp_path / "sft")
    folder.open({"model": "m", "data": "d"})
    config = "data: {train_file: rows.jsonl}\ntraining: {learning_rate: 0.1, num_train_epochs: 3}\n"
    folder.write_text("config.yaml", config)
    curve = [[1, 2.0, 0.1], [7, 1.0, 0.0]]
    known = {"loss_first": 2.0, "loss_last": 1.0, "steps": 7, "rows": 1200, "held_back_loss": 1.5}
    folder.write_json("sft_statistics.json", known | {"loss_curve": curve, "held_back_curve": [[7, 1.5, 0.0]]})
    view = gather(folder.path, {})
    facts = view.facts
    assert view.losses == {"rows trained on": ((1, 2.0), (7, 1.0)), "validation rows": ((7, 1.5),)}
    assert view.headline["Rows"] == "1,200" and view.headline["Lowest loss on the validation rows"] == "1.500"
    assert facts["Data"] == "rows.jsonl"
    assert facts["Training"] == "learning rate 0.1, 3 epochs"
    assert facts["Loss"] == "2.000 → 1.000 in 7 steps"
    assert not any("None" in value for value in facts.values()) and "Selection" not in facts
