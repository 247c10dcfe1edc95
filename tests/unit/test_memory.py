"""The memory plan: what a card is asked for, by arithmetic that was checked by hand for the guide's 7B model."""

from __future__ import annotations

import pytest

from halo_raft import memory
from halo_raft.config import RaftConfig, load

RAFT_YAML = ["training.per_device_train_batch_size=2", "training.gradient_checkpointing=true"]
QWEN_7B = memory.known("Qwen/Qwen2.5-Coder-7B-Instruct")


def planned(*overrides, shape=QWEN_7B, card=24.0):
    config = load(RaftConfig, None, [*RAFT_YAML, *overrides])
    made = memory.plan(config, shape, card)
    return made, memory.too_little(made, config)


def test_the_guides_job_fits_on_its_card():
    made, refused = planned()
    assert not refused
    assert made.weights == pytest.approx(14.19, abs=0.01)
    assert made.engine == pytest.approx(21.6)
    assert made.cache == pytest.approx(4.4, abs=0.5)
    assert made.pinned == made.weights, "26.75, if torch rounded each tensor up to a power of two"
    assert made.trainer + made.asleep < 24
    small, _ = planned("training.max_seq_length=768")
    assert small.trainer == pytest.approx(20, abs=0.7)


@pytest.mark.parametrize(
    ("overrides", "card", "said"),
    [
        (["training.per_device_train_batch_size=8"], 24, "lower training.per_device_train_batch_size (8)"),
        (["training.gradient_checkpointing=false"], 24, "set training.gradient_checkpointing=true"),
        (["training.train_on=all"], 24, "beside the sleeping engine's 2.5"),
        ([], 16, "no KV cache for one sequence of 2048 tokens"),
        (["model.dtype=float32"], 24, "no KV cache"),
    ],
)
def test_what_cannot_fit_is_one_line_with_the_mend(overrides, card, said):
    _, refused = planned(*overrides, card=card)
    assert said in refused
    assert "\n" not in refused


def test_an_engine_that_ends_for_training_leaves_nothing():
    made, _ = planned("engine.sleep=false")
    assert made.asleep == 0
    assert ("memory: asleep", "nothing: the engine ends while training runs") in list(made.lines())


def test_two_gpus_share_the_weights():
    one, two = planned(card=80.0)[0], planned("engine.tensor_parallel=2", card=80.0)[0]
    assert two.weights == one.weights / 2
    assert two.cache_tokens > 2 * one.cache_tokens


def test_a_shape_is_read_from_a_config():
    from transformers import Qwen2Config

    fields = Qwen2Config(
        hidden_size=3584, num_hidden_layers=28, intermediate_size=18944, vocab_size=152064,
        num_attention_heads=28, num_key_value_heads=4, tie_word_embeddings=False,
    ).to_dict()  # fmt: skip
    assert memory.Shape.of(fields) == QWEN_7B
    assert memory.Shape.of({"hidden_size": 3}) is None
    assert memory.known("somebody/else-7B") is None


def test_the_estimate_counts_what_a_model_has():
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=1000, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=False,
    )  # fmt: skip
    shape = memory.Shape.of(config.to_dict())
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    large = sum(p.numel() for p in model.parameters() if p.dim() > 1)
    assert sum(shape.tensors) == large
    adapter = get_peft_model(model, LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    assert shape.lora(8) == sum(p.numel() for n, p in adapter.named_parameters() if "lora_" in n)


def test_a_base_in_4_bits_is_planned_as_such():
    whole, _ = planned()
    small, _ = planned("training.quantize=nf4")
    assert whole.trainer - small.trainer == pytest.approx(9.02, abs=0.1), "6.5 billion elements of 2 bytes, or of 0.516"
    assert small.weights == whole.weights, "what is served is not quantized"
