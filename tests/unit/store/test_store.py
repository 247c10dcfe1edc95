"""The run folder: nothing is torn, nothing is mixed up, nothing is lost."""

import errno
import json
import os
import re
from dataclasses import replace

import pytest

from halo_raft.errors import DataError
from halo_raft.records import CycleStats, Sample, Verdict
from halo_raft.store import JsonlWriter, RunFolder, read_records

from ...made_run import make_adapter


def sample(number: int) -> Sample:
    return Sample(
        sample_id=f"s{number}", task_id="t", cycle=1, index=number, completion="é\u2028\ud800 \n\x00",
        prompt_token_ids=[1], token_ids=[2], finish_reason="stop", model="m", sampling={"temperature": 0.5},
    )  # fmt: skip


def test_records_survive_a_round_trip_whatever_the_text(tmp_path):
    with JsonlWriter(tmp_path / "a.jsonl") as writer:
        writer.append([sample(1), sample(2)])
    assert list(read_records(tmp_path / "a.jsonl", Sample)) == [sample(1), sample(2)]


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_line_is_cut_off_and_written_anew(tmp_path, cut):
    path = tmp_path / "a.jsonl"
    with JsonlWriter(path) as writer:
        writer.append([sample(1), sample(2)])
    path.write_bytes(path.read_bytes()[:-cut])
    assert list(read_records(path, Sample)) == [sample(1)]
    with JsonlWriter(path) as writer:
        writer.append([sample(3)])
    assert list(read_records(path, Sample)) == [sample(1), sample(3)]


def test_a_file_that_is_one_torn_line_starts_empty(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"sample_id": "s1", ' + "x" * 100_000)
    JsonlWriter(path).close()
    assert path.read_bytes() == b""


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(sample(1).to_json() + "\n{broken\n" + sample(2).to_json() + "\n")
    with pytest.raises(DataError, match=r"a\.jsonl:2: is damaged"):
        list(read_records(path, Sample))


def test_an_append_is_on_disk_before_the_file_is_closed(tmp_path):
    writer = JsonlWriter(tmp_path / "a.jsonl")
    writer.append([sample(1)])
    assert list(read_records(tmp_path / "a.jsonl", Sample)) == [sample(1)]
    writer.close()


def test_a_folder_is_tied_to_what_it_was_started_with(tmp_path):
    first = RunFolder(tmp_path / "run")
    first.open({"model": "a", "seed": 0})
    first.close()
    with pytest.raises(DataError, match=r"other settings: model: a, now b; set it back, use --fresh"):
        RunFolder(tmp_path / "run").open({"model": "b", "seed": 0})


def test_what_nothing_depends_on_yet_may_change(tmp_path):
    RunFolder(tmp_path).open({"model": "a", "selection": 1})
    now = {"model": "a", "selection": 2}
    known = {"fingerprint": now, "begun_in": os.getcwd()}
    assert RunFolder(tmp_path).open(now, may_change=["selection"]) == known
    assert RunFolder(tmp_path).known() == known
    with pytest.raises(DataError, match=r"model: a, now b; set it back, use --fresh"):
        RunFolder(tmp_path).open({"model": "b", "selection": 3}, may_change=["selection"])
    with pytest.raises(DataError, match=r"selection: 2, now 3"):
        RunFolder(tmp_path).open({"model": "a", "selection": 3})


def test_fresh_discards_our_files_and_nothing_else(tmp_path):
    folder = RunFolder(tmp_path)
    folder.open({"model": "a"})
    folder.write_kept(1, [sample(1)])
    (tmp_path / "cycle_1_final").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    folder.close()
    again = RunFolder(tmp_path)
    assert again.open({"model": "b"}, fresh=True)["fingerprint"] == {"model": "b"}
    assert again.kept(1) is None
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "cycle_1_final").exists()


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(
    "name", ["config.yaml", "logs/mine.log", "report/index.html", "best", "run.json", "cycle_1_notes.txt"]
)
def test_a_folder_that_holds_no_run_of_ours_is_left_alone(tmp_path, name, fresh):
    theirs = tmp_path / name
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_text('{"theirs": true}')
    with pytest.raises(DataError, match=rf"holds {name.split('/')[0]}, which no run of ours wrote; choose another"):
        RunFolder(tmp_path).open({"model": "a"}, fresh=fresh)
    assert theirs.read_text() == '{"theirs": true}'
    assert {path.name for path in tmp_path.iterdir()} == {name.split("/")[0]}


