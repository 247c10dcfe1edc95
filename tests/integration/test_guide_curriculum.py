"""The guide's curriculum YAML as it stands, with the model replaced by the default one and few prompts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from halo_raft import cli

from .. import guide_yaml

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("ray_session", "default_model"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed"),
]


def test_it_climbs_the_ladder_of_its_cycles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "curriculum.yaml").write_text(guide_yaml.CURRICULUM)
    few = ["tasks.limit=12", "sampling.samples_per_prompt=4", "sampling.max_new_tokens=160", "engine.kv_cache_gb=1",
           "engine.max_model_len=512", "engine.max_num_seqs=48", "tracking.mlflow=false",
           "training.num_train_epochs=1", "training.learning_rate=1e-4"]  # fmt: skip
    command = ["raft", "train", "--config", str(tmp_path / "curriculum.yaml"), "--output", str(tmp_path / "run")]
    assert cli.main([*command, *few]) in (0, 5), "so few tasks may leave fewer than ten samples to learn from"
    printed = capsys.readouterr().out
    assert "RAFT CYCLE 3/3" in printed
    plans = [json.loads((tmp_path / "run" / f"cycle_{n}_plan.json").read_text()) for n in (1, 2, 3)]
    assert [plan["reward_threshold"] for plan in plans] == [0.3, 0.5, 0.7]
    assert [plan["run_after_compile"] for plan in plans] == [False, False, True]
    verdicts = [json.loads(line) for line in (tmp_path / "run" / "cycle_1_verified.jsonl").read_text().splitlines()]
    assert {verdict["verifier"] for verdict in verdicts} == {"gcc"}
    rewards = {verdict["sample_id"]: verdict["reward"] for verdict in verdicts}
    kept = [json.loads(line) for line in (tmp_path / "run" / "cycle_1_kept.jsonl").read_text().splitlines()]
    assert kept and all(rewards[sample["sample_id"]] >= 0.3 for sample in kept)
