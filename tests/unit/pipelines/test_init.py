"""`halo-raft init`: what it writes works as it stands."""

import json
from pathlib import Path

import pytest

from halo_raft import cli


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "mine"]) == 0
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


def test_what_is_written_is_valid_judged_and_can_be_run(folder, capsys):
    assert cli.main(["data", "validate", "tasks.jsonl"]) == 0
    command = ["verify", "--tasks", "tasks.jsonl", "--samples", "samples.jsonl", "--workers", "0"]
    assert cli.main([*command, "--output", "verdicts.jsonl"]) == 0
    assert [json.loads(line)["kind"] for line in Path("verdicts.jsonl").read_text().splitlines()] == ["passed", "wrong"]
    assert cli.main([*command, "--verifier", "my_verifier:MyVerifier", "--output", "own.jsonl"]) == 0
    assert {json.loads(line)["verifier"] for line in Path("own.jsonl").read_text().splitlines()} == {
        "my_verifier:MyVerifier"
    }
    for settings in ([], ["--verifier", "my_verifier:MyVerifier"]):
        assert cli.main(["raft", "train", "--config", "raft.yaml", "--dry-run", *settings]) == 0
    assert "starter:heldout: 20 tasks" in capsys.readouterr().out


def test_nothing_is_written_over(folder, capsys):
    before = Path("raft.yaml").read_text()
    Path("tasks.jsonl").unlink()
    assert cli.main(["init", "."]) == 3
    assert "my_verifier.py is there already" in capsys.readouterr().err
    assert Path("raft.yaml").read_text() == before and not Path("tasks.jsonl").exists()


def test_configurations_that_come_with_us_are_found_from_any_folder(folder, capsys):
    assert cli.main(["config", "validate", "configs/quickstart.yaml"]) == 0
    assert "a valid RAFT configuration" in capsys.readouterr().out
    assert cli.main(["config", "show", "configs/none.yaml"]) == 3
    Path("configs").mkdir()
    Path("configs/quickstart.yaml").write_text("cycles: 9\n")
    assert cli.main(["config", "show", "configs/quickstart.yaml"]) == 0
    assert "cycles: 9" in capsys.readouterr().out, "one's own goes before"