def test_a_damaged_run_is_named_and_left_alone(tmp_path):
    (tmp_path / "run.json").write_text('{"fingerprint": {')
    with pytest.raises(DataError, match=r"run\.json: is damaged"):
        RunFolder(tmp_path).open({"model": "a"}, fresh=True)
    assert (tmp_path / "run.json").read_text() == '{"fingerprint": {'


def test_of_a_sample_that_was_judged_again_the_last_verdict_counts(tmp_path):
    first = Verdict(
        sample_id="s", task_id="t", kind="infra", success=False, tests_passed=0, tests_total=1, details="",
        integrity="outside", tier="A", cpu_s=0, wall_s=0, verifier="python", verifier_version="1",
    )  # fmt: skip
    second = replace(first, kind="wrong", reward=0.0)
    with JsonlWriter(RunFolder(tmp_path).verdicts_path(1)) as writer:
        writer.append([first, second])
    assert RunFolder(tmp_path).verdicts(1) == [second]


def test_what_a_killed_training_kept_for_itself_goes_at_the_next_start(tmp_path):
    left = tmp_path / "run/.ray_train/run-1a2b"
    left.mkdir(parents=True)
    (left / ".validate_storage_marker").touch()
    folder = RunFolder(tmp_path / "run")
    folder.hold()
    folder.close()
    assert list((tmp_path / "run/.ray_train").iterdir()) == []


def test_two_runs_cannot_share_a_folder(tmp_path):
    first = RunFolder(tmp_path)
    first.open({})
    with pytest.raises(DataError, match="in use by another run"):
        RunFolder(tmp_path).open({})
    first.close()
    RunFolder(tmp_path).open({})


def test_a_folder_says_whether_a_process_holds_it(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert not folder.in_use()
    holder = RunFolder(tmp_path / "run")
    holder.open({})
    assert folder.in_use()
    holder.close()
    assert not folder.in_use()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        RunFolder(tmp_path / "file" / "run").open({})


def test_best_points_at_the_adapter_and_moves(tmp_path):
    folder = RunFolder(tmp_path)
    folder.point_best(1)
    folder.point_best(3)
    assert (tmp_path / "best").readlink().name == "cycle_3_final"


def test_stats_come_back_as_they_were(tmp_path):
    folder = RunFolder(tmp_path)
    stats = CycleStats(cycle=2, samples=10, passed=4, pass_rate=0.4, kinds={"passed": 4}, loss_first=None)
    folder.write_json("cycle_2_stats.json", stats.to_dict())
    assert folder.stats(2) == stats
    assert folder.stats(3) is None
    assert json.loads((tmp_path / "cycle_2_stats.json").read_text())["pass_rate"] == 0.4


RAFT = {"training tasks": "0" * 16, "seed": 0}


def refusal(path, then, now, **how):
    first = RunFolder(path)
    first.open(then)
    first.close()
    with pytest.raises(DataError) as refused:
        RunFolder(path).open(now, **how)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_changed_setting_is_named_with_both_values_its_stages_and_the_ways_out(tmp_path):
    then = RAFT | {"sampling settings": {"max_new_tokens": 128, "top_p": 1.0}}
    text = refusal(tmp_path, then, RAFT | {"sampling settings": {"max_new_tokens": 256, "top_p": 1.0}})
    assert "sampling.max_new_tokens: 128, now 256 (which changes generation, verification, selection," in text
    assert "top_p" not in text and "--from-stage" not in text
    assert text.endswith("set it back, use --fresh to discard all of it, or another --output")


@pytest.mark.parametrize(
    ("key", "stages", "way"),
    [
        ("selection settings", "selection, training, measuring", "--from-stage select"),
        ("training settings", "training, measuring", "--from-stage train"),
        ("verifier settings", "verification, selection, training, measuring", None),
        ("heldout settings", "measuring", None),
    ],
)
def test_a_later_stage_leaves_the_earlier_ones(tmp_path, key, stages, way):
    text = refusal(tmp_path, RAFT | {key: {"a": 1}}, RAFT | {key: {"a": 2}})
    assert f"{key.removesuffix(' settings')}.a: 1, now 2 (which changes {stages})" in text
    assert (way in text) if way else ("--from-stage" not in text)


def test_what_people_cannot_read_is_not_shown(tmp_path):
    text = refusal(tmp_path, RAFT, RAFT | {"training tasks": "f" * 16})
    assert "training tasks: not the same as before" in text and "ffff" not in text


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ({"data": "a"}, RAFT, "holds a supervised fine-tuning, and this is a RAFT run.*--checkpoint"),
        (RAFT, {"data": "a"}, "holds a RAFT run, and this is a supervised fine-tuning; choose another --output$"),
    ],
)
def test_a_folder_of_another_pipeline_is_told_in_one_line(tmp_path, then, now, said):
    assert re.search(said, refusal(tmp_path, then, now, may_change=tuple(now)))


