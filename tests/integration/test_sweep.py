"""Sweeps on real parts: Optuna's journal, Ray actors, engines, MLflow; on one node, two nodes, and as a Ray job."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml

from halo_raft import cli
from halo_raft.config import RaftConfig, load
from halo_raft.pipelines.sweep import main
from halo_raft.pipelines.sweep.storage import open_study
from halo_raft.pipelines.sweep.study import ended_trials
from halo_raft.records import Sample
from halo_raft.store import read_records

REPO = Path(__file__).resolve().parents[2]
PATIENCE_S = 540

SETTINGS: dict[str, Any] = {
    "tasks": {"train": "starter", "limit": 6, "heldout": "starter:heldout", "heldout_limit": 2},
    "sampling": {"samples_per_prompt": 2, "max_new_tokens": 96, "stop": ["e"]},  # random words would end nowhere
    "engine": {"max_model_len": 512, "kv_cache_gb": 1, "max_num_seqs": 16},
    "selection": {"reward_threshold": 0.0, "keep_top_percent": 1.0},
    "training": {"num_train_epochs": 1, "per_device_train_batch_size": 4, "learning_rate": 1e-3},
    "lora": {"r": 8, "alpha": 16},
    "heldout": {"samples": 1, "greedy": False},
    "cycles": 1,
}


def write_config(folder: Path, model: str, **sweep: Any) -> Path:
    """Write `sweep.yaml` of two trials that share their samples, unless told otherwise."""
    space = {"keep_percent": [1.0, 0.5]}
    settings = SETTINGS | {
        "model": {"name": model},
        "sweep": {"trials": 2, "sampler": "grid", "space": space} | sweep,
        "tracking": {"dir": str(folder / "mlruns")},
        "output_dir": str(folder / "sweep"),
    }
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def trial_runs(folder: Path) -> tuple[Any, list[Any], mlflow.MlflowClient]:
    """Return the study's run in MLflow, all others, and the client."""
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    (study,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    return study, [run for run in runs if run.info.run_id != study.info.run_id], client


def states(folder: Path) -> list[str]:
    return [trial.state for trial in ended_trials(open_study(str(folder / "sweep/study.journal"), None))]


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Return what `condition` returns as soon as that is true."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited in vain for {what}")


# --- on one node


@pytest.fixture(scope="module")
def swept(tmp_path_factory, ray_session, random_model):
    """The folder of a sweep that has ended, and its exit code."""
    folder = tmp_path_factory.mktemp("sweep")
    return folder, main(["--config", str(write_config(folder, random_model))])


def test_a_sweep_ends_with_its_trials_and_the_winner_runs(swept, capsys):
    folder, code = swept
    assert code == 0
    assert states(folder) == ["complete", "complete"]
    assert cli.main(["sweep", "best", str(folder / "sweep/study.journal"), "--output", str(folder / "best.yaml")]) == 0
    assert load(RaftConfig, folder / "best.yaml").selection.keep_top_percent in (1.0, 0.5)
    assert cli.main(["raft", "train", "--config", str(folder / "best.yaml"), "--dry-run"]) == 0


def test_trials_that_differ_after_sampling_generate_once(swept):
    folder, _ = swept
    first, second = ended_trials(open_study(str(folder / "sweep/study.journal"), None))
    texts = []
    for number in (0, 1):
        for stage in ("cycle_1", "cycle_0_heldout"):
            samples = list(read_records(folder / f"sweep/trial_{number}/{stage}_samples.jsonl", Sample))
            texts.append([(s.task_id, s.index, s.completion) for s in samples])
    assert texts[:2] == texts[2:]
    shared = sum(
        part["tokens"] for part in json.loads((folder / "sweep/trial_1/sweep_reused.json").read_text()).values()
    )
    own = read_records(folder / "sweep/trial_1/cycle_1_heldout_samples.jsonl", Sample)
    assert second.facts["tokens_reused"] == shared > 0
    assert second.facts["tokens_generated"] == sum(len(s.token_ids) for s in own), "the trained model's answers alone"
    assert first.facts["tokens_reused"] == 0
    assert first.facts["tokens_generated"] > second.facts["tokens_generated"]


