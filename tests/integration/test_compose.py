"""The quickstart as a job on the services of infra/compose.yaml, all of them from their real packages."""

from __future__ import annotations

import json
import subprocess

import pytest
from mlflow import MlflowClient

from .compose import REPO, Compose, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing())]

SMALL = (
    "tasks.limit=8", "tasks.heldout_limit=2", "sampling.samples_per_prompt=3", "sampling.max_new_tokens=96",
    "engine.max_model_len=512", "engine.kv_cache_gb=1", "verifier.workers=2", "selection.reward_threshold=0",
    "lora.r=8", "heldout.samples=2", "cycles=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def compose():
    with Compose() as services:
        yield services


@pytest.fixture(scope="module")
def said(compose, default_model):
    """What the job says; the tests below look at what it left."""
    return compose.submit(REPO / "pipelines/raft.sh", "--config", "configs/quickstart.yaml", *SMALL)


def test_the_job_ends_with_its_results_in_the_heads_volume(compose, said):
    assert "succeeded" in said
    folder = compose.results / "models/quickstart"
    assert (folder / "cycle_1_final/adapter_model.safetensors").is_file()
    drawn = [json.loads(line) for line in (folder / "cycle_1_samples.jsonl").read_text().splitlines()]
    assert len({row["sample_id"] for row in drawn}) == 24


def test_its_run_is_in_the_server_and_in_postgres(compose, said):
    client = MlflowClient(compose.mlflow)
    (experiment,) = [e for e in client.search_experiments() if e.name == "halo-raft"]
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.info.status == "FINISHED"
    history = client.get_metric_history(parent.info.run_id, "heldout/pass_at_1")
    assert [metric.step for metric in history] == [0, 1]
    assert (compose.folder / "artifacts").is_dir()
    assert {"config.yaml", "cycle_1_final", "report"} <= {a.path for a in client.list_artifacts(parent.info.run_id)}
    assert int(compose.query("select count(*) from runs")) == len(runs) == 2


def test_nobody_gets_in_without_the_token(compose):
    """What compose.yaml's token is for."""
    environment = compose.environment("ray-head") | {"RAY_ADDRESS": compose.dashboard, "RAY_AUTH_TOKEN": "another"}
    done = subprocess.run(["ray", "job", "list"], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
