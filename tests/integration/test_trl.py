"""GRPO of TRL on the default model, with our judge as its reward."""

from __future__ import annotations

import pytest

from halo_raft import load_tasks, prompts
from halo_raft.rewards import CodeReward

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("by_id", [True, False], ids=["tasks by id", "tasks in columns"])
def test_two_steps_of_grpo(default_model, tmp_path, by_id):
    trl = pytest.importorskip("trl", reason="trl is not installed")
    from datasets import Dataset

    loaded = load_tasks("starter", limit=4)
    rows = [
        {"prompt": list(prompts.messages(task)), "task_id": task.task_id, "test_list": list(task.test_list or ())}
        for task in loaded.tasks
    ]
    reward = CodeReward(loaded if by_id else None)
    given: list[list[float | None]] = []

    def code_reward(**asked):
        given.append(reward(**asked))
        return given[-1]

    trainer = trl.GRPOTrainer(
        model=default_model,
        reward_funcs=code_reward if by_id else [reward],
        args=trl.GRPOConfig(
            output_dir=str(tmp_path),
            max_steps=2,
            per_device_train_batch_size=4,
            num_generations=4,
            max_completion_length=48,
            temperature=0.6,
            logging_steps=1,
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            learning_rate=1e-6,
            seed=0,
        ),
        train_dataset=Dataset.from_list(rows),
    )
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert trainer.state.global_step == 2 and len(logged) == 2
    assert all(0 <= entry["reward"] <= 1 for entry in logged)
    if by_id:
        judged = [value for batch in given for value in batch]
        assert len(judged) == 8 and all(value is None or 0 <= value <= 1 for value in judged)
        assert any(value is not None for value in judged)
