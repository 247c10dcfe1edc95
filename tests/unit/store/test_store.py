"""The run folder: nothing is torn, nothing is mixed up, nothing is lost."""

import json
from dataclasses import replace

import pytest

from halo_raft.errors import DataError
from halo_raft.records import CycleStats, Sample, Verdict
from halo_raft.store import JsonlWriter, RunFolder, read_records


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
    with pytest.raises(DataError, match=r"started with another model \(a, now b\); use --fresh"):
        RunFolder(tmp_path / "run").open({"model": "b", "seed": 0})


def test_what_nothing_depends_on_yet_may_change(tmp_path):
    RunFolder(tmp_path).open({"model": "a", "selection": 1})
    now = {"model": "a", "selection": 2}
    assert RunFolder(tmp_path).open(now, may_change=["selection"]) == {"fingerprint": now}
    assert RunFolder(tmp_path).read_json("run.json") == {"fingerprint": now}
    with pytest.raises(DataError, match=r"another model \(a, now b\); use --fresh"):
        RunFolder(tmp_path).open({"model": "b", "selection": 3}, may_change=["selection"])
    with pytest.raises(DataError, match=r"another selection \(2, now 3\)"):
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