def test_mlflow_has_the_study_as_parent_and_its_trials_as_children(swept):
    folder, _ = swept
    study, trials, client = trial_runs(folder)
    assert {t.data.tags["mlflow.parentRunId"] for t in trials} == {study.info.run_id}
    assert sorted(t.data.tags["sweep.trial"] for t in trials) == ["0", "1"]
    assert {t.data.params["selection.keep_top_percent"] for t in trials} == {"1.0", "0.5"}
    assert {t.info.status for t in (study, *trials)} == {"FINISHED"}
    (best,) = [t for t in trials if t.data.tags["sweep.best"] == "True"]
    assert study.data.tags["sweep.best_run"] == best.info.run_id
    for trial in trials:
        steps = [m.step for m in client.get_metric_history(trial.info.run_id, "heldout/pass_at_1")]
        assert steps == [0, 1]
        assert client.get_metric_history(trial.info.run_id, "cycle_1/loss")
    figures = {a.path for a in client.list_artifacts(study.info.run_id, "figures")}
    assert {"figures/history.png", "figures/slice.png"} <= figures


def test_running_again_says_what_is_there_and_starts_no_trial(swept, capsys, monkeypatch):
    folder, _ = swept
    monkeypatch.setattr("halo_raft.pipelines.sweep.runner.RayRunner.start", None)
    assert main(["--config", str(folder / "sweep.yaml")]) == 0
    assert "2 trials complete" in capsys.readouterr().out
    assert len(trial_runs(folder)[1]) == 2


def test_the_dashboard_opens_the_storage(swept):
    from optuna_dashboard import _storage_url

    folder, _ = swept
    (study,) = _storage_url.get_storage(str(folder / "sweep/study.journal")).get_all_studies()
    assert study.study_name == "sweep"


# --- as a Ray job


