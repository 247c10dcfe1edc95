"""By what an engine proves which adapter it serves: log-probabilities of fixed texts, numbers that hang on each weight.

A changed output says that something was delivered; these say that it was this adapter. `WorkerReport`
runs in vLLM's workers, wherever those are; vLLM adds it to their class (`worker_extension_cls`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROMPTS = (
    "def add(a, b):\n    return",
    "Write a function that reverses a string.",
    "The quick brown fox",
)
"""Fixed prompts whose log-probabilities tell which weights are in use."""

NOISE = 4.0
"""An engine may be so many times as far from a prediction as it is on the base model."""

CLOSE = 1e-6
"""Relative; sums of the same numbers, in another order."""


@dataclass(frozen=True, slots=True)
class Canary:
    """What an engine says of `PROMPTS`; equal canaries are bit for bit the same.

    Attributes:
        read: Log-probability of the likeliest token after each beginning of a prompt.
        drawn: That of the token after it, for engines that decode in another way than they read.
    """

    read: tuple[float, ...]
    drawn: tuple[float, ...] = ()

    def far(self, other: Canary) -> float:
        """Return how far another one is off, as the root of the mean square, in nats."""
        squares = [(a - b) ** 2 for a, b in zip(self.read, other.read, strict=True)]
        return math.sqrt(sum(squares) / len(squares))


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the base, and the base with an adapter, say by another way of computing than the engine's."""

    base: Canary
    merged: Canary

    def missed_by(self, base: Canary, served: Canary) -> bool:
        """Return whether an engine that says `base` of the base model cannot be serving the adapter with `served`."""
        expected = Canary(tuple(b + m - p for b, m, p in zip(base.read, self.merged.read, self.base.read, strict=True)))
        allowed = max(self.base.far(self.merged) / 2, NOISE * self.base.far(base))
        return served.far(expected) > allowed


def canary_of(model: Any, tokenizer: Any) -> Canary:
    """Return the canary of a transformers model."""
    import torch

    read: list[float] = []
    with torch.inference_mode():
        for prompt in PROMPTS:
            ids = torch.tensor([tokenizer(prompt)["input_ids"]], device=model.device)
            read += torch.log_softmax(model(input_ids=ids).logits[0].float(), -1).amax(-1).tolist()
    return Canary(tuple(read))


def number(tensor: Any) -> float:
    """Return a number that hangs on each element of a tensor and on where it stands."""
    import torch

    values = tensor.detach().cpu().double().flatten()
    return float(values @ torch.cos(torch.arange(values.numel(), dtype=torch.float64)))


def numbers_of_file(folder: str, dtype: Any) -> list[float]:
    """Return the sorted numbers of an adapter's matrices, A as they are and B times the scale, as `dtype`."""
    from safetensors.torch import load_file

    config = json.loads((Path(folder) / "adapter_config.json").read_text(encoding="utf-8"))
    rank, alpha = config["r"], config["lora_alpha"]
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    tensors = load_file(Path(folder) / "adapter_model.safetensors")
    return sorted(
        number(tensor.to(dtype) * scale if "lora_B" in name else tensor.to(dtype)) for name, tensor in tensors.items()
    )


def same_numbers(one: Iterable[float], other: Iterable[float]) -> bool:
    """Return whether two lists of numbers are of the same weights."""
    one, other = list(one), list(other)
    return len(one) == len(other) and all(
        math.isclose(a, b, rel_tol=CLOSE, abs_tol=CLOSE) for a, b in zip(one, other, strict=True)
    )


class WorkerReport:
    """Added to vLLM's workers."""

    def halo_adapter_numbers(self, adapter: int) -> list[float] | None:
        """Return the sorted numbers of the adapter that is loaded under an id, None if that cannot be told."""
        try:
            loaded = self.model_runner.lora_manager._adapter_manager.get_adapter(adapter)  # type: ignore[attr-defined]
            layers = list(loaded.loras.values())
            matrices = [matrix for layer in layers for side in (layer.lora_a, layer.lora_b) for matrix in _listed(side)]
        except AttributeError:
            return None
        return sorted(number(matrix) for matrix in matrices if matrix is not None)


def _listed(side: Any) -> list[Any]:
    """Return the matrices of one side of a layer: several where vLLM joined layers."""
    return list(side) if isinstance(side, (list, tuple)) else [side]
