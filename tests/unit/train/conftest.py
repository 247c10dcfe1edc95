"""A tiny random Llama with a word tokenizer whose pad is its EOS, like the default model's."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from halo_raft.config.schema import LoraConfig, TrainingConfig
from halo_raft.train import FinetuneJob

VOCABULARY = 96
EOS = 2


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    words = {"<unk>": 0, "<bos>": 1, "<eos>": EOS} | {f"w{i}": i for i in range(3, VOCABULARY)}
    plain = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, unk_token="<unk>", bos_token="<bos>", eos_token="<eos>", pad_token="<eos>"
    )
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=True, bos_token_id=1, eos_token_id=EOS, pad_token_id=EOS,
        initializer_range=0.2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


def rows(count: int, seed: int = 0) -> list[dict[str, object]]:
    """Rows of very different lengths, prompt and completion alike; every second one lacks its EOS."""
    rng = random.Random(seed)

    def words(low: int, high: int) -> list[int]:
        return [rng.randrange(3, VOCABULARY) for _ in range(rng.randint(low, high))]

    return [
        {"prompt_token_ids": words(3, 70), "token_ids": words(1, 60) + [EOS] * (i % 2), "task_id": f"t{i}"}
        for i in range(count)
    ]


@pytest.fixture
def make_job(tiny_model: str, tmp_path: Path) -> Callable[..., FinetuneJob]:
    """Return a maker of jobs on 8 rows, in float32; keywords are fields of the job or of its training."""

    def make(name: str = "adapter", **changes: object) -> FinetuneJob:
        examples = tmp_path / "examples.jsonl"
        examples.write_text("".join(json.dumps(row) + "\n" for row in rows(8)))
        training: dict[str, object] = {"bf16": False, "batch_size": 4, "gradient_accumulation": 2, "warmup_steps": 0}
        settings = {*TrainingConfig.model_fields, "batch_size", "gradient_accumulation"} - {"learning_rate"}
        training |= {key: changes.pop(key) for key in list(changes) if key in settings}
        fields: dict[str, object] = {
            "base_model": tiny_model, "example_files": (examples,), "output_dir": tmp_path / name,
            "storage_dir": tmp_path / "ray", "lora": LoraConfig(r=4, alpha=8), "learning_rate": 1e-2,
            "training": TrainingConfig.model_validate(training),
        }  # fmt: skip
        return FinetuneJob(**(fields | changes))  # type: ignore[arg-type]

    return make
