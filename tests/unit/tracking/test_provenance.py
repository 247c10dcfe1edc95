import subprocess

from halo_raft.config import SftConfig
from halo_raft.config.schema import RaftConfig
from halo_raft.tracking.provenance import run_note, source_tags
from halo_raft.tracking.values import flatten


def test_commit_branch_and_state_of_a_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=trunk"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "file").write_text("one")
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    tags = source_tags()
    assert len(tags["mlflow.source.git.commit"]) == 40
    assert tags["mlflow.source.git.branch"] == "trunk"
    assert tags["mlflow.source.git.dirty"] == "false"
    (tmp_path / "file").write_text("two")
    assert source_tags()["mlflow.source.git.dirty"] == "true"


def test_no_commit_outside_a_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not any("git" in name for name in source_tags())


def test_no_git_at_all_is_fine(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "mlflow.user" in source_tags()


def test_note_says_what_was_set_and_nothing_else():
    note = run_note(flatten(RaftConfig(seed=7).model_dump(mode="json")))
    assert "(RAFT)" in note and "- **Training tasks**: starter" in note and "- **Seed**: 7" in note
    assert "None" not in note and "Held-out" not in note


def test_note_of_a_fine_tuning_run():
    note = run_note(flatten(SftConfig(data={"train_file": "a.jsonl"}).model_dump(mode="json")))
    assert note.startswith("Supervised") and "- **Training file**: a.jsonl" in note
