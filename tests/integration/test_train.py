"""`finetune` through real Ray Train, on a tiny model and the CPU."""

from __future__ import annotations

import importlib.util
import json
import logging
import random
import signal
import threading
from pathlib import Path

import psutil
import pytest

from halo_raft.config.schema import LoraConfig, TrainingConfig
from halo_raft.errors import DataError
from halo_raft.train import FinetuneJob, finetune, loss_ends
from halo_raft.train.saving import checkpoint_folder

from ..tiny_model import VOCABULARY, make_tiny_model

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_session")]


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def make_job(base: str, folder: Path, name: str, **changes: object) -> FinetuneJob:
    rng = random.Random(0)
    rows = [
        {
            "prompt_token_ids": [rng.randrange(3, VOCABULARY) for _ in range(rng.randint(3, 70))],
            "token_ids": [rng.randrange(3, 12) for _ in range(rng.randint(1, 60))],  # learnable: few of the words
        }
        for _ in range(16)
    ]
    examples = folder / "examples.jsonl"
    examples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields: dict[str, object] = {
        "base_model": base, "example_files": (examples,), "output_dir": folder / name, "storage_dir": folder / "ray",
        "lora": LoraConfig(r=8, alpha=16), "learning_rate": 1e-2,
        "training": TrainingConfig(
            num_train_epochs=4, per_device_train_batch_size=4, gradient_accumulation_steps=1, warmup_steps=0, bf16=False
        ),
    }  # fmt: skip
    return FinetuneJob(**(fields | changes))  # type: ignore[arg-type]


def logits(base: str, adapter: Path | None):
    import peft
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = model if adapter is None else peft.PeftModel.from_pretrained(model, str(adapter))
    with torch.no_grad():
        return model.eval()(torch.tensor([[5, 6, 7, 8]])).logits


@pytest.mark.parametrize(("workers", "steps"), [(1, 16), (2, 8)])
def test_finetune_through_ray_train(
    tiny_model: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, workers: int, steps: int
) -> None:
    job = make_job(tiny_model, tmp_path, "adapter", workers=workers)
    handler = signal.getsignal(signal.SIGINT)
    with caplog.at_level(logging.INFO, logger="halo_raft.train"):
        result = finetune(job)
    assert signal.getsignal(signal.SIGINT) is handler, "Ctrl-C is still this process's own"
    assert (result.steps, result.examples, result.skipped_too_long) == (steps, 16, 0)
    first, last = loss_ends(result.loss_curve)
    assert last < 0.9 * first
    assert result.loss_curve[-1].step == steps
    assert (logits(tiny_model, None) - logits(tiny_model, result.adapter_dir)).abs().max() > 1e-3
    assert f"step {steps}/{steps}" in caplog.text
    assert list((tmp_path / "ray").iterdir()) == []


def test_two_workers_take_the_steps_of_one_with_twice_the_batch(tiny_model: str, tmp_path: Path) -> None:
    """The loss is a mean over all workers' tokens, not a mean of the workers' means."""
    from halo_raft.train import loop

    shape = {"num_train_epochs": 3, "warmup_steps": 0, "bf16": False, "gradient_accumulation_steps": 1}
    one = TrainingConfig(per_device_train_batch_size=16, **shape)
    two = TrainingConfig(per_device_train_batch_size=8, **shape)
    alone = loop.train(make_job(tiny_model, tmp_path, "alone", training=one))
    both = finetune(make_job(tiny_model, tmp_path, "both", training=two, workers=2))
    assert both.steps == alone["steps"] == 3
    assert [p.loss for p in both.loss_curve] == pytest.approx([p.loss for p in alone["loss_curve"]], abs=5e-4)
    assert both.trained_tokens == alone["trained_tokens"]


def test_two_workers_do_so_with_all_options(tiny_model: str, tmp_path: Path) -> None:
    """Weights, what is mixed in, a rate for B and a scale that is chosen are those of one worker."""
    from halo_raft.train import loop
    from halo_raft.train.dataset import load_dataset

    shape = {"num_train_epochs": 3, "warmup_steps": 0, "bf16": False, "gradient_accumulation_steps": 1}
    shape |= {"weight": "prompt", "scales": (0.5, 1.0), "held_back": 0.2}
    one = TrainingConfig(per_device_train_batch_size=16, **shape)
    two = TrainingConfig(per_device_train_batch_size=8, **shape)
    held = len(load_dataset(make_job(tiny_model, tmp_path, "alone", training=one), [2]).held_back)
    mixed, lora = tmp_path / "mixed.jsonl", LoraConfig(r=8, alpha=8, rslora=True, plus_ratio=4)
    rows = [{"prompt_token_ids": [3, 4], "token_ids": [5 + n], "task_id": f"t{n % 2}"} for n in range(held)]
    mixed.write_text("".join(json.dumps(row) + "\n" for row in rows))  # 16 examples: none is repeated on two workers
    changes = {"lora": lora, "mixed_in": (mixed,), "learning_rate": 3e-3}
    alone = loop.train(make_job(tiny_model, tmp_path, "alone", training=one, **changes))
    both = finetune(make_job(tiny_model, tmp_path, "both", training=two, workers=2, **changes))
    assert (both.examples, both.mixed_in, both.steps) == (16, held, 3) and held
    assert [p.loss for p in both.loss_curve] == pytest.approx([p.loss for p in alone["loss_curve"]], abs=5e-4)
    assert [p.scale for p in both.scales] == [p.scale for p in alone["scales"]]
    assert [p.loss for p in both.scales] == pytest.approx([p.loss for p in alone["scales"]], abs=5e-4)


