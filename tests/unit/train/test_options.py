"""What may be asked of a training beside its shape: LoRA+, rsLoRA, weights by prompt, examples mixed in, scales."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from halo_raft.config import RaftConfig, SftConfig, load
from halo_raft.config.schema import LoraConfig
from halo_raft.config.training import TrainingConfig, tied_settings
from halo_raft.errors import ConfigError, DataError, UsageError
from halo_raft.train import FinetuneJob
from halo_raft.train.dataset import load_dataset

torch = pytest.importorskip("torch")
EOS = 2
MakeJob = Callable[..., FinetuneJob]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def train(job: FinetuneJob) -> dict:
    from halo_raft.train import loop

    return loop.train(job)


def adapter(job: FinetuneJob) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(job.output_dir / "adapter_model.safetensors")


def answers(path: Path, *rows: tuple[str, int]) -> Path:
    """Write examples that answer a group with one token, after the group's prompt."""
    prompts = {group: 10 + n for n, group in enumerate(sorted({group for group, _ in rows}))}
    lines = [
        json.dumps({"prompt_token_ids": [4, prompts[group]], "token_ids": [token], "task_id": group}) + "\n"
        for group, token in rows
    ]
    path.write_text("".join(lines))
    return path


def test_b_learns_faster_than_a_by_the_ratio(make_job: MakeJob) -> None:
    shape = {"num_train_epochs": 1, "batch_size": 8, "gradient_accumulation": 1}
    plain, plus = (
        make_job(name, lora=LoraConfig(r=4, alpha=8, plus_ratio=ratio), **shape) for name, ratio in (("a", 1), ("b", 8))
    )
    curves = [train(job)["loss_curve"] for job in (plain, plus)]
    assert curves[0] == curves[1], "the first step is taken from the same weights, and A's rate is the one that is told"
    for (name, slow), fast in zip(adapter(plain).items(), adapter(plus).values(), strict=True):
        wanted = 8 * slow if "lora_B" in name else slow  # Adam's first step is as long as the rate
        torch.testing.assert_close(fast, wanted, rtol=1e-3, atol=1e-6)


def test_rslora_divides_by_the_root_of_the_rank(make_job: MakeJob) -> None:
    job = make_job(lora=LoraConfig(r=16, alpha=8, rslora=True), num_train_epochs=1)
    train(job)
    said = json.loads((job.output_dir / "adapter_config.json").read_text())
    assert (said["use_rslora"], said["r"], said["lora_alpha"]) == (True, 16, 8)
    from halo_raft.train.loading import load_model

    layers = {m.scaling["default"] for m in load_model(job, torch.float32).modules() if hasattr(m, "lora_B")}
    assert layers == {2.0}


def test_a_prompt_with_four_winners_weighs_as_if_it_had_one(make_job: MakeJob, tmp_path: Path) -> None:
    shape = {"batch_size": 8, "gradient_accumulation": 1, "num_train_epochs": 2, "max_grad_norm": 1e9}
    once = answers(tmp_path / "once.jsonl", ("a", 20), ("b", 30))
    often = answers(tmp_path / "often.jsonl", *[("a", 20)] * 4, ("b", 30))
    by = {
        name: make_job(name, example_files=(file,), weight=weight, **shape)
        for name, file, weight in (("one", once, "sample"), ("prompt", often, "prompt"), ("sample", often, "sample"))
    }
    curves = {name: [point.loss for point in train(job)["loss_curve"]] for name, job in by.items()}
    assert curves["prompt"] == pytest.approx(curves["one"], rel=1e-4)
    assert curves["sample"] != pytest.approx(curves["one"], rel=1e-4)
    for one, prompt in zip(adapter(by["one"]).values(), adapter(by["prompt"]).values(), strict=True):
        torch.testing.assert_close(prompt, one, rtol=1e-3, atol=1e-5)


def test_what_is_mixed_in_is_never_held_back_and_answers_nothing_that_is(make_job: MakeJob, tmp_path: Path) -> None:
    groups = [f"g{n}" for n in range(10)]
    own = answers(tmp_path / "own.jsonl", *[(group, 20) for group in groups])
    mixed = answers(tmp_path / "mixed.jsonl", *[(group, 30) for group in groups for _ in range(2)])
    job = make_job(example_files=(own,), mixed_in=(mixed,), held_back=0.3, num_train_epochs=1)
    data = load_dataset(job, [EOS])
    watched = {example.group for example in data.held_back}
    assert watched and all(example.completion_token_ids == (20, EOS) for example in data.held_back)
    assert watched.isdisjoint(example.group for example in data.examples)
    assert data.mixed_in == 2 * (10 - len(watched))
    assert len(data.examples) == 3 * (10 - len(watched))
    facts = train(job)
    assert (facts["examples"], facts["mixed_in"]) == (len(data.examples), data.mixed_in)


