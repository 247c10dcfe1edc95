"""The main job end to end on real parts: vLLM, Ray Data, the sandbox, Ray Train, MLflow."""

from __future__ import annotations

import json
import shutil

import mlflow
import pytest
import yaml

from halo_raft import cli
from halo_raft.config import RaftConfig, load
from halo_raft.errors import DataError
from halo_raft.pipelines import raft
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.records import Sample, Verdict
from halo_raft.store import read_records


@pytest.fixture(scope="module")
def config(tmp_path_factory, ray_session, default_model):
    folder = tmp_path_factory.mktemp("raft")
    settings = {
        "tasks": {"train": "starter", "limit": 8, "heldout": "starter:heldout", "heldout_limit": 4},
        "sampling": {"samples_per_prompt": 3, "max_new_tokens": 80, "temperature": 0.6, "stop": ["\n```\n"]},
        "engine": {"max_model_len": 512, "kv_cache_gb": 1, "max_num_seqs": 48},
        "selection": {"reward_threshold": 0.1, "keep_top_percent": 1.0},
        "training": {"learning_rate": 1e-3, "num_train_epochs": 1, "per_device_train_batch_size": 4},
        "heldout": {"samples": 2, "greedy": True},
        "lora": {"r": 8, "alpha": 16},
        "tracking": {"dir": str(folder / "mlruns")},
        "output_dir": str(folder / "run"),
        "cycles": 2,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return load(RaftConfig, path)


@pytest.fixture(scope="module")
def history(config):
    """The statistics of a whole run; the tests below look at what it left."""
    return raft.train(config)


@pytest.fixture
def client(config):
    return mlflow.MlflowClient(f"sqlite:///{config.tracking.dir.absolute()}/mlflow.db")


def test_two_cycles_leave_the_guides_files(config, history):
    folder = config.output_dir
    assert [s.cycle for s in history] == [0, 1, 2]
    for cycle in (1, 2):
        samples = list(read_records(folder / f"cycle_{cycle}_samples.jsonl", Sample))
        verdicts = list(read_records(folder / f"cycle_{cycle}_verified.jsonl", Verdict))
        assert len(samples) == len({s.sample_id for s in samples}) == 8 * 3
        assert {v.sample_id for v in verdicts} == {s.sample_id for s in samples}
        assert {s.adapter for s in samples} == {None if cycle == 1 else "cycle-1"}
        assert (folder / f"cycle_{cycle}_final" / "adapter_config.json").is_file()
        assert (folder / f"cycle_{cycle}_final" / "tokenizer_config.json").is_file()
        assert "| Cycle |" in (folder / f"cycle_{cycle}_final" / "README.md").read_text()
    assert (folder / "best").readlink().name in {"cycle_1_final", "cycle_2_final"}
    assert json.loads((folder / "raft_statistics.json").read_text())["best_cycle"] in (1, 2)


def test_statistics_agree_with_the_verdicts_on_disk(config, history):
    for stats in history[1:]:
        verdicts = list(read_records(config.output_dir / f"cycle_{stats.cycle}_verified.jsonl", Verdict))
        assert stats.samples == sum(v.reward is not None for v in verdicts)
        assert stats.pass_rate == sum(v.success for v in verdicts) / stats.samples
        assert stats.kept == len((config.output_dir / f"cycle_{stats.cycle}_kept.jsonl").read_text().splitlines())
        second = list(read_records(config.output_dir / f"cycle_{stats.cycle}_recheck_verified.jsonl", Verdict))
        assert {v.cached for v in second} <= {False}, "the second look copies nothing"
        assert stats.selection["recheck"] <= len(second)
        assert sum(stats.integrity.values()) == stats.samples
        assert stats.tasks_dropped == 0
        assert stats.train_steps > 0
        assert stats.heldout["pass_at_1"]["tasks"] == stats.heldout["greedy"]["tasks"] == 4


def test_samples_carry_the_exact_tokens(config, history, default_model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(default_model)
    for sample in read_records(config.output_dir / "cycle_1_samples.jsonl", Sample):
        assert tokenizer.decode(sample.token_ids, skip_special_tokens=True) == sample.completion


def test_the_adapter_loads_with_peft_and_changes_the_model(config, history, default_model):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(default_model, dtype=torch.float32)
    ids = torch.tensor([[1, 2, 3, 4]])
    before = base(ids).logits
    model = PeftModel.from_pretrained(base, config.output_dir / "best")
    assert not torch.equal(model(ids).logits, before)


def test_mlflow_holds_a_parent_with_steps_and_a_child_for_each_cycle(config, history, client):
    (experiment,) = [e for e in client.search_experiments() if e.name == "halo-raft"]
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    children = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(children) == 2
    assert parent.info.status == "FINISHED"
    steps = {m.step: m.value for m in client.get_metric_history(parent.info.run_id, "pass_rate")}
    assert steps == {s.cycle: s.pass_rate for s in history[1:]}
    assert [m.step for m in client.get_metric_history(parent.info.run_id, "heldout/pass_at_1")] == [0, 1, 2]
    assert parent.data.params["sampling.temperature"] == "0.6"
    assert parent.data.tags["halo_raft.integrity"] == "outside"
    assert parent.data.tags["halo_raft.sandbox_tier"] in ("A", "B", "C")
    assert sum(m.value for m in client.get_metric_history(parent.info.run_id, "verdicts/passed")) == sum(
        s.passed for s in history[1:]
    )
    assert all(client.get_metric_history(child.info.run_id, "loss") for child in children)
    artifacts = {a.path for a in client.list_artifacts(parent.info.run_id)}
    assert {"config.yaml", "cycle_1_final", "cycle_2_final", "figures", "samples", "report"} <= artifacts
    assert len(parent.inputs.dataset_inputs) == 2


def test_running_again_says_so_and_does_no_work(config, history, capsys, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("a finished run started an engine")

    monkeypatch.setattr("halo_raft.sampling.session.EnginePool", never)
    before = {p: p.stat().st_mtime_ns for p in config.output_dir.glob("cycle_*.jsonl")}
    again = raft.train(config)
    printed = capsys.readouterr().out
    assert "Cycle 1 already complete, skipping..." in printed
    assert "Cycle 2 already complete, skipping..." in printed
    assert [s.to_dict() for s in again] == [s.to_dict() for s in history]
    assert {p: p.stat().st_mtime_ns for p in config.output_dir.glob("cycle_*.jsonl")} == before


def test_a_run_that_was_cut_off_goes_on_at_the_sample_where_it_stopped(config, history, client, capsys):
    folder = config.output_dir
    samples = (folder / "cycle_2_samples.jsonl").read_bytes().splitlines(keepends=True)
    verdicts = (folder / "cycle_2_verified.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "cycle_2_samples.jsonl").write_bytes(b"".join(samples[:16]) + samples[16][:40])
    (folder / "cycle_2_verified.jsonl").write_bytes(b"".join(v for v in verdicts[:10]))
    for gone in ("cycle_2_kept.jsonl", "cycle_2_stats.json", "raft_statistics.json"):
        (folder / gone).unlink()
    shutil.rmtree(folder / "cycle_2_final")
    runs_before = len(client.search_runs([e.experiment_id for e in client.search_experiments()]))

    again = raft.train(config)

    assert "Loading cached samples..." in capsys.readouterr().out
    kept = (folder / "cycle_2_samples.jsonl").read_bytes().splitlines(keepends=True)
    assert kept[:16] == samples[:16]
    assert len({json.loads(line)["sample_id"] for line in kept}) == len(kept) == 24
    judged = [json.loads(line)["sample_id"] for line in (folder / "cycle_2_verified.jsonl").read_bytes().splitlines()]
    assert len(set(judged)) == len(judged) == 24
    assert (folder / "cycle_2_final" / "adapter_config.json").is_file()
    assert again[2].samples == 24
    assert len(client.search_runs([e.experiment_id for e in client.search_experiments()])) == runs_before


@pytest.mark.slow
def test_what_an_adapter_was_trained_on_is_never_written_again(config, history, monkeypatch):
    folder, verified = config.output_dir, config.output_dir / "cycle_2_verified.jsonl"
    kept = folder / "cycle_2_kept.jsonl"
    before, stats = (
        (kept.read_bytes(), kept.stat().st_mtime_ns),
        json.loads((folder / "cycle_2_stats.json").read_text()),
    )
    verdicts = verified.read_bytes()
    row = json.loads(verdicts.splitlines()[0])
    row = {k: v for k, v in row.items() if k != "reward"} | {"kind": "infra", "success": False}
    verified.write_bytes(verdicts + json.dumps(row).encode() + b"\n")  # would be judged again, and chosen otherwise
    (folder / "cycle_2_stats.json").unlink()
    monkeypatch.setattr("halo_raft.sampling.session.EnginePool", None)
    again = raft.train(config)
    assert (kept.read_bytes(), kept.stat().st_mtime_ns) == before
    assert (again[2].kept, again[2].selection, again[2].heldout) == (
        stats["kept"],
        stats["selection"],
        stats["heldout"],
    )
    verified.write_bytes(verdicts)


def test_a_changed_setting_is_refused_by_name(config, history):
    changed = config.model_copy(update={"seed": 5})
    with pytest.raises(DataError, match=r"other settings: seed: 0, now 5 .*use --fresh"):
        raft.train(changed)


def test_more_cycles_are_no_change(config, history):
    longer = config.model_copy(update={"cycles": 4})
    assert prepare(longer).fingerprint == prepare(config).fingerprint


def test_the_adapter_can_be_benchmarked_and_the_result_resumes(config, history, tmp_path, capsys, monkeypatch):
    output = tmp_path / "benchmark.json"
    command = ["benchmark", "run", "--model", str(config.output_dir / "best"), "--prompts", "starter:heldout"]
    command += ["--limit", "4", "--samples", "2", "--k", "1,2", "--output", str(output), "engine.kv_cache_gb=1"]
    command += ["tracking.mlflow=false"]
    assert cli.main(command) == 0
    result = json.loads(output.read_text())
    passed = [task["passed"] for task in result["tasks"]]
    assert len(passed) == 4
    assert result["pass_at_k"]["1"] == pytest.approx(sum(passed) / 8)
    assert result["pass_at_k"]["2"] == pytest.approx(sum(p > 0 for p in passed) / 4)
    assert result["adapter"].endswith("_final")
    assert result["sampling"]["max_new_tokens"] == 80, "as its run measured it"

    monkeypatch.setattr("halo_raft.sampling.session.EnginePool", None)  # nothing is left to generate
    assert cli.main(command) == 0
    assert json.loads(output.read_text())["pass_at_k"] == result["pass_at_k"]
    assert cli.main([*command, "--seed", "3"]) == 3
    assert "holds samples of another benchmark" in capsys.readouterr().err


def test_until_the_first_training_selection_may_change_and_no_sample_is_drawn_anew(config, history, tmp_path, capsys):
    folder = shutil.copytree(config.output_dir, tmp_path / "run", symlinks=True)
    for path in [*folder.glob("cycle_2_*"), folder / "cycle_1_final", folder / "cycle_1_stats.json"]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    drawn = {path: path.read_bytes() for path in folder.glob("cycle_*_samples.jsonl")}
    known = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(known | {"tracking_run_id": None}))
    update = {
        "output_dir": folder,
        "cycles": 1,
        "selection": config.selection.model_copy(update={"reward_threshold": 2.0**-3, "max_per_prompt": 1}),
        "training": config.training.model_copy(update={"learning_rate": 5e-4}),
        "tracking": config.tracking.model_copy(update={"dir": tmp_path / "mlruns"}),
    }
    _, stats = raft.train(config.model_copy(update=update))
    assert (stats.threshold, stats.kept) == (0.125, stats.kept_prompts)
    assert {path: path.read_bytes() for path in folder.glob("cycle_*_samples.jsonl")} == drawn
    capsys.readouterr()

    update["selection"] = config.selection
    with pytest.raises(DataError, match="--from-stage select"):
        raft.train(config.model_copy(update=update))