@pytest.mark.parametrize(("bf16", "tolerance"), [(False, 1e-3), (True, 3e-2)])
def test_workers_that_share_the_model_train_as_workers_that_each_hold_it(
    tiny_model: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, bf16: bool, tolerance: float
) -> None:
    """Sharding moves weights about; losses, the held-back loss and the saved adapter stay what they were."""
    shape = {"num_train_epochs": 3, "warmup_steps": 0, "bf16": bf16, "gradient_accumulation_steps": 1}
    training = TrainingConfig(per_device_train_batch_size=4, held_back=0.2, **shape)
    whole = finetune(make_job(tiny_model, tmp_path, "ddp", training=training, workers=2))
    with caplog.at_level(logging.INFO, logger="halo_raft.train"):
        shared = finetune(make_job(tiny_model, tmp_path, "fsdp", training=training, workers=2, sharding="fsdp"))
    assert caplog.text.count("keep no checkpoints inside a training") == 1
    assert [p.loss for p in shared.loss_curve] == pytest.approx([p.loss for p in whole.loss_curve], abs=tolerance)
    assert shared.held_back_loss == pytest.approx(whole.held_back_loss, abs=tolerance)
    moved = logits(tiny_model, whole.adapter_dir) - logits(tiny_model, None)
    assert (logits(tiny_model, shared.adapter_dir) - logits(tiny_model, None) - moved).abs().max() < 10 * tolerance
    assert moved.abs().max() > 10 * tolerance


def test_one_of_two_workers_that_is_killed_is_replaced_and_the_result_is_the_same(
    tiny_model: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    training = TrainingConfig(
        num_train_epochs=20, per_device_train_batch_size=4, gradient_accumulation_steps=1, warmup_steps=0, bf16=False,
        checkpoint_steps=1, held_back=0.2,
    )  # fmt: skip
    whole = finetune(make_job(tiny_model, tmp_path, "whole", training=training, workers=2))
    job = make_job(tiny_model, tmp_path, "killed", training=training, workers=2)
    over, killed = threading.Event(), []

    def kill_one() -> None:
        while not over.wait(0.005):
            if any(checkpoint_folder(job.output_dir).glob("checkpoint-1?/whole.json")) and not killed:
                children = psutil.Process().children(recursive=True)
                killed.extend(p for p in children if "RayTrainWorker" in " ".join(p.cmdline()))
                killed[-1].kill()

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    with caplog.at_level(logging.INFO, logger="halo_raft.train"):
        result = finetune(job)
    over.set()
    killer.join()
    assert len(killed) == 2
    assert "a training worker died" in caplog.text
    assert "Going on with the training at step" in caplog.text
    assert result.loss_curve == whole.loss_curve
    weights = [(r.adapter_dir / "adapter_model.safetensors").read_bytes() for r in (result, whole)]
    assert weights[0] == weights[1], "bit for bit"


def test_what_a_user_can_mend_arrives_as_it_was_raised(tiny_model: str, tmp_path: Path) -> None:
    training = TrainingConfig(max_seq_length=1)
    with pytest.raises(DataError, match="nothing to train on"):
        finetune(make_job(tiny_model, tmp_path, "adapter", training=training))
    assert not (tmp_path / "adapter").exists()


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
def test_vllm_accepts_the_adapter(tiny_model: str, tmp_path: Path) -> None:
    from vllm.config.lora import LoRAConfig as ServedLora
    from vllm.lora.peft_helper import PEFTHelper

    from halo_raft.train import loop

    job = make_job(tiny_model, tmp_path, "adapter")
    loop.train(job)
    helper = PEFTHelper.from_local_dir(str(job.output_dir), max_position_embeddings=None)
    helper.validate_legal(ServedLora(max_lora_rank=8, lora_dtype="auto"))
    assert (helper.r, helper.lora_alpha) == (8, 16)
