"""What the integration tests share: one Ray instance a session, the default model, a tiny adapter."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from halo_raft import models
from halo_raft.cluster.connection import RAY_ENVIRONMENT


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """A local Ray instance of two CPUs."""
    for key, value in RAY_ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def default_model() -> str:
    """Folder of the embedded model, converted if it was not yet."""
    return models.resolve("builtin:smollm2-135m")


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory, default_model: str) -> str:
    """A checkpoint with random weights and the embedded model's tokenizer, small enough for any test."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("random")
    tokenizer = AutoTokenizer.from_pretrained(default_model)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, eos_token_id=tokenizer.eos_token_id, initializer_range=0.2, tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def make_adapter(default_model: str, tmp_path: Path) -> Callable[[str, float], str]:
    """Returns a function that saves a LoRA adapter whose B matrices are random (spread 0: changes nothing)."""

    def make(name: str, spread: float) -> str:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        torch.manual_seed(0)
        base = AutoModelForCausalLM.from_pretrained(default_model, dtype=torch.float32)
        shape = LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, target_modules="all-linear")
        adapter = get_peft_model(base, shape)
        for parameter_name, parameter in adapter.named_parameters():
            if "lora_B" in parameter_name:
                parameter.data.normal_(0, spread)
        adapter.save_pretrained(tmp_path / name, save_embedding_layers=False)
        return str(tmp_path / name)

    return make
