"""GRPO of TRL on the default model, with our judge as its reward."""

from __future__ import annotations

import pytest

from halo_raft import load_tasks, prompts
from halo_raft.rewards import CodeReward

pytestmark = pytest.mark.slow


def test_two_steps_of_grpo(default_model, tmp_path):
    trl = pytest.importorskip("trl", reason="trl is not installed")
    from datasets import Dataset

    loaded = load_tasks("starter", limit=4)
    rows = [{"prompt": list(prompts.messages(task)), "task_id": task.task_id} for task in loaded.tasks]
    reward = CodeReward(loaded)
    given: list[float | None] = []

    def code_reward(**asked):
        given.extend(reward(**asked))
        return given[-len(asked["prompts"]) :]

    trainer = trl.GRPOTrainer(
        model=default_model,
        reward_funcs=code_reward,
        args=trl.GRPOConfig(
            output_dir=str(tmp_path),
            max_steps=2,
            per_device_train_batch_size=2,
            num_generations=2,
            max_completion_length=32,
            temperature=0.6,
            logging_steps=1,
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            seed=0,
        ),
        train_dataset=Dataset.from_list(rows),
    )
    trainer.train()
    logged = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
    assert trainer.state.global_step == 2 and len(given) == 4
    assert all(value is not None and 0 <= value <= 1 for value in given)
    assert logged == pytest.approx([sum(given[:2]) / 2, sum(given[2:]) / 2], abs=1e-4)