def test_where_all_that_is_mixed_in_is_too_long_its_own_are_trained_on(make_job: MakeJob, tmp_path: Path) -> None:
    own, mixed = answers(tmp_path / "own.jsonl", ("a", 20)), tmp_path / "mixed.jsonl"
    row = {"prompt_token_ids": [1], "token_ids": [30] * 5000, "task_id": "b"}
    mixed.write_text(json.dumps(row) + "\n")
    data = load_dataset(make_job(example_files=(own,), mixed_in=(mixed,)), [EOS])
    assert (len(data.examples), data.mixed_in, data.skipped_too_long) == (1, 0, 1)
    with pytest.raises(DataError, match="nothing to train on"):
        load_dataset(make_job(example_files=(mixed,), mixed_in=(own,)), [EOS])


def test_the_scale_with_the_lowest_held_back_loss_is_kept(make_job: MakeJob, tmp_path: Path) -> None:
    rows = answers(tmp_path / "rows.jsonl", *[(f"g{n}", 20 + n) for n in range(10)])  # one teaches nothing of another
    shape = {"num_train_epochs": 1, "batch_size": 1, "gradient_accumulation": 1, "held_back": 0.3}
    shape |= {"learning_rate": 5e-2, "example_files": (rows,)}
    whole, chosen = make_job("whole", **shape), make_job("chosen", scales=(0.1, 0.5, 1.0), **shape)
    facts = train(whole)
    assert facts["scales"] == ()
    lowest, scaled = facts["held_back_loss"], train(chosen)
    losses = {point.scale: point.loss for point in scaled["scales"]}
    assert set(losses) == {0.1, 0.5, 1.0}
    assert losses[1.0] == pytest.approx(lowest), "the best epoch's weights, whole"
    kept = scaled["scales"][0]
    assert kept.loss == min(losses.values()) == scaled["held_back_loss"]
    assert kept.scale < 1, "of an adapter that goes too far less is better"
    for (name, before), after in zip(adapter(whole).items(), adapter(chosen).values(), strict=True):
        torch.testing.assert_close(after, before * kept.scale if "lora_B" in name else before)


def test_one_scale_needs_nothing_held_back(make_job: MakeJob) -> None:
    whole, half = make_job("whole", num_train_epochs=1), make_job("half", num_train_epochs=1, scales=(0.5,))
    train(whole)
    facts = train(half)
    assert (facts["scales"], facts["held_back_loss"]) == (((0.5, None),), None)
    for (name, before), after in zip(adapter(whole).items(), adapter(half).values(), strict=True):
        torch.testing.assert_close(after, before * 0.5 if "lora_B" in name else before)


def test_folders_of_earlier_versions_are_gone_on_with_until_an_option_is_used() -> None:
    lora, training = tied_settings(LoraConfig()), tied_settings(TrainingConfig())
    assert lora == {"r": 32, "alpha": 64, "dropout": 0.0, "target_modules": "all-linear"}
    assert {"weight", "base_share", "scales", "quantize", "checkpoint_steps"}.isdisjoint(training)
    assert tied_settings(LoraConfig(rslora=True))["rslora"] is True
    assert tied_settings(TrainingConfig(scales=(0.5,)))["scales"] == [0.5]


@pytest.mark.parametrize(
    ("schema", "setting", "message"),
    [
        (RaftConfig, "training.scales=[0.5, 1]", "training.scales: nothing is watched; set training.held_back"),
        (SftConfig, "training.base_share=0.1", "training.base_share: has no effect in SFT"),
        (RaftConfig, "training.scales=[0]", "training.scales"),
        (RaftConfig, "training.base_share=1", "training.base_share"),
        (RaftConfig, "lora.plus_ratio=0.5", "lora.plus_ratio"),
    ],
)
def test_what_cannot_work_is_refused(schema: type, setting: str, message: str) -> None:
    with pytest.raises((ConfigError, UsageError), match=message.replace(".", r"\.")):
        load(schema, None, [setting])
    load(RaftConfig, None, ["training.scales=[0.5, 1]", "training.held_back=0.1"])
    load(SftConfig, None, ["training.scales=[0.5, 1]"])
