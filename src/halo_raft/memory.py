"""How much memory a run takes, from a model's shape: estimates that are worth a refusal before hours are lost.

Derived from vLLM 0.32, torch 2.13 and our trainer; nothing here asks a device. Everything is in GiB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from halo_raft.config import EngineConfig, RaftConfig
from halo_raft.config.training import LoraConfig, TrainingConfig

GIB = 2.0**30

ASLEEP = 2.5
"""What an engine that sleeps leaves on the GPU: CUDA's context, captured graphs, LoRA's buffers."""

CONTEXT = 1.5
"""CUDA's context and the libraries' work space of a process that trains."""

ENGINE_CONTEXT = 1.3
"""The same of one that generates, with its captured graphs."""

BYTES_A_LOGIT = 14.4
"""Of cross-entropy, forward and backward: bfloat16 logits, their float32 copy, its softmax and gradients."""

NF4_BYTES = 0.516
"""Of an element in bitsandbytes' nf4: 4 bits, and scales that are quantized themselves."""

STEP_TOKENS = 8192
"""Tokens that vLLM computes at once, at most, when not told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A decoder's sizes, by the names of its config.json."""

    hidden: int
    layers: int
    intermediate: int
    vocabulary: int
    heads: int
    kv_heads: int
    tied: bool

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape | None:
        """Return the shape that a config.json says, None if it says another kind of model."""
        try:
            return cls(
                hidden=config["hidden_size"],
                layers=config["num_hidden_layers"],
                intermediate=config["intermediate_size"],
                vocabulary=config["vocab_size"],
                heads=config["num_attention_heads"],
                kv_heads=config.get("num_key_value_heads") or config["num_attention_heads"],
                tied=config.get("tie_word_embeddings", False),
            )
        except KeyError:
            return None

    @property
    def key_width(self) -> int:
        """Width of a layer's keys, and of its values."""
        return self.hidden // self.heads * self.kv_heads

    @property
    def tensors(self) -> list[int]:
        """Elements of each large tensor, joined as vLLM joins them."""
        hidden, inner = self.hidden, self.intermediate
        layer = [hidden * (hidden + 2 * self.key_width), hidden * hidden, 2 * hidden * inner, inner * hidden]
        return layer * self.layers + [self.vocabulary * hidden] * (1 if self.tied else 2)

    def lora(self, rank: int) -> int:
        """Return the elements of an adapter on all linear layers."""
        hidden, keys, inner = self.hidden, self.key_width, self.intermediate
        return self.layers * rank * (2 * 2 * hidden + 2 * (hidden + keys) + 3 * (hidden + inner))


KNOWN = {
    "qwen2.5-0.5b": (896, 24, 4864, 151936, 14, 2, True),
    "qwen2.5-1.5b": (1536, 28, 8960, 151936, 12, 2, True),
    "qwen2.5-3b": (2048, 36, 11008, 151936, 16, 2, True),
    "qwen2.5-7b": (3584, 28, 18944, 152064, 28, 4, False),
    "qwen2.5-14b": (5120, 48, 13824, 152064, 40, 8, False),
    "qwen2.5-32b": (5120, 64, 27648, 152064, 40, 8, False),
}
"""Models of the guide, for plans of what is not downloaded yet; the Coder's are the same."""


