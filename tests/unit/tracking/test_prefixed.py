from __future__ import annotations

import json

from halo_raft.tracking.files import FileTracker
from halo_raft.tracking.prefixed import PrefixedLog


def test_everything_is_logged_under_the_prefix(tmp_path):
    tracker = FileTracker(tmp_path)
    tracker.start("run", {}, {})
    log = PrefixedLog(tracker, "cycle_1")
    log.log_metrics({"loss": 0.5}, 3)
    log.log_params({"r": 8})
    log.set_tags({"kind": "x"})
    log.log_text("hello", "a/note.txt")
    log.log_table([{"a": 1}], "rows.json")
    log.log_artifact(tmp_path / "run.json", "files")
    log.log_artifacts(tmp_path)
    log.log_dataset("d", "d.jsonl", "0" * 64, "training")
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"step": 3, "metrics": {"cycle_1/loss": 0.5}}
    assert json.loads((tmp_path / "params.json").read_text()) == {"cycle_1/r": "8"}
    assert json.loads((tmp_path / "run.json").read_text())["tags"] == {"cycle_1/kind": "x"}
    assert (tmp_path / "artifacts/cycle_1/a/note.txt").read_text() == "hello"
    assert (tmp_path / "artifacts/cycle_1/rows.json").is_file()
    folders = [json.loads(line)["folder"] for line in (tmp_path / "artifacts.jsonl").read_text().splitlines()]
    assert folders == ["cycle_1/files", "cycle_1"]
    assert json.loads((tmp_path / "datasets.jsonl").read_text())["name"] == "d"
