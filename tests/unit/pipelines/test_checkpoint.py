"""What `--model` and `--checkpoint` may name."""

import json
from pathlib import Path

import pytest

from halo_raft import cli
from halo_raft.config import RaftConfig, SftConfig, load
from halo_raft.errors import ConfigError
from halo_raft.pipelines.checkpoint import on_checkpoint_base

from ...made_run import make_adapter

BASE = "builtin:smollm2-135m"


@pytest.fixture
def runs(tmp_path, monkeypatch, make_run):
    """A RAFT run, one of supervised fine-tuning and a benchmark's folder, with adapters on the embedded model."""
    monkeypatch.chdir(tmp_path)
    make_run("raft")
    make_run("full/raft")
    Path("sft/final_model").mkdir(parents=True)
    make_adapter(Path("sft/final_model"))
    Path("sft/run.json").write_text("{}")
    for adapter in (*Path().glob("**/cycle_*_final"), Path("sft/final_model")):
        (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": BASE, "r": 8}))
    return tmp_path


@pytest.mark.parametrize("schema", [RaftConfig, SftConfig])
@pytest.mark.parametrize("key", ["model.name", "model.checkpoint"])
@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("raft", "raft/cycle_2_final"),
        ("raft/best", "raft/cycle_2_final"),
        ("raft/cycle_1_final", "raft/cycle_1_final"),
        ("full", "full/raft/cycle_2_final"),
        ("sft", "sft/final_model"),
    ],
)
def test_a_run_folder_means_its_adapter(runs, schema, key, named, meant):
    model = on_checkpoint_base(load(schema, None, [f"{key}={named}"])).model
    assert (model.name, model.checkpoint) == (BASE, runs / meant)


@pytest.mark.parametrize("flag", ["--model", "--checkpoint"])
def test_a_registered_model_is_looked_for_in_mlflow(runs, capsys, flag):
    assert cli.main(["raft", "train", flag, "models:/mine@champion", "--dry-run"]) == 3
    assert "models:/mine@champion: there is no MLflow database" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["model.name", "model.checkpoint"])
def test_what_mlflow_gives_is_an_adapter_or_a_model(runs, monkeypatch, key):
    monkeypatch.setattr("halo_raft.tracking.model_folder", lambda uri, where: runs / "raft" / "cycle_1_final")
    model = on_checkpoint_base(load(RaftConfig, None, [f"{key}=models:/mine@champion"])).model
    assert (model.name, model.checkpoint) == (BASE, runs / "raft" / "cycle_1_final")


def test_names_of_models_stay_as_they_are_and_two_that_contradict_are_refused(runs):
    for name in (BASE, "owner/name", "./folder"):
        assert on_checkpoint_base(load(RaftConfig, None, [f"model.name={name}"])).model.name == name
    with pytest.raises(ConfigError, match="is an adapter on builtin:smollm2-135m, not on owner/name"):
        on_checkpoint_base(load(RaftConfig, None, ["model.name=owner/name", "model.checkpoint=sft"]))


def test_a_report_of_an_adapter_is_its_runs(runs, capsys):
    assert cli.main(["report", "raft/best"]) == 0
    assert Path("raft/report/report.html").is_file() and "raft/report" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["model.name", "model.checkpoint"])
@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_run_whose_adapter_is_damaged_is_told_from_one_without(runs, key, name):
    (runs / "sft" / "final_model" / name).write_bytes(b"")
    with pytest.raises(ConfigError, match=r"the adapter .*sft/final_model is damaged; start its run again"):
        on_checkpoint_base(load(RaftConfig, None, [f"{key}=sft"]))


def test_a_dry_run_tells_the_rank_of_the_adapter_that_training_goes_on_with(runs, capsys):
    assert cli.main(["raft", "train", "--checkpoint", "sft", "--dry-run", "tracking.mlflow=false", "lora.r=64"]) == 0
    plan = capsys.readouterr().out.partition("# Plan")[2]
    assert "(LoRA r=8, which training goes on with)" in plan and "steps of 16, LoRA r=8" in plan
