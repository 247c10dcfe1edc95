"""What clusters read: files that parse, commands that exist, an upload that stays small."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml

from halo_raft.config import SweepConfig, load
from halo_raft.pipelines import sweep

REPO = Path(__file__).resolve().parents[2]


def read(name):
    return yaml.safe_load((REPO / "infra" / name).read_text())


def test_the_ray_job_runs_a_sweep_that_can_be_planned(monkeypatch, capsys, tmp_path):
    job = read("rayjob.yaml")
    python, flag, module, *arguments = shlex.split(job["spec"]["entrypoint"])
    assert (python, flag, module) == ("python", "-m", "halo_raft.pipelines.sweep")
    monkeypatch.chdir(REPO)
    here = [word.replace("/shared", str(tmp_path)) for word in arguments]
    assert sweep.main([*here, "--dry-run"]) == 0
    assert "# Plan of the sweep" in capsys.readouterr().out


def test_all_nodes_of_the_ray_job_see_one_volume():
    spec = read("rayjob.yaml")["spec"]["rayClusterSpec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        claims = {v["name"]: v.get("persistentVolumeClaim", {}).get("claimName") for v in pod["volumes"]}
        mounts = {m["mountPath"]: m["name"] for m in pod["containers"][0]["volumeMounts"]}
        assert claims[mounts["/shared"]] == "halo-raft"


@pytest.mark.parametrize("place", ["rayjob.yaml", "../requirements/cpu.txt", "../requirements/cuda.txt"])
def test_one_version_of_ray_everywhere(place):
    import ray

    assert ray.__version__ in (REPO / "infra" / place).read_text()


def test_compose_has_a_tracking_server_on_postgres_and_a_cluster():
    services = read("compose.yaml")["services"]
    assert set(services) == {"postgres", "mlflow", "ray-head", "ray-worker"}
    assert services["ray-head"]["environment"]["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
    assert "POSTGRES_PASSWORD:?" in services["postgres"]["environment"]["POSTGRES_PASSWORD"], "no password is built in"


def test_ray_up_starts_head_and_workers():
    cluster = read("ray-cluster.yaml")
    assert "ray start --head" in cluster["head_start_ray_commands"][-1]
    assert "ray start --address $RAY_HEAD_IP" in cluster["worker_start_ray_commands"][-1]


def test_a_job_uploads_the_code_and_nothing_that_runs_left(tmp_path):
    from ray._private.runtime_env.packaging import get_excludes_from_ignore_files

    (tmp_path / ".rayignore").write_text((REPO / ".rayignore").read_text())
    (excluded,) = get_excludes_from_ignore_files(tmp_path, include_gitignore=False)
    for name in ("models", "mlruns", "results", "runs", "logs", "tests", ".venv", ".git"):
        (tmp_path / name).mkdir()
        assert excluded(tmp_path / name)
    for name in (
        "src/halo_raft/models.py",
        "src/halo_raft/tasks",
        "configs/sweep.yaml",
        "data/rlvr/starter_train.jsonl",
    ):
        assert (REPO / name).exists()
        assert not excluded(tmp_path / name)


def test_the_shipped_sweep_is_six_trials_of_one_cycle():
    config = load(SweepConfig, REPO / "configs/sweep.yaml")
    assert config.sweep.trials == 6
    assert config.num_cycles == 1
