"""In a job, results go where they outlive it, and later jobs find them there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from halo_raft import cli
from halo_raft.cluster.jobs import found, lasting, with_lasting_paths
from halo_raft.config import RaftConfig, SftConfig

REPO = Path(__file__).resolve().parents[3]


@pytest.fixture
def job(tmp_path, monkeypatch):
    """The folder that a job runs in; its results belong under `home`."""
    folder = tmp_path / "runtime_resources/working_dir_files/_ray_pkg_1"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HALO_RAFT_HOME", str(tmp_path / "home"))
    return folder


def test_outside_of_a_job_paths_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert with_lasting_paths(RaftConfig()) == RaftConfig()
    assert with_lasting_paths(SftConfig()) == SftConfig()
    assert lasting("results/eval.json") == found("results/eval.json") == Path("results/eval.json")


def test_a_ray_job_writes_where_it_stays(job, tmp_path, monkeypatch):
    config = with_lasting_paths(RaftConfig())
    assert config.output_dir == tmp_path / "home/models/raft"
    assert config.tracking.dir == tmp_path / "home/mlruns"
    assert with_lasting_paths(SftConfig()).training.output_dir == tmp_path / "home/models/sft"
    monkeypatch.delenv("HALO_RAFT_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    assert with_lasting_paths(RaftConfig()).output_dir == tmp_path / "user/halo-raft/models/raft"
    assert with_lasting_paths(RaftConfig(output_dir=Path("/results"))).output_dir == Path("/results")


def test_what_came_with_a_job_goes_before_what_earlier_ones_left(job, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/a").touch()
    assert found("a") == tmp_path / "home/a"
    (job / "a").touch()
    assert found("a") == Path("a")
    assert found("nowhere") == Path("nowhere"), "what is said of it names it as the user did"


def test_a_job_goes_on_from_the_adapter_of_an_earlier_one(job, tmp_path, capsys):
    adapter = tmp_path / "home/models/sft/final_model"
    adapter.mkdir(parents=True)
    (adapter / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "builtin:smollm2-135m", "r": 8})
    )
    for command in (
        ["raft", "train", "--checkpoint", "models/sft/final_model", "--prompts", "starter"],
        ["benchmark", "run", "--model", "models/sft/final_model", "--prompts", "starter"],
    ):
        assert cli.main([*command, "--dry-run"]) == 0
        assert str(adapter) in capsys.readouterr().out


def test_verdicts_of_a_job_stay(job, tmp_path):
    task = {"task_id": "t", "prompt": "add", "tests": "assert add(1, 2) == 3", "entry_point": "add"}
    Path("tasks.jsonl").write_text(json.dumps(task))
    Path("samples.jsonl").write_text(json.dumps({"task_id": "t", "completion": "def add(a, b):\n    return a + b\n"}))
    command = ["verify", "--tasks", "tasks.jsonl", "--samples", "samples.jsonl", "--workers", "0", "--no-ledger"]
    (tmp_path / "home").mkdir()
    assert cli.main([*command, "--output", "verdicts.jsonl"]) == 0
    assert json.loads((tmp_path / "home/verdicts.jsonl").read_text())["kind"] == "passed"


@pytest.mark.parametrize("script", ["sft.sh", "verify.sh", "benchmark.sh run"])
def test_help_needs_no_cluster(script):
    name, *words = script.split()
    done = submit(name, *words, "--help", RAY_ADDRESS="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert "--output" in done.stdout


@pytest.mark.parametrize(
    ("address", "why"),
    [("http://127.0.0.1:9", "no Ray cluster answers"), ("127.0.0.1:6379", "give it as http://HOST:8265")],
)
def test_a_job_without_a_cluster_is_refused_in_one_line(address, why):
    done = submit("raft.sh", RAY_ADDRESS=address)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert why in line and address in line


def submit(script, *words, **environment):
    venv = str(Path(sys.executable).parents[1])
    return subprocess.run(
        [REPO / "pipelines" / script, *words], env=os.environ | {"VENV": venv} | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
