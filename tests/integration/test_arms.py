"""A curriculum with a second round, and the control arm, through the real pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from halo_raft.config import CycleConfig, RaftConfig, load
from halo_raft.errors import DataError
from halo_raft.pipelines import raft
from halo_raft.records import CycleStats, Sample, Verdict
from halo_raft.store import read_records
from halo_raft.train.examples import IGNORE_INDEX, load_examples

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_session")]

SETTINGS = (
    "tasks.limit=16", "sampling.samples_per_prompt=3", "sampling.max_new_tokens=80", "sampling.temperature=0.6",
    'sampling.stop=["\\n```\\n"]', "engine.max_model_len=512", "engine.kv_cache_gb=1", "engine.max_num_seqs=48",
    "selection.reward_threshold=0.1", "selection.keep_top_percent=1.0", "training.learning_rate=1e-3",
    "training.num_train_epochs=1", "training.per_device_train_batch_size=4", "lora.r=8", "tracking.mlflow=false",
)  # fmt: skip

Run = tuple[RaftConfig, list[CycleStats]]


@pytest.fixture(scope="module")
def curriculum(tmp_path_factory: pytest.TempPathFactory, default_model: str) -> Run:
    """Two cycles: half of the prompts, then three quarters, with second rounds and a held-back loss."""
    config = load(
        RaftConfig,
        None,
        [*SETTINGS, "curriculum_strategy=complexity", "sampling.second_round=2", "sampling.second_round_max_rate=0.99",
         "training.held_back=0.2", "training.min_steps=3", "cycles=2", "sampling.temperatures=[0.6, 0.9]",
         f"output_dir={tmp_path_factory.mktemp('curriculum')}"],
    )  # fmt: skip
    return config, raft.train(config)


def samples_of(config: RaftConfig, cycle: int) -> list[Sample]:
    return list(read_records(config.output_dir / f"cycle_{cycle}_samples.jsonl", Sample))


def test_a_cycle_draws_the_prompts_of_its_plan_at_its_temperature(curriculum: Run) -> None:
    config, history = curriculum
    sizes = []
    for cycle, temperature in ((1, 0.6), (2, 0.9)):
        plan = json.loads((config.output_dir / f"cycle_{cycle}_plan.json").read_text())
        drawn = samples_of(config, cycle)
        assert {s.task_id for s in drawn} == set(plan["task_ids"])
        assert {s.sampling["temperature"] for s in drawn} == {temperature}
        assert history[cycle].samples <= 3 * len(plan["task_ids"])
        sizes.append(len(plan["task_ids"]))
    assert sizes == [8, 12]


def test_the_second_round_goes_where_something_passed_but_not_everything(curriculum: Run) -> None:
    config, history = curriculum
    seen = 0
    for cycle in (1, 2):
        drawn = samples_of(config, cycle)
        verdicts = {v.sample_id: v for v in read_records(config.output_dir / f"cycle_{cycle}_verified.jsonl", Verdict)}
        first: dict[str, list[bool]] = {}
        for sample in drawn:
            if sample.index < 3:
                first.setdefault(sample.task_id, []).append(verdicts[sample.sample_id].success)
        wanted = {task for task, passed in first.items() if any(passed) and not all(passed)}
        again = [s for s in drawn if s.index >= 3]
        assert {s.task_id for s in again} == wanted
        assert len(again) == 2 * len(wanted) == history[cycle].second_round.get("samples", 0)
        assert history[cycle].passed == sum(sum(passed) for passed in first.values())
        seen += len(again)
    assert seen, "the default model solves some starter tasks now and then"


def test_the_figures_of_training_are_in_the_statistics(curriculum: Run) -> None:
    _, history = curriculum
    for stats in history[1:]:
        assert stats.arm == "raft"
        assert stats.train_steps >= 3
        assert stats.loss_held_back is not None and stats.train_tokens_per_s > 0
        assert 0 < stats.kept_prompts <= stats.kept
    assert history[2].replayed > 0, "training from the base sees the winners of all cycles"


def test_labels_decode_to_exactly_the_completion_and_its_end(curriculum: Run, default_model: str) -> None:
    from transformers import AutoTokenizer

    config, history = curriculum
    tokenizer = AutoTokenizer.from_pretrained(default_model)
    path = config.output_dir / "cycle_2_kept.jsonl"
    kept = list(read_records(path, Sample))
    examples = load_examples([path], [tokenizer.eos_token_id], 2048).examples
    assert len(examples) == len(kept) == history[2].kept
    for sample, example in zip(kept, examples, strict=True):
        learned = [label for label in example.labels if label != IGNORE_INDEX]
        assert tokenizer.decode(learned) == sample.completion + tokenizer.eos_token
        assert example.labels[: len(sample.prompt_token_ids)] == [IGNORE_INDEX] * len(sample.prompt_token_ids)


def test_a_cycle_that_has_begun_keeps_its_settings(curriculum: Run) -> None:
    config, _ = curriculum
    changed = config.model_copy(update={"cycles": (CycleConfig(reward_threshold=0.9), CycleConfig())})
    with pytest.raises(DataError, match=r"begun cycle 1 with another reward_threshold \(0\.1, now 0\.9\)"):
        raft.train(changed)


def test_the_control_arm_trains_on_what_the_verifier_did_not_choose(tmp_path: Path, default_model: str) -> None:
    overrides = ["ablate=verifier", "cycles=1", f"output_dir={tmp_path}", "tasks.limit=24"]
    config = load(RaftConfig, None, [*SETTINGS, *overrides])
    _, stats = raft.train(config)
    assert stats.arm == json.loads((tmp_path / "run.json").read_text())["arm"] == "control"
    rewards = {v.sample_id: v.reward for v in read_records(tmp_path / "cycle_1_verified.jsonl", Verdict)}
    kept = list(read_records(tmp_path / "cycle_1_kept.jsonl", Sample))
    assert stats.kept == len(kept) > 0
    assert any(rewards[sample.sample_id] == 0 for sample in kept), "failures are drawn like any other"
    assert not any(sample.truncated for sample in kept)
