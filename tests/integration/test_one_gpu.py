"""One GPU that engine and trainer take turns on, as far as Ray's books and ours go: the device itself is a pretence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

REPO = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys

def main():
    import os
    from halo_raft.cluster.connection import RAY_ENVIRONMENT
    os.environ |= RAY_ENVIRONMENT
    import ray
    ray.init(
        address="local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False,
        runtime_env={"worker_process_setup_hook": "tests.integration.fake_engines.pretend_gpu"},
    )
    from halo_raft import cli
    return cli.main(sys.argv[1:])

if __name__ == "__main__":
    sys.exit(main())
"""


@pytest.mark.slow
def test_engine_and_trainer_take_turns_on_a_gpu_and_the_next_adapter_is_served(tmp_path, random_model):
    (tmp_path / "program.py").write_text(PROGRAM)
    words = (
        "engine.name=tests.integration.fake_engines:OnPretendedGpu", "engine.max_model_len=512", "tasks.limit=4",
        "tasks.heldout=starter:heldout", "tasks.heldout_limit=2", "heldout.samples=1", "heldout.greedy=false",
        "sampling.samples_per_prompt=2", "sampling.max_new_tokens=16", 'sampling.stop=["e"," "]',
        "selection.reward_threshold=0", "selection.keep_top_percent=1", "training.num_train_epochs=1",
        "training.learning_rate=0.01", "training.bf16=false", "lora.r=4", "cycles=2", "tracking.mlflow=false",
    )  # fmt: skip
    command = [sys.executable, str(tmp_path / "program.py"), "raft", "train", f"model.name={random_model}", *words]
    environment = {**os.environ, "PYTHONPATH": str(REPO)}  # a hook of Ray's is looked up before anything else is set
    done = subprocess.run(
        [*command, f"output_dir={tmp_path / 'run'}"],
        cwd=REPO, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5, done.stdout + done.stderr  # a random model: nothing was learned
    turns = [json.loads(line) for line in (Path(random_model) / "turns.jsonl").read_text().splitlines()]
    assert [turn["what"] for turn in turns] == [
        "start", "sleep", "wake", "serve cycle-1", "sleep", "wake", "serve cycle-2"
    ]  # fmt: skip
    assert len({turn["process"] for turn in turns}) == 1, "one engine, for all cycles"
    assert {turn["gpus"] for turn in turns} == {"0"}, "Ray gave it the one that there is"
    first, second = (load_file(tmp_path / f"run/cycle_{n}_final/adapter_model.safetensors") for n in (1, 2))
    assert any(bool((first[name] != second[name]).any()) for name in first)
