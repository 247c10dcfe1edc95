"""`status` and `clean`: what a folder says of its run, and that nothing of anybody else's is removed."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import yaml

from halo_raft import cli
from halo_raft.pipelines.progress import progress_of
from halo_raft.pipelines.sweep.reuse import KEYS_FILE, REUSED_FILE
from halo_raft.store import RunFolder


def run_of(folder, **facts):
    """Give a made run the rest of what a run leaves: two cycles, counts."""
    config = folder.path / "config.yaml"
    sections = "sampling: {samples_per_prompt: 3}\nheldout: {samples: 2, greedy: true}\ncycles: 2\n"
    config.write_text(config.read_text() + sections)
    known = {"fingerprint": {"training tasks": "a"}, "task_counts": {"training": 12, "heldout": 12}}
    folder.write_json("run.json", known | facts)
    return folder


def status(folder, capsys):
    assert cli.main(["status", str(folder.path), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_complete_run_says_what_is_best_and_what_to_do_with_it(make_run, capsys):
    found = status(run_of(make_run(), ended={"how": "FINISHED", "why": ""}), capsys)
    assert (found["kind"], found["state"], found["best_cycle"]) == ("raft", "complete", 2)
    assert found["best"] == pytest.approx(8 / 12)
    assert "benchmark run --model" in found["go_on"] and found["error"] == ""


@pytest.mark.parametrize(
    ("named", "split", "measured_on"),
    [
        ("mine:test", False, "mine:test"),
        (None, True, "tasks_heldout.jsonl"),
        (None, False, "NOT_TRAINED_ON.jsonl"),
    ],
)
def test_a_complete_run_is_measured_on_what_it_did_not_train_on(make_run, capsys, named, split, measured_on):
    folder = run_of(make_run(), ended={"how": "FINISHED", "why": ""})
    config = folder.path / "config.yaml"
    settings = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump(settings | {"tasks": {"heldout": named}}))
    if split:
        folder.heldout_tasks_path.write_text("")
    assert status(folder, capsys)["go_on"].split(" --prompts ")[1].endswith(measured_on)


def test_a_run_that_was_killed_says_how_far_it_is(make_run, capsys):
    folder = run_of(make_run())
    for name in ("cycle_2_stats.json", "raft_statistics.json", "cycle_2_kept.jsonl"):
        (folder.path / name).unlink()
    (folder.path / "cycle_2_final" / "adapter_model.safetensors").unlink()
    verified = folder.verdicts_path(2).read_bytes().splitlines(keepends=True)
    folder.verdicts_path(2).write_bytes(b"".join(verified[:30]))
    found = status(folder, capsys)
    assert (found["state"], found["cycle"], found["cycles"]) == ("stopped", 2, 2)
    assert (found["stage"], found["done"], found["total"]) == ("generating and verifying", 30, 36)
    assert found["passed"] == sum(b'"kind":"passed"' in line for line in verified[:30])
    assert found["drawn"] == 36, "six of them wait for their verdicts"
    assert cli.main(["status", str(folder.path)]) == 0
    passed = found["passed"]
    assert f"generating and verifying, 36 drawn, 30 of 36 verified ({passed} passed)" in capsys.readouterr().out
    assert found["per_minute"] == 36, "36 samples took 60 s in the first cycle"
    assert found["seconds_left"] == pytest.approx(92 - 60 * 30 / 36)
    assert found["best_cycle"] == 1
    assert found["go_on"] == f"halo-raft raft train --output {folder.path}"


@pytest.mark.parametrize(("sampling", "stage"), [({}, "selecting"), ({"repair": 4}, "further rounds")])
def test_a_cycle_whose_first_round_is_verified_draws_no_more_of_it(make_run, capsys, sampling, stage):
    folder = run_of(make_run())
    for name in ("cycle_2_stats.json", "raft_statistics.json", "cycle_2_kept.jsonl"):
        (folder.path / name).unlink()
    (folder.path / "cycle_2_final" / "adapter_model.safetensors").unlink()
    config = folder.path / "config.yaml"
    settings = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump(settings | {"sampling": settings["sampling"] | sampling}))
    found = status(folder, capsys)
    assert (found["stage"], found["done"], found["total"]) == (stage, 36, 36)


def test_each_stage_is_told_from_the_others(make_run, capsys):
    folder = run_of(make_run())
    (folder.path / "cycle_2_stats.json").unlink()
    assert status(folder, capsys)["stage"] == "measuring"
    (folder.path / "cycle_2_final" / "adapter_model.safetensors").unlink()
    log = folder.path / ".ray_train" / "x-1"
    log.mkdir(parents=True)
    (log / "progress.log").write_text("step 0/9  held-back loss 1.0\nstep 4/9  loss 0.1  3 tokens/s\nsome words\n")
    found = status(folder, capsys)
    assert (found["stage"], found["done"], found["total"]) == ("training", 4, 9)


def test_a_running_run_and_a_failed_one(make_run, capsys):
    folder = run_of(make_run(), ended={"how": "FAILED", "why": "the disk is full"})
    (folder.path / "cycle_2_stats.json").unlink()
    assert cli.main(["status", str(folder.path)]) == 0
    assert "the disk is full" in capsys.readouterr().out
    folder.hold()
    found = status(folder, capsys)
    assert (found["state"], found["error"]) == ("running", "")
    folder.close()


def test_a_fine_tuning_and_a_sweep(make_run, tmp_path, capsys):
    sft = RunFolder(tmp_path / "sft")
    sft.path.mkdir()
    sft.write_json("run.json", {"fingerprint": {"data": "a"}})
    found = status(sft, capsys)
    assert (found["kind"], found["state"], found["stage"]) == ("sft", "stopped", "training")
    assert "sft train --config" in found["go_on"]
    (tmp_path / "sweep.yaml").write_text("sweep: {trials: 2}\n")
    run_of(make_run("trial_0"), ended={"how": "FINISHED", "why": ""})
    found = status(RunFolder(tmp_path), capsys)
    assert (found["kind"], found["done"], found["total"]) == ("sweep", 1, 2)
    assert [trial["state"] for trial in found["trials"]] == ["complete"]


def test_a_clock_that_was_set_back_gives_no_pace_rather_than_a_wrong_one(make_run, capsys):
    folder = run_of(make_run())
    for name in ("cycle_2_stats.json", "cycle_1_stats.json", "raft_statistics.json", "cycle_1_kept.jsonl"):
        (folder.path / name).unlink()
    (folder.path / "cycle_1_final" / "adapter_model.safetensors").unlink()
    folder.write_json("cycle_1_plan.json", {"task_ids": None})

    def written(**times):
        for name, at in (times | {"run": 1000}).items():
            os.utime({"run": folder.path / "run.json", "plan": folder.path / "cycle_1_plan.json"}.get(
                name, folder.verdicts_path(1)), (at, at))  # fmt: skip
        return status(folder, capsys)["per_minute"]

    assert written(plan=1010, verdicts=1070) == 36, "36 verdicts in a minute"
    assert written(plan=1010, verdicts=900) is None, "set back while it was judged"
    assert written(plan=900, verdicts=950) is None, "begun before this start, or set back after it"
    assert written(plan=1010, verdicts=1010) is None, "no time between them"


@pytest.mark.parametrize("content", [b"{", b"[]", b"[1]", b"7", b'"text"', b"\xff\xfe", b"{}"])
@pytest.mark.parametrize("name", ["run.json", "cycle_1_stats.json", "cycle_2_plan.json", "sft_statistics.json"])
def test_a_damaged_file_is_named_with_the_mend(make_run, capsys, name, content):
    folder = run_of(make_run())
    (folder.path / "cycle_2_stats.json").unlink()
    shutil.rmtree(folder.path / "cycle_2_final")
    (folder.path / "cycle_2_kept.jsonl").unlink()
    if name.startswith("sft"):
        folder.write_json("run.json", {"fingerprint": {"data": "a"}})
    (folder.path / name).write_bytes(content)
    harmless = name == "cycle_2_plan.json" and content == b"{}"
    assert cli.main(["status", str(folder.path)]) == (0 if harmless else 3)
    output = capsys.readouterr()
    lines = output.err.splitlines()
    assert len(lines) == (0 if harmless else 1)
    assert harmless or (lines[0].startswith("error: ") and (name in lines[0]))
    assert harmless or any(mend in lines[0] for mend in ("remove it", "bring back a copy", "give one that"))


def test_what_is_no_run_or_is_damaged_is_one_line(make_run, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert cli.main(["status", str(tmp_path)]) == 3
    assert "is no run folder" in capsys.readouterr().err
    folder = run_of(make_run())
    (folder.path / "cycle_1_stats.json").write_text("{")
    assert cli.main(["status", str(folder.path)]) == 3
    assert "cycle_1_stats.json: is damaged" in capsys.readouterr().err


def test_clean_removes_what_it_says_and_nothing_of_the_users(make_run, capsys):
    folder = run_of(make_run())
    mine = folder.path / "cycle_1_notes.txt"
    mine.write_text("mine")
    for written in (folder.base_path(2), folder.heldout_tasks_path, folder.path / KEYS_FILE, folder.path / REUSED_FILE):
        written.write_text("")
    (folder.path / "logs").mkdir()
    (folder.path / "logs" / "mine.log").write_text("mine")
    assert cli.main(["clean", str(folder.path)]) == 2
    assert "give --yes" in capsys.readouterr().err
    assert folder.is_trained(1)

    assert cli.main(["clean", str(folder.path), "--keep-best", "--yes"]) == 0
    assert "cycle_1_final" in capsys.readouterr().out
    assert (folder.is_trained(1), folder.is_trained(2)) == (False, True)
    assert folder.samples(1) and mine.is_file()

    assert cli.main(["clean", str(folder.path), "--cycle", "2", "--yes"]) == 0
    assert not any(folder.path.glob("cycle_2_*")) and not (folder.path / "best").is_symlink()
    assert folder.samples(1)

    assert cli.main(["clean", str(folder.path), "--yes"]) == 0
    assert {str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()} == {
        ".lock", "cycle_1_notes.txt", "logs/mine.log",
    }  # fmt: skip
    assert cli.main(["clean", str(folder.path), "--yes"]) == 3


def test_a_folder_in_use_or_of_somebody_else_is_left_alone(make_run, tmp_path, capsys):
    folder = run_of(make_run())
    folder.hold()
    assert cli.main(["clean", str(folder.path), "--yes"]) == 3
    assert "in use" in capsys.readouterr().err
    folder.close()
    (tmp_path / "cycle_1_final").mkdir()
    assert cli.main(["clean", str(tmp_path), "--yes"]) == 3
    assert (tmp_path / "cycle_1_final").is_dir() and folder.is_trained(1)


def test_a_folder_that_no_run_wrote_is_said_to_be_none(tmp_path, capsys):
    for command in ("status", "sync", "clean"):
        assert cli.main([command, str(tmp_path / "gone")]) == 3
        assert "gone: is no run folder (" in capsys.readouterr().err


def test_progress_of_a_hundred_thousand_verdicts_reads_no_sample(make_run, monkeypatch):
    folder = run_of(make_run())
    (folder.path / "cycle_2_stats.json").unlink()
    monkeypatch.setattr("halo_raft.store.run_folder.read_records", None)
    assert progress_of(folder.path).stage == "measuring"


@pytest.mark.parametrize("gone", [False, True])
def test_from_elsewhere_the_way_on_begins_where_the_run_did(make_run, tmp_path, monkeypatch, capsys, gone):
    begun, elsewhere = tmp_path / "begun here", tmp_path / "elsewhere"
    elsewhere.mkdir()
    if not gone:
        begun.mkdir()
    folder = run_of(make_run(), begun_in=str(begun))
    monkeypatch.chdir(elsewhere)
    way = status(folder, capsys)["go_on"]
    assert way.startswith("halo-raft" if gone else f"cd '{begun}' && halo-raft")
    config = yaml.safe_load((folder.path / "config.yaml").read_text())
    (folder.path / "config.yaml").write_text(yaml.safe_dump(config | {"tracking": {"dir": "runs"}}))
    folder.write_json("run.json", folder.known() | {"tracking_run_id": "a" * 32})
    cli.main(["sync", str(folder.path)])
    assert (begun / "runs").exists() != gone
    assert (elsewhere / "runs").exists() == gone