def environment(**more: str) -> dict[str, str]:
    """The environment of a command outside of this process's Ray."""
    bare = {k: v for k, v in os.environ.items() if not k.startswith("RAY_") or k.startswith("RAY_AUTH_")}
    path = f"{Path(sys.executable).parent}:{bare['PATH']}"
    return bare | {"PATH": path, "PYTHONPATH": str(REPO / "src"), "RAY_USAGE_STATS_ENABLED": "0"} | more


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def ray_folder() -> Iterator[str]:
    """A folder for Ray with a path short enough for its sockets."""
    folder = tempfile.mkdtemp(prefix="ray")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def job_server(ray_session, ray_folder, tmp_path) -> Iterator[str]:
    """The address of a head node with dashboard and job server."""
    port = free_port()
    command = ["ray", "start", "--head", "--block", "--num-cpus=2", "--port=0", f"--dashboard-port={port}"]
    # the agent takes the jobs; the tests' own Ray has the usual port
    command += [f"--dashboard-agent-listen-port={free_port()}", f"--temp-dir={ray_folder}", "--disable-usage-stats"]
    with (tmp_path / "head.log").open("w") as log:
        head = subprocess.Popen(
            command, env=environment(HALO_RAFT_HOME=str(tmp_path)), stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    wait_for(lambda: _answers(address), "the job server")
    yield address
    head.terminate()
    try:
        head.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(head.pid, signal.SIGKILL)


def _answers(address: str) -> bool:
    from ray.job_submission import JobSubmissionClient

    try:
        JobSubmissionClient(address).list_jobs()
    except (ConnectionError, RuntimeError):
        return False
    return True


@pytest.mark.slow
def test_a_job_that_was_killed_and_submitted_again_ends_with_exactly_its_trials(job_server, tmp_path, random_model):
    from ray.job_submission import JobStatus, JobSubmissionClient

    settings = yaml.safe_load(write_config(tmp_path, random_model).read_text())
    settings |= {"output_dir": "sweep", "tracking": {"dir": "mlruns"}}  # of the job: they last beside HALO_RAFT_HOME
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(settings))
    client = JobSubmissionClient(job_server)

    def submit() -> str | None:
        done = subprocess.run(
            [REPO / "pipelines/sweep.sh", "--config", str(tmp_path / "sweep.yaml")],
            env=environment(RAY_ADDRESS=job_server, NO_WAIT="1", VENV=str(Path(sys.executable).parents[1])),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or "try again later" in done.stderr, done.stderr  # no agent is up yet
        submitted = re.search(r"raysubmit_\w+", done.stdout)
        return submitted[0] if submitted and done.returncode == 0 else None

    job = wait_for(submit, "a node that takes jobs")
    wait_for(lambda: (tmp_path / "sweep/trial_1/cycle_1_samples.jsonl").exists() or _failed(client, job), "trial 1")
    os.kill(int(client.get_job_info(job).driver_info.pid), signal.SIGKILL)
    wait_for(lambda: client.get_job_status(job).is_terminal(), "the end of the job")
    assert states(tmp_path) == ["complete"], client.get_job_logs(job)

    job = wait_for(submit, "a node that takes jobs")
    wait_for(lambda: client.get_job_status(job).is_terminal(), "the end of the second job")
    logs = client.get_job_logs(job)
    assert client.get_job_status(job) == JobStatus.SUCCEEDED, logs
    assert "trial 1 was cut off; it goes on where it stopped" in logs
    assert states(tmp_path) == ["complete", "complete"]
    assert len(trial_runs(tmp_path)[1]) == 2


def _failed(client: Any, job: str) -> bool:
    assert client.get_job_status(job).name != "FAILED", client.get_job_logs(job)
    return False


# --- on two nodes


@pytest.fixture
def two_nodes(ray_session, ray_folder) -> Iterator[tuple[Any, Any, str]]:
    """A cluster of two nodes with two CPUs each, its second node, and the address of its dashboard."""
    from ray.cluster_utils import Cluster

    port = free_port()
    head = {"num_cpus": 2, "include_dashboard": True, "dashboard_port": port, "temp_dir": ray_folder}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    second = cluster.add_node(num_cpus=2)
    yield cluster, second, f"http://127.0.0.1:{port}"
    cluster.shutdown()


@pytest.mark.slow
def test_engines_of_trials_spread_over_two_nodes_and_the_loss_of_one_ends_no_sweep(two_nodes, tmp_path, random_model):
    from ray.util.state import list_actors

    cluster, second, dashboard = two_nodes
    space = {"temperature": [0.5, 0.7]}
    path = write_config(tmp_path, random_model, space=space)
    command = [sys.executable, "-u", "-m", "halo_raft.pipelines.sweep", "--config", str(path)]
    with (tmp_path / "driver.log").open("w") as log:
        driver = subprocess.Popen(
            command, env=environment(RAY_ADDRESS=cluster.address), stdout=log, stderr=subprocess.STDOUT
        )

    def spread() -> set[str]:
        """Return the kinds of actors that both nodes have."""
        assert driver.poll() is None, (tmp_path / "driver.log").read_text()
        seen.update((a.class_name.partition("(")[0], a.node_id) for a in list_actors(dashboard, limit=500))
        return {kind for kind, _ in seen if sum(k == kind for k, _ in seen) == 2}

    seen: set[tuple[str, str]] = set()
    try:
        wait_for(lambda: "EngineActor" in spread(), "engines on both nodes")
        assert sum(kind == "Trial" for kind, _ in seen) == 1, "trials are beside their driver, which has their folders"
        cluster.remove_node(second, allow_graceful=False)
        wait_for(lambda: driver.poll() is not None, "the end of the sweep")
    finally:
        driver.kill()
    assert driver.returncode == 0, (tmp_path / "driver.log").read_text()
    assert states(tmp_path) == ["complete", "complete"]
    assert len(trial_runs(tmp_path)[1]) == 2