def known(name: str) -> Shape | None:
    """Return the shape of a well-known model by its hub name."""
    plain = name.lower().rpartition("/")[2].replace("-coder", "").removesuffix("-instruct")
    sizes = KNOWN.get(plain)
    names = ("hidden", "layers", "intermediate", "vocabulary", "heads", "kv_heads", "tied")
    return Shape(**dict(zip(names, sizes, strict=True))) if sizes else None  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """What a run takes of one card, and of its machine.

    Attributes:
        card: The card's memory.
        weights: The base model in an engine, or its part where several GPUs share it.
        engine: What the engine takes, all in all.
        cache: What of it is left for the KV cache.
        cache_tokens: Tokens that fit in it.
        asleep: What the engine leaves on the card while training runs; 0 where it ends for that time.
        trainer: The most that a training worker takes.
        pinned: Host memory that a sleeping engine's weights take (`vllm_settings` keeps torch from rounding it up).
    """

    card: float
    weights: float
    engine: float
    cache: float
    cache_tokens: int
    asleep: float
    trainer: float
    pinned: float

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield what a plan says, topic by topic."""
        yield (
            "memory: engine",
            (
                f"{self.engine:.1f} of {self.card:g} GiB: weights {self.weights:.1f}, "
                f"KV cache {self.cache:.1f} ({self.cache_tokens:,} tokens)"
            ),
        )
        if self.asleep:
            yield "memory: asleep", f"about {self.asleep:.1f} GiB on the GPU, {self.pinned:.1f} GiB pinned on the host"
        else:
            yield "memory: asleep", "nothing: the engine ends while training runs"
        yield "memory: trainer", f"at most about {self.trainer:.1f} GiB, {self.card - self.asleep:.1f} are free then"
        yield (
            "memory: host",
            (f"{self.pinned:.1f} GiB pinned" if self.asleep else "nothing pinned")
            + f", and {self.weights:.1f} GiB of weights on their way while something loads",
        )


def plan(config: RaftConfig, shape: Shape, card: float) -> MemoryPlan:
    """Return how much memory a run takes of a card of `card` GiB."""
    engine, training = config.engine, config.training
    width = 4 if config.model.dtype == "float32" else 2
    weights = sum(shape.tensors) * width / GIB
    part = weights / engine.tensor_parallel
    total = engine.gpu_memory_utilization * card
    cache = total - part - shape.lora(config.lora.r) * width / GIB - _work_space(shape, engine)
    token = 2 * shape.layers * shape.key_width * width / engine.tensor_parallel / GIB
    trainers = config.resources.trainer
    shared = trainers.num_workers if trainers.strategy == "fsdp" else 1
    sleeps = engine.sleep and engine.tensor_parallel == trainers.num_workers == 1
    frozen = _frozen(shape, training, width) / shared
    return MemoryPlan(
        card=card,
        weights=part,
        engine=total,
        cache=cache,
        cache_tokens=max(0, int(cache / token)),
        asleep=ASLEEP if sleeps else 0.0,
        trainer=frozen + _training(shape, training, config.lora, config.sampling.max_new_tokens),
        pinned=weights,
    )


def too_little(made: MemoryPlan, config: RaftConfig) -> str:
    """Return why a plan cannot work and what to change, in one line; empty if it can."""
    engine, training = config.engine, config.training
    if made.cache_tokens < engine.max_model_len:
        return (
            f"model.name: the engine's {made.engine:.1f} of {made.card:g} GiB hold {made.weights:.1f} of weights and "
            f"no KV cache for one sequence of {engine.max_model_len} tokens; take a smaller model, a larger card, or "
            "engine.tensor_parallel"
        )
    if made.trainer > made.card - made.asleep:
        beside = f" beside the sleeping engine's {made.asleep:.1f}" if made.asleep else ""
        mends = [
            f"training.per_device_train_batch_size ({training.per_device_train_batch_size})"
            if training.per_device_train_batch_size > 1
            else "",
            f"training.max_seq_length ({training.max_seq_length})",
        ]
        lower = "lower " + " or ".join(filter(None, mends))
        checkpoints = "" if training.gradient_checkpointing else ", or set training.gradient_checkpointing=true"
        stop = ", or engine.sleep=false" if made.asleep else ""
        return (
            f"training: it takes about {made.trainer:.1f} GiB{beside}, and the card has {made.card:g}; "
            f"{lower}{checkpoints}{stop}"
        )
    return ""


def _work_space(shape: Shape, engine: EngineConfig) -> float:
    """Return what an engine computes in: activations of its largest step, and the sampler's logits."""
    activations = STEP_TOKENS * (2 * shape.intermediate + 4 * shape.hidden) * 2 / engine.tensor_parallel
    logits = (engine.max_num_seqs or 256) * shape.vocabulary * 4 * 4
    return ENGINE_CONTEXT + (activations + logits) / GIB


def _frozen(shape: Shape, training: TrainingConfig, width: int) -> float:
    """Return what the frozen base takes in training: layers in 4 bits and their scales where it is quantized."""
    ends = (1 if shape.tied else 2) * shape.vocabulary * shape.hidden
    return (ends * width + (sum(shape.tensors) - ends) * (NF4_BYTES if training.quantize else width)) / GIB


def _training(shape: Shape, training: TrainingConfig, lora: LoraConfig, answer: int) -> float:
    """Return what training takes beside the weights: adapter and its optimizer in float32, activations, logits."""
    rows = training.per_device_train_batch_size
    tokens = rows * training.max_seq_length
    layer = tokens * (16 * shape.hidden + 5 * shape.intermediate) * 2
    kept = shape.layers * tokens * shape.hidden * 2 + layer if training.gradient_checkpointing else shape.layers * layer
    with_loss = tokens if training.train_on == "all" else rows * min(answer, training.max_seq_length)
    return CONTEXT + (16 * shape.lora(lora.r) + kept + with_loss * shape.vocabulary * BYTES_A_LOGIT) / GIB