def test_a_change_that_nothing_depends_on_is_said(tmp_path, caplog):
    first = RunFolder(tmp_path)
    first.open({"selection settings": {"a": 1}})
    first.close()
    with caplog.at_level("INFO", logger="halo_raft"):
        RunFolder(tmp_path).open({"selection settings": {"a": 2}}, may_change=["selection settings"])
    assert "selection.a: 1, now 2; what is there does not depend on it" in caplog.text


@pytest.mark.parametrize(("stage", "gone"), [("train", set()), ("select", {"cycle_1_kept.jsonl"})])
def test_from_a_stage_on_everything_is_forgotten_and_nothing_before_it(make_run, stage, gone):
    folder = make_run()
    before = {path.name for path in folder.path.iterdir()}
    folder.forget_from(stage)
    after = {path.name for path in folder.path.iterdir()}
    stays = {"run.json", "config.yaml", "cycle_1_samples.jsonl", "cycle_1_verified.jsonl", "cycle_1_kept.jsonl"}
    stays |= {name for name in before if name.startswith("cycle_0_")}
    assert after == stays - gone
    assert len(before) > len(after) + 5


def test_nothing_is_forgotten_where_something_else_was_changed(tmp_path):
    first = RunFolder(tmp_path)
    first.open(RAFT | {"training settings": 1})
    first.close()
    with pytest.raises(DataError, match="seed: 0, now 1"):
        RunFolder(tmp_path).open(
            RAFT | {"training settings": 2, "seed": 1}, may_change=["training settings"], forget=lambda: 1 / 0
        )


def test_an_adapter_folder_without_weights_is_none(tmp_path):
    folder = RunFolder(tmp_path)
    folder.adapter_path(1).mkdir()
    (folder.adapter_path(1) / "adapter_config.json").write_text("{}")
    assert not folder.is_trained(1)
    make_adapter(folder.adapter_path(1))
    assert folder.is_trained(1)


@pytest.mark.parametrize("content", ["{", "\x00\xff", ""])
def test_damaged_statistics_are_named_with_the_mend(tmp_path, content):
    (tmp_path / "cycle_1_stats.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=r"cycle_1_stats\.json: is damaged .*remove it and run again"):
        RunFolder(tmp_path).history()


@pytest.mark.parametrize("line", ["17", "[]", '"text"', "null", "\xff\xfe"])
def test_a_line_that_is_no_record_is_named(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_bytes(line.encode("latin-1") + b"\n" + sample(1).to_json().encode() + b"\n")
    with pytest.raises(DataError, match=r"a\.jsonl:1: is damaged"):
        list(read_records(path, Sample))


def test_two_runs_on_one_folder_and_one_without_locks_are_told_apart(tmp_path, monkeypatch):
    first = RunFolder(tmp_path)
    first.hold()
    with pytest.raises(DataError, match="in use by another run"):
        RunFolder(tmp_path).hold()
    first.close()

    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(DataError, match=r"file system without locks \(No locks available\)"):
        RunFolder(tmp_path).hold()


def test_what_a_killed_writer_left_is_removed_and_nothing_like_it(tmp_path):
    first = RunFolder(tmp_path)
    first.open({"model": "a"})
    first.close()
    for name in (".run.json-abcd_123", ".cycle_1_kept.jsonl-abcdefgh"):
        (tmp_path / name).write_text("{")
    for name in (".notes-abcdefgh", ".cycle_1_final-checkpoints.txt"):
        (tmp_path / name).write_text("mine")
    RunFolder(tmp_path).open({"model": "a"})
    assert {path.name for path in tmp_path.iterdir()} == {
        ".lock", "run.json", ".notes-abcdefgh", ".cycle_1_final-checkpoints.txt",
    }  # fmt: skip
