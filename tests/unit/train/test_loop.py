"""Training itself, in this process, on a tiny model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from halo_raft.config.schema import LoraConfig
from halo_raft.errors import ConfigError, HaloRaftError
from halo_raft.train import FinetuneJob
from halo_raft.train.batches import pad_right
from halo_raft.train.examples import TrainExample, load_examples

torch = pytest.importorskip("torch")
EOS = 2
MakeJob = Callable[..., FinetuneJob]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)  # the same sums on every machine


def load(base: str, adapter: Path | None = None):
    import peft
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    return model if adapter is None else peft.PeftModel.from_pretrained(model, str(adapter)).eval()


def adapted(base: str, **shape: object):
    import peft

    return peft.get_peft_model(load(base), peft.LoraConfig(task_type="CAUSAL_LM", r=4, **shape))


def examples_of(job: FinetuneJob) -> tuple[TrainExample, ...]:
    return load_examples(job.example_files, [EOS], job.training.max_seq_length).examples


def plain_loss(model, examples: tuple[TrainExample, ...]) -> float:
    """Mean loss per completion token, one example at a time, with no padding and no code of ours."""
    total = tokens = 0.0
    for example in examples:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([example.input_ids])).logits[0]
        start = len(example.prompt_token_ids)
        targets = torch.tensor(example.completion_token_ids)
        total += torch.nn.functional.cross_entropy(logits[start - 1 : -1], targets, reduction="sum").item()
        tokens += len(targets)
    return total / tokens


def train(job: FinetuneJob) -> dict:
    from halo_raft.train import loop

    return loop.train(job)


@pytest.mark.parametrize("most_logits", [2**26, 96 * 7])
@pytest.mark.parametrize("extra", [0, 64, 192])
def test_neither_padding_nor_pieces_change_the_loss(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, extra: int, most_logits: int
) -> None:
    from halo_raft.train import losses

    monkeypatch.setattr(losses, "MOST_LOGITS", most_logits)
    job = make_job()
    model, examples = adapted(job.base_model), examples_of(job)
    batch = {name: torch.tensor(rows) for name, rows in pad_right(examples, EOS).items()}
    fill = {"input_ids": EOS, "attention_mask": 0, "labels": -100}
    batch = {name: torch.nn.functional.pad(rows, (0, extra), value=fill[name]) for name, rows in batch.items()}
    labels = batch.pop("labels")
    tokens = sum(len(example.completion_token_ids) for example in examples)
    with torch.no_grad(), losses.loss_as_logits(model, labels, tokens):
        outputs = model(**batch)
    assert losses.completion_loss(outputs, labels, tokens).item() == pytest.approx(
        plain_loss(model, examples), abs=1e-5
    )
    assert model(**batch).logits.shape == (*labels.shape, 96), "the model is as it was"


@pytest.mark.parametrize(("batch_size", "accumulation"), [(8, 1), (4, 2), (3, 3), (1, 8)])
def test_accumulated_batches_equal_one_big_batch(make_job: MakeJob, batch_size: int, accumulation: int) -> None:
    shape = {"num_train_epochs": 3, "max_grad_norm": 1e9}
    big = train(make_job("big", batch_size=8, gradient_accumulation=1, **shape))
    job = make_job("cut", batch_size=batch_size, gradient_accumulation=accumulation, **shape)
    cut = train(job)
    assert big["steps"] == cut["steps"] == 3
    assert [point.loss for point in cut["loss_curve"]] == pytest.approx([p.loss for p in big["loss_curve"]], abs=2e-4)
    assert cut["loss_curve"][0].loss == pytest.approx(plain_loss(load(job.base_model), examples_of(job)), abs=1e-4)


def test_loss_falls_and_the_figures_add_up(make_job: MakeJob) -> None:
    job = make_job(num_train_epochs=6)
    lines: list[str] = []
    from halo_raft.train import loop

    result = loop.train(job, report=lines.append)
    examples = examples_of(job)
    assert result["loss_curve"][-1].loss < 0.9 * result["loss_curve"][0].loss
    assert [point.step for point in result["loss_curve"]] == list(range(1, 7))
    assert result["examples"] == 8
    assert result["completion_tokens"] == sum(len(e.completion_token_ids) for e in examples)
    assert result["trained_tokens"] == 6 * sum(map(len, examples))
    assert lines and lines[-1].startswith("step 6/6")


def test_same_seed_same_curve(make_job: MakeJob) -> None:
    first, second, other = (
        train(make_job(name, num_train_epochs=2, batch_size=2, seed=seed, lora=LoraConfig(r=4, alpha=8, dropout=0.1)))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first["loss_curve"] == second["loss_curve"] != other["loss_curve"]


def test_the_saved_adapter_reloads_and_matters(make_job: MakeJob) -> None:
    job = make_job(num_train_epochs=2)
    train(job)
    ids = torch.tensor([[5, 6, 7, 8]])
    base, tuned = load(job.base_model), load(job.base_model, job.output_dir)
    with torch.no_grad():
        plain, adapted = base(ids).logits, tuned(ids).logits
        with tuned.disable_adapter():
            off = tuned(ids).logits
    assert not torch.allclose(plain, adapted, atol=1e-3)
    assert torch.equal(plain, off)


def test_the_adapter_folder_is_what_peft_and_vllm_expect(make_job: MakeJob) -> None:
    from transformers import AutoTokenizer

    job = make_job()
    train(job)
    config = json.loads((job.output_dir / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == job.base_model
    assert (config["peft_type"], config["task_type"], config["bias"]) == ("LORA", "CAUSAL_LM", "none")
    assert (config["r"], config["lora_alpha"], config["modules_to_save"]) == (4, 8, None)
    assert "lm_head" not in config["target_modules"]
    assert AutoTokenizer.from_pretrained(job.output_dir).chat_template
    assert not (job.output_dir / "README.md").exists()
    assert [path.name for path in job.output_dir.parent.glob(".adapter-*")] == []


def test_init_adapter_continues_where_it_ended(make_job: MakeJob) -> None:
    first = make_job("first", num_train_epochs=4)
    train(first)
    second = make_job("second", init_adapter=first.output_dir, lora=LoraConfig(r=99, alpha=1))
    result = train(second)
    expected = plain_loss(load(first.base_model, first.output_dir), examples_of(first))
    assert result["loss_curve"][0].loss == pytest.approx(expected, abs=1e-4)
    assert expected < 0.95 * plain_loss(load(first.base_model), examples_of(first))
    assert json.loads((second.output_dir / "adapter_config.json").read_text())["r"] == 4


def test_a_crash_while_saving_leaves_nothing(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    job = make_job()
    monkeypatch.setattr(transformers.PreTrainedTokenizerFast, "save_pretrained", fail)
    with pytest.raises(OSError, match="disk full"):
        train(job)
    assert {path.name for path in job.output_dir.parent.iterdir()} == {"examples.jsonl"}


def test_a_diverged_training_is_an_error_and_saves_nothing(make_job: MakeJob) -> None:
    job = make_job(learning_rate=1e30, num_train_epochs=5)
    with pytest.raises(HaloRaftError, match=r"diverged.*step"):
        train(job)
    assert not job.output_dir.exists()


def test_unknown_target_modules_are_named(make_job: MakeJob) -> None:
    with pytest.raises(ConfigError, match=r"lora\.target_modules.*nonsense"):
        train(make_job(lora=LoraConfig(target_modules=("nonsense",))))


def test_bfloat16_stays_close_and_keeps_float32_adapters(make_job: MakeJob) -> None:
    from safetensors.torch import load_file

    exact, fast = train(make_job("exact", num_train_epochs=3)), train(make_job("fast", num_train_epochs=3, bf16=True))
    assert (exact["precision"], fast["precision"]) == ("float32", "bfloat16")
    for a, b in zip(exact["loss_curve"], fast["loss_curve"], strict=True):
        assert b.loss == pytest.approx(a.loss, rel=0.02)
    tensors = load_file(make_job("fast").output_dir / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_gradient_checkpointing_changes_nothing(make_job: MakeJob) -> None:
    plain = train(make_job("plain", num_train_epochs=3))
    frugal = train(make_job("frugal", num_train_epochs=3, gradient_checkpointing=True))
    assert [p.loss for p in frugal["loss_curve"]] == pytest.approx([p.loss for p in plain["loss_curve"]], abs=1e-5)


def test_every_end_of_sequence_id_of_the_model_counts(make_job: MakeJob, tiny_model: str, tmp_path: Path) -> None:
    import transformers

    from halo_raft.train.loop import _eos_token_ids

    model = load(tiny_model)
    model.generation_config.eos_token_id = [9, EOS]
    assert _eos_token_ids(model, transformers.AutoTokenizer.from_pretrained(tiny_model)) == [EOS, 9]


def test_a_long_warmup_still_reaches_the_rate(make_job: MakeJob) -> None:
    result = train(replace(make_job(warmup_steps=50, num_train_epochs=4), learning_rate=1e-3))
    assert max(point.learning_rate for point in result["loss_curve"]) == pytest.approx(1e-3)


def test_a_rising_held_back_loss_ends_training_and_the_best_weights_are_saved(make_job: MakeJob) -> None:
    from halo_raft.train.schedule import hold_back

    job = make_job(num_train_epochs=40, held_back=0.25, early_stopping_patience=2)
    result = train(replace(job, learning_rate=3e-2))
    losses = [point.loss for point in result["held_back_curve"]]
    assert result["epochs"] < 40 and len(losses) < 41
    assert losses[-1] >= min(losses[:-1]) and losses[-2] >= min(losses[:-2])
    kept, held = hold_back(examples_of(job), 0.25, job.held_back_seed)
    assert (result["examples"], result["held_back"]) == (len(kept), len(held))
    assert result["held_back_loss"] == min(losses[1:]), "what training started from is not kept"
    assert plain_loss(load(job.base_model, job.output_dir), held) == pytest.approx(min(losses[1:]), abs=1e-4)


def test_without_patience_all_epochs_are_trained_and_the_best_is_kept(make_job: MakeJob) -> None:
    result = train(make_job(num_train_epochs=3, held_back=0.1))
    assert len(result["held_back_curve"]) == 4
    assert result["epochs"] == 3
    assert result["held_back_loss"] == min(point.loss for point in result["held_back_curve"][1:])


def test_a_minimum_of_steps_is_taken(make_job: MakeJob) -> None:
    result = train(make_job(num_train_epochs=1, batch_size=4, gradient_accumulation=2, min_steps=7))
    assert result["steps"] >= 7
    assert result["loss_curve"][-1].step == result["steps"]


def test_loss_on_all_tokens_counts_the_prompt(make_job: MakeJob) -> None:
    result = train(make_job(num_train_epochs=1, train_on="all"))
    examples = examples_of(make_job())
    assert result["completion_tokens"] == sum(len(e) - 1 for e in examples)


def test_weights_are_read_straight_into_the_device_that_trains(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    from halo_raft.train import loading

    monkeypatch.delenv("ACCELERATE_TORCH_DEVICE", raising=False)
    assert loading.straight_onto_device(make_job()) == {}
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match="Ray counts a GPU here that torch"):
        loading.straight_onto_device(make_job(gpus_per_worker=1))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert loading.straight_onto_device(make_job(gpus_per_worker=0.5)) == {"device_map": {"": "cuda:0"}}
    monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", "cuda:1")
    assert loading.straight_onto_device(make_job(gpus_per_worker=1, workers=2)) == {"device_map": {"": "cuda:1"}}
    assert loading.straight_onto_device(make_job(gpus_per_worker=1, workers=2, sharding="fsdp")) == {}


def test_a_base_in_4_bits_is_asked_of_bitsandbytes_on_nvidia_alone(make_job, monkeypatch):
    from halo_raft.train import loading

    assert loading.quantized(make_job(gpus_per_worker=1)) == {}
    with pytest.raises(ConfigError, match=r"training.quantize: nf4 .* this is a CPU"):
        loading.quantized(make_job(quantize="nf4"))
    on_gpu = make_job(quantize="nf4", gpus_per_worker=1)
    with monkeypatch.context() as patch:
        patch.setattr(torch.version, "hip", "7.0")
        with pytest.raises(ConfigError, match="ROCm"):
            loading.quantized(on_gpu)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install bitsandbytes"):
        loading.quantized(on_gpu)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    asked = loading.quantized(on_gpu)["quantization_config"]
    assert (asked.load_in_4bit, asked.bnb_4bit_quant_type, asked.bnb_4bit_use_double_quant) == (True, "nf4", True)
    assert asked.bnb_4bit_compute_dtype == torch.bfloat16
