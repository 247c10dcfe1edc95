import json
import logging
import math

import pytest

from halo_raft.config.schema import TrackingConfig
from halo_raft.errors import ConfigError
from halo_raft.tracking import Candidate, create


@pytest.fixture
def tracker(tmp_path):
    return create(TrackingConfig(mlflow=False), tmp_path)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_nothing_is_written_before_start(tracker, tmp_path):
    assert list(tmp_path.iterdir()) == []


def test_a_run_in_files(tracker, tmp_path):
    run_id = tracker.start("demo", {"sampling": {"temperature": 0.7}}, {"tier": "bwrap"})
    tracker.log_metrics({"pass@1": 0.25, "loss": math.nan}, step=1)
    tracker.log_metrics({"loss": None}, step=2)
    tracker.log_dataset("starter", "/data/starter.jsonl", "ab" * 32, "training")
    tracker.log_text("hello", "notes/hello.txt")
    tracker.log_table([{"prompt": "p", "reward": 1.0}], "tables/samples.json")
    with tracker.cycle(1) as child:
        child.log_metrics({"loss": 0.5}, step=10)
        child.log_artifacts(tmp_path, "adapter")
    tracker.finish()
    folder = tmp_path / "tracking"
    assert lines(folder / "metrics.jsonl") == [
        {"step": 1, "metrics": {"pass_at_1": 0.25}},
    ]
    assert json.loads((folder / "params.json").read_text()) == {"sampling.temperature": "0.7"}
    run = json.loads((folder / "run.json").read_text())
    assert run == {"run_id": run_id, "run_name": "demo", "status": "FINISHED", "tags": {"tier": "bwrap"}}
    assert lines(folder / "cycle_1" / "metrics.jsonl") == [{"step": 10, "metrics": {"loss": 0.5}}]
    assert lines(folder / "cycle_1" / "artifacts.jsonl") == [{"path": str(tmp_path), "folder": "adapter"}]
    assert (folder / "artifacts/notes/hello.txt").read_text() == "hello"
    assert json.loads((folder / "artifacts/tables/samples.json").read_text()) == [{"prompt": "p", "reward": 1.0}]
    assert lines(folder / "datasets.jsonl")[0]["sha256"] == "ab" * 32


def test_a_resumed_run_goes_on_in_the_same_files(tracker, tmp_path):
    run_id = tracker.start("demo", {"a": 1}, {"x": 1})
    tracker.log_metrics({"m": 1}, step=1)
    again = create(TrackingConfig(mlflow=False), tmp_path)
    assert again.start("demo", {"b": 2}, {"y": 2}) == run_id
    again.log_metrics({"m": 2}, step=2)
    folder = tmp_path / "tracking"
    assert [row["step"] for row in lines(folder / "metrics.jsonl")] == [1, 2]
    assert json.loads((folder / "params.json").read_text()) == {"a": "1", "b": "2"}
    assert json.loads((folder / "run.json").read_text())["tags"] == {"x": "1", "y": "2"}


def test_the_registry_is_a_tag(tracker, tmp_path):
    tracker.start("demo", {}, {})
    good = Candidate(base_model="tiny", kept=20, heldout_tasks="abc", mean=0.5)
    assert tracker.register_model("halo", "adapters/cycle_2", good) is None
    tags = json.loads((tmp_path / "tracking/run.json").read_text())["tags"]
    assert (tags["model.champion"], tags["model.kept"]) == ("halo: adapters/cycle_2", "20")


def test_without_a_measurement_there_is_no_champion(tracker, tmp_path):
    tracker.start("demo", {}, {})
    tracker.register_model("halo", "adapters/cycle_2")
    tags = json.loads((tmp_path / "tracking/run.json").read_text())["tags"]
    assert "model.champion" not in tags and "was not measured" in tags["model.not_champion"]


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path):
    (tmp_path / "tracking").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        create(TrackingConfig(mlflow=False), tmp_path).start("demo", {}, {})
    assert "\n" not in str(caught.value)


def test_a_later_error_only_warns(tracker, tmp_path, caplog):
    tracker.start("demo", {}, {})
    (tmp_path / "tracking/metrics.jsonl").mkdir()
    with caplog.at_level(logging.WARNING):
        tracker.log_metrics({"m": 1}, step=1)
        tracker.log_metrics({"m": 1}, step=2)
    assert len(caplog.records) == 1
