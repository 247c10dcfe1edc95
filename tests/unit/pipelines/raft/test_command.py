"""The guide's short resume: a folder's own settings hold where a command names no others."""

from __future__ import annotations

import pytest

from halo_raft import cli
from halo_raft.config import RaftConfig, load
from halo_raft.pipelines.raft.plan import prepare


@pytest.fixture
def begun(make_run):
    folder = make_run()
    config = (folder.path / "config.yaml").read_text().replace("tiny", "builtin:smollm2-135m")
    folder.write_text("config.yaml", config + "sampling: {samples_per_prompt: 3}\nverifier: {name: mbpp}\ncycles: 2\n")
    settings = load(RaftConfig, folder.path / "config.yaml", [f"output_dir={folder.path}"])
    folder.write_json("run.json", {"fingerprint": prepare(settings).fingerprint.to_dict()})
    return folder


def dry_run(capsys, *words):
    assert cli.main(["raft", "train", *words, "--dry-run"]) == 0
    return capsys.readouterr().out


def test_it_goes_on_with_what_the_folder_says(begun, capsys):
    said = dry_run(capsys, "--cycles", "5", "--output", str(begun.path))
    assert said.startswith("Going on with the settings of ")
    assert "samples_per_prompt: 3" in said and "cycles: 5" in said and "tasks.jsonl" in said


def test_what_is_named_beside_it_counts(begun, capsys, tmp_path):
    config = tmp_path / "other.yaml"
    config.write_text("sampling: {samples_per_prompt: 7}\n")
    begins = ["--output", str(begun.path), "--prompts", "starter"]
    said = dry_run(capsys, "--fresh", "--samples-per-prompt", "7", *begins)
    assert "Going on" not in said and "samples_per_prompt: 7" in said
    assert cli.main(["raft", "train", "--config", str(config), *begins, "--dry-run"]) == 3
    told = capsys.readouterr()
    assert "Going on" not in told.out and "sampling.samples_per_prompt: 3, now 7" in told.err
    assert "experiment: other" in dry_run(capsys, "--output", str(begun.path), "tracking.experiment=other")


def test_a_dry_run_refuses_a_folder_of_somebody_elses_files_too(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("mine: 1\n")
    assert cli.main(["raft", "train", "--prompts", "starter", "--output", str(tmp_path), "--dry-run"]) == 3
    assert "holds config.yaml, which no run of ours wrote; choose another --output" in capsys.readouterr().err
    assert (tmp_path / "config.yaml").read_text() == "mine: 1\n"


def test_a_folder_of_sft_or_of_nobody_lends_no_settings(begun, capsys, tmp_path):
    begun.write_json("run.json", {"fingerprint": {"data": "a"}})
    assert "Going on" not in dry_run(capsys, "--output", str(tmp_path / "new"), "--prompts", "starter")
    assert cli.main(["raft", "train", "--output", str(begun.path), "--prompts", "starter", "--dry-run"]) == 3
    told = capsys.readouterr()
    assert "Going on" not in told.out and "holds a supervised fine-tuning, and this is a RAFT run" in told.err
