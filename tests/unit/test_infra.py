"""What clusters read: files that parse, commands that exist, an upload that stays small."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from halo_raft.config import RaftConfig, SweepConfig, load
from halo_raft.pipelines import sweep

REPO = Path(__file__).resolve().parents[2]


def read(name):
    return yaml.safe_load((REPO / "infra" / name).read_text())


def test_the_ray_job_runs_a_sweep_that_can_be_planned(monkeypatch, capsys, tmp_path):
    job = read("rayjob.yaml")
    python, flag, module, *arguments = shlex.split(job["spec"]["entrypoint"])
    assert (python, flag, module) == ("python", "-m", "halo_raft.pipelines.sweep")
    monkeypatch.chdir(REPO)
    here = [word.replace("/results", str(tmp_path)) for word in arguments]
    assert sweep.main([*here, "--dry-run"]) == 0
    assert "# Plan of the sweep" in capsys.readouterr().out


def volumes(group):
    """Where a pod of the Ray job writes -> what its volume is."""
    pod = group["template"]["spec"]
    kinds = {v["name"]: next(key for key in v if key != "name") for v in pod["volumes"]}
    return {m["mountPath"]: kinds[m["name"]] for m in pod["containers"][0]["volumeMounts"]}


def test_only_the_head_of_the_ray_job_has_what_lasts():
    spec = read("rayjob.yaml")["spec"]
    head, workers = spec["rayClusterSpec"]["headGroupSpec"], spec["rayClusterSpec"]["workerGroupSpecs"]
    assert volumes(head) == {"/results": "persistentVolumeClaim"}
    assert "output_dir=/results/" in spec["entrypoint"]
    for group in workers:
        assert set(volumes(group).values()) == {"emptyDir"}


def test_machines_of_compose_share_no_volume():
    written = [volume for service in read("compose.yaml")["services"].values() for volume in service.get("volumes", ())]
    assert len(written) == len(set(written)) == 3


@pytest.mark.parametrize("place", ["rayjob.yaml", "../requirements/cpu.txt", "../requirements/cuda.txt"])
def test_one_version_of_ray_everywhere(place):
    import ray

    assert ray.__version__ in (REPO / "infra" / place).read_text()


def test_compose_has_a_tracking_server_on_postgres_and_a_cluster():
    services = read("compose.yaml")["services"]
    assert set(services) == {"postgres", "mlflow", "ray-head", "ray-worker", "ray-worker-gpu"}
    assert services["ray-head"]["environment"]["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
    assert "POSTGRES_PASSWORD:?" in services["postgres"]["environment"]["POSTGRES_PASSWORD"], "no password is built in"


def test_compose_requests_gpus_where_they_are_asked_for():
    services = read("compose.yaml")["services"]
    gpu = services["ray-worker-gpu"]
    assert gpu["profiles"] == ["gpu"], "a machine without one starts the rest"
    (devices,) = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert devices == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    assert gpu["command"] == services["ray-worker"]["command"]


def test_strix_halo_has_what_one_memory_needs():
    config = load(RaftConfig, REPO / "configs/strix_halo.yaml")
    assert not config.engine.sleep
    assert config.engine.gpu_memory_utilization < 0.5
    assert not config.training.dataloader_num_workers
    assert not config.training.dataloader_pin_memory
    image = (REPO / "infra/Dockerfile.rocm").read_text()
    assert "HSA_ENABLE_SDMA=0" in image
    assert "vllm-therock-gfx1151" in image


def test_what_vllm_refuses_is_not_pinned_for_it():
    pins = dict(line.split("==") for line in (REPO / "requirements/cuda.txt").read_text().split())
    assert int(pins["setuptools"].split(".")[0]) < 81
    floors = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["optional-dependencies"]["cuda"]
    assert f"vllm>={'.'.join(pins['vllm'].split('.')[:2])}" in floors


def test_ray_up_starts_head_and_workers():
    import jsonschema
    import ray

    cluster = read("ray-cluster.yaml")
    jsonschema.validate(cluster, json.loads((Path(ray.__file__).parent / "autoscaler/ray-schema.json").read_text()))
    assert "ray start --head" in cluster["head_start_ray_commands"][-1]
    assert "ray start --address $RAY_HEAD_IP" in cluster["worker_start_ray_commands"][-1]
    for kind in ("head", "worker"):  # a head that was given a token turns away who brings none
        assert "RAY_AUTH_MODE=token ray start" in cluster[f"{kind}_start_ray_commands"][-1]


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
