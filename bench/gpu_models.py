"""What the steps of `gpu.py` share: models and adapters with random weights, an engine's spec, greedy tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

GIB = 2.0**30
GREEDY_PROMPTS = 16
SMALL = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4}
SEVEN_B = {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28}


def make_model(folder: Path, sizes: dict[str, int], kv_heads: int, *, weights: bool) -> str:
    """Write a Qwen2 checkpoint with random weights, or its config alone, with the embedded model's tokenizer."""
    import torch
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    from halo_raft import models

    tokenizer = AutoTokenizer.from_pretrained(models.resolve("builtin:smollm2-135m"))
    tokenizer.save_pretrained(folder)
    vocabulary = len(tokenizer) if weights else 152064
    config = Qwen2Config(
        **sizes, num_key_value_heads=kv_heads, vocab_size=vocabulary, tie_word_embeddings=False, initializer_range=0.1,
        eos_token_id=tokenizer.eos_token_id, architectures=["Qwen2ForCausalLM"], dtype="bfloat16",
    )  # fmt: skip
    torch.manual_seed(0)
    if weights:
        Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    else:
        config.save_pretrained(folder)
    return str(folder)


def make_adapter(base: str, folder: Path, seed: int, rank: int = 8) -> str:
    """Save a LoRA adapter with random matrices."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    shape = LoraConfig(task_type="CAUSAL_LM", r=rank, lora_alpha=2 * rank, target_modules="all-linear")
    adapter = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), shape)
    for name, parameter in adapter.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.05)
    adapter.save_pretrained(folder, save_embedding_layers=False)
    return str(folder)


def device() -> str:
    """Return what the steps compute on."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def used_gib() -> float | None:
    """Return the GPU memory that is in use, by all processes; None without a GPU."""
    import torch

    if device() == "cpu":
        return None
    free, total = torch.cuda.mem_get_info()
    return round((total - free) / GIB, 2)


def spec_of(model: str, *overrides: str, threads: int = 0) -> Any:
    """Return an engine's spec with adapters served hot."""
    from halo_raft.config import RaftConfig, load
    from halo_raft.engines import EngineSpec

    small = ["engine.max_model_len=512", "sampling.max_new_tokens=64", "engine.delivery=hot", "engine.kv_cache_gb=0.2"]
    config = load(RaftConfig, None, [*small, *overrides])
    return EngineSpec(model, config.engine, device=device(), lora_rank=8, threads=threads)


def greedy(engine: Any, count: int = GREEDY_PROMPTS, tokens: int = 24) -> dict[str, list[int]]:
    """Return the tokens that an engine draws greedily."""
    from halo_raft.engines import GenerationRequest
    from halo_raft.records import Sampling

    sampling = Sampling(temperature=0.0, max_new_tokens=tokens)
    requests = [
        GenerationRequest(str(n), ({"role": "user", "content": f"Write function number {n}."},), sampling, seed=n)
        for n in range(count)
    ]
    return {c.sample_id: c.token_ids for completions in engine.stream(requests) for c in completions}
