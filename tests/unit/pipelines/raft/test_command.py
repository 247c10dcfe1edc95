"""The guide's short resume: a folder's own settings hold where a command names no others."""

from __future__ import annotations

import pytest

from halo_raft import cli


@pytest.fixture
def begun(make_run):
    folder = make_run()
    folder.write_json("run.json", {"fingerprint": {"training tasks": "a"}})
    config = (folder.path / "config.yaml").read_text().replace("tiny", "builtin:smollm2-135m")
    folder.write_text("config.yaml", config + "sampling: {samples_per_prompt: 3}\nverifier: {name: mbpp}\ncycles: 2\n")
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
    for words in (["--config", str(config)], ["--fresh", "--samples-per-prompt", "7"]):
        said = dry_run(capsys, *words, "--output", str(begun.path), "--prompts", "starter")
        assert "Going on" not in said and "samples_per_prompt: 7" in said
    assert "samples_per_prompt: 4" in dry_run(capsys, "--output", str(begun.path), "sampling.samples_per_prompt=4")


def test_a_dry_run_refuses_a_folder_of_somebody_elses_files_too(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("mine: 1\n")
    assert cli.main(["raft", "train", "--prompts", "starter", "--output", str(tmp_path), "--dry-run"]) == 3
    assert "holds config.yaml, which no run of ours wrote; choose another --output" in capsys.readouterr().err
    assert (tmp_path / "config.yaml").read_text() == "mine: 1\n"


def test_a_folder_of_sft_or_of_nobody_lends_no_settings(begun, capsys, tmp_path):
    begun.write_json("run.json", {"fingerprint": {"data": "a"}})
    for place in (begun.path, tmp_path / "new"):
        assert "Going on" not in dry_run(capsys, "--output", str(place), "--prompts", "starter")
