"""Measurements in a real MLflow database, which is then moved."""

import json
import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from halo_raft import cli
from halo_raft.config import TrackingConfig
from halo_raft.pipelines.benchmark.result import BenchmarkResult, Files
from halo_raft.pipelines.benchmark.tracked import RUN_ID, known_run, log_result, tracked
from halo_raft.tracking.location import resolve


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
    return TrackingConfig(dir=tmp_path / "ml runs")


def table(client, run_id, file, place):
    found = json.loads(Path(client.download_artifacts(run_id, file, str(place))).read_text())
    return [dict(zip(found["columns"], row, strict=True)) for row in found["data"]]


def test_results_and_comparisons_are_runs_with_their_samples_wherever_they_are_moved(config, write_result, tmp_path):
    for name, kind in (("base", "wrong"), ("after", "passed")):
        write_result(tmp_path / f"{name}.json", {f"t{n}": [kind] * 2 for n in range(12)})
    files = Files.of(tmp_path / "after.json")
    with tracked(config, files.result, "mine", None) as run:
        log_result(run.log, BenchmarkResult.load(files.result), files)
    command = ["benchmark", "compare", "base.json", "after.json", "--output", "c.json", f"tracking.dir={config.dir}"]
    assert cli.main(command) == 0
    compared = known_run(tmp_path / "c.json")
    assert cli.main(command) == 0 and known_run(tmp_path / "c.json") == compared, "once more is the same run"

    moved = TrackingConfig(dir=tmp_path / "elsewhere")
    shutil.move(config.dir, moved.dir)
    client = MlflowClient(resolve(moved).uri)
    measured, comparison = client.get_run(run.run_id), client.get_run(compared)
    assert measured.data.tags["pass_at_1"].startswith("100.0% [") and measured.data.metrics["heldout/pass_at_1"] == 1
    assert comparison.data.tags["pass_at_1_gain"].startswith("+100.0 points [")
    assert "hardly chance" in comparison.data.tags["mlflow.note.content"]
    rows = table(client, run.run_id, "samples.json", tmp_path)
    assert len(rows) == 24 and rows[0] == {
        "task_id": "t0", "verdict": "passed", "completion": "passed 0", "details": "it was passed",
    }  # fmt: skip
    assert {row["became"] for row in table(client, compared, "changed_tasks.json", tmp_path)} == {"gained"}
    assert {a.path for a in client.list_artifacts(compared)} >= {"c.json", "c.html", "samples", "changed_tasks.json"}
    assert json.loads((tmp_path / "c.json").read_text())[RUN_ID] == compared
    assert {run.info.status for run in (measured, comparison)} == {"FINISHED"}


def test_without_mlflow_there_is_no_run(tmp_path):
    with tracked(TrackingConfig(mlflow=False), tmp_path / "r.json", "mine", None) as run:
        assert run is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"tracking_run_id": null}'])
def test_a_file_without_a_run_gets_a_new_one(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    assert known_run(tmp_path / "r.json") is None
    assert known_run(tmp_path / "none.json") is None
