"""Tasks without tests are named with their line before anything is fetched or started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from halo_raft import cli
from halo_raft.config import RaftConfig
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.store import RunFolder

TESTED = {"task_id": "a", "prompt": "Double `n`, as `twice`.", "test_list": ["assert twice(2) == 4"]}
BARE = {"task_id": "b", "prompt": "Say `hello`."}


@pytest.fixture(autouse=True)
def tasks_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("mine.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in (TESTED, BARE)))
    return path


def dry_run(*words: str) -> int:
    return cli.main(["raft", "train", "--prompts", "mine.jsonl", "--output", "out", "--dry-run", *words])


@pytest.mark.parametrize("verifier", ["mbpp", "humaneval", "python"])
def test_a_task_without_tests_among_others_is_refused_and_no_source_is_asked_for_it(verifier, capsys):
    assert dry_run("--verifier", verifier) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: mine.jsonl:2: task b has no tests, which the verifier {verifier} needs")


def test_prompts_alone_whose_source_cannot_be_had_are_named_with_it(tasks_file, capsys):
    tasks_file.write_text(json.dumps(BARE) + "\n")
    assert dry_run("--verifier", "mbpp") == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: mine.jsonl:1: task b has no tests") and "mbpp cannot be had" in line


def test_what_a_run_would_leave_out_is_in_its_plan(capsys):
    assert dry_run() == 0
    assert "mine.jsonl:2: task b: it has no tests" in capsys.readouterr().out


def begun(folder: Path, fingerprint: dict[str, object]) -> None:
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"fingerprint": fingerprint}))


def test_a_dry_run_refuses_a_folder_that_the_run_would_refuse(tasks_file, capsys):
    tasks_file.write_text(json.dumps(TESTED) + "\n")
    config = {"tasks": {"train": "mine.jsonl"}, "output_dir": "out"}
    fingerprint = prepare(RaftConfig.model_validate(config)).fingerprint.to_dict()
    begun(Path("out"), fingerprint)
    assert dry_run() == 0
    assert dry_run("seed=7") == 3
    assert "was begun with other settings: seed: 0, now 7" in capsys.readouterr().err
    assert dry_run("seed=7", "--fresh") == 0
    assert RunFolder(Path("out")).known() == {"fingerprint": fingerprint}


def test_a_dry_run_of_sft_refuses_the_folder_of_a_raft_run(capsys):
    rows = [{"prompt": "Say hello.", "completion": "print('hello')"}]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["sft", "train", "data.train_file=rows.jsonl", "data.dataset=null", "--output", "out", "--dry-run"]
    assert cli.main(command) == 0
    begun(Path("out"), {"training tasks": "x"})
    assert cli.main(command) == 3
    assert "holds a RAFT run, and this is" in capsys.readouterr().err
