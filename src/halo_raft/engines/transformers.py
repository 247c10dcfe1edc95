"""The transformers engine: `generate` in length-sorted batches. Portable, and several times slower than vLLM."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from halo_raft.engines.base import Adapter, Completion, Engine, EngineSpec, GenerationRequest
from halo_raft.engines.proof import Canary, canary_of, number, numbers_of_file, same_numbers
from halo_raft.records import Sampling

BATCH_SIZE = 16
"""Sequences decoded together when `engine.max_num_seqs` is not given."""


class TransformersEngine(Engine):
    """Hugging Face `generate` behind the `Engine` interface; adapters are PEFT modules on the base."""

    def __init__(self, spec: EngineSpec) -> None:
        super().__init__(spec)
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(spec.threads or len(os.sched_getaffinity(0)))
        self.tokenizer = AutoTokenizer.from_pretrained(spec.model, trust_remote_code=spec.trust_remote_code)
        self.base = AutoModelForCausalLM.from_pretrained(
            spec.model, dtype=spec.precision, trust_remote_code=spec.trust_remote_code
        )
        self.base.to(spec.device).eval()
        self.model: Any = self.base

    def stream(self, requests: Sequence[GenerationRequest]) -> Iterator[list[Completion]]:
        """Yield the completions of one batch after another; a batch shares its sampling settings."""
        import torch

        if requests:
            torch.manual_seed(requests[0].seed)
        size = self.spec.config.max_num_seqs or BATCH_SIZE
        for sampling, group in groupby(requests, key=lambda r: r.sampling):
            ordered = sorted(group, key=lambda r: len(self.render(r.messages)))
            for start in range(0, len(ordered), size):
                yield self._generate(ordered[start : start + size], sampling)

    def _generate(self, requests: Sequence[GenerationRequest], sampling: Sampling) -> list[Completion]:
        import torch

        prompts = [self.render(r.messages) for r in requests]
        longest = max(map(len, prompts))
        pad = self._pad_id()
        input_ids = torch.tensor([[pad] * (longest - len(p)) + p for p in prompts], device=self.spec.device)
        mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=self.spec.device)
        limit = min(self.room(r) for r in requests)
        with torch.inference_mode():
            output = self.model.generate(
                input_ids=input_ids,
                attention_mask=mask,
                max_new_tokens=limit,
                pad_token_id=pad,
                tokenizer=self.tokenizer,
                **_generate_arguments(sampling),
            )
        rows = output[:, longest:].tolist()
        return [self._completion(r, p, row, sampling.stop) for r, p, row in zip(requests, prompts, rows, strict=True)]

    def _pad_id(self) -> int:
        pad = self.tokenizer.pad_token_id
        return self.tokenizer.eos_token_id if pad is None else pad

    def _completion(
        self, request: GenerationRequest, prompt: list[int], row: list[int], stop: tuple[str, ...]
    ) -> Completion:
        """Cut a row of the batch at its first end-of-sequence token or stop string."""
        ends = self.model.generation_config.eos_token_id
        ends = {ends} if isinstance(ends, int) else set(ends or ())
        end = next((i for i, token in enumerate(row) if token in ends), None)
        if end is not None:
            row = row[: end + 1]
        elif stop:
            row = self._cut_at_stop(row, stop)
        text = self.tokenizer.decode(row, skip_special_tokens=True)
        stopped = end is not None or any(s in text for s in stop)
        return Completion(request.sample_id, text, prompt, row, "stop" if stopped else "length")

    def _cut_at_stop(self, row: list[int], stop: tuple[str, ...]) -> list[int]:
        """Return the shortest prefix whose text holds a stop string; the batch padded the rest."""
        if not any(s in self.tokenizer.decode(row) for s in stop):
            return row
        low, high = 1, len(row)
        while low < high:
            middle = (low + high) // 2
            if any(s in self.tokenizer.decode(row[:middle]) for s in stop):
                high = middle
            else:
                low = middle + 1
        return row[:low]

    def _apply(self, adapter: Adapter | None) -> None:
        from peft import PeftConfig, PeftModelForCausalLM

        if self.model is not self.base:
            self.base = self.model.unload()
            self.model = self.base
        if adapter is not None:
            shape = PeftConfig.from_pretrained(adapter.path)
            shape.inference_mode = True
            self.model = PeftModelForCausalLM(self.base, shape, adapter.name).eval()  # known before it can fail
            self.model.load_adapter(adapter.path, adapter.name)

    def canary(self) -> Canary:
        """Return what the weights in use say of fixed prompts."""
        return canary_of(self.model, self.tokenizer)

    def _holds(self, canary: Canary) -> bool:
        """Compare the matrices that compute, times their scale, with the adapter's files."""
        layers = [module for module in self.model.modules() if getattr(module, "lora_A", None)]
        held = [number(a.weight) for layer in layers for a in layer.lora_A.values()]
        held += [number(b.weight * layer.scaling[name]) for layer in layers for name, b in layer.lora_B.items()]
        assert self.adapter is not None
        dtype = next(iter(layers[0].lora_A.values())).weight.dtype if layers else None
        return same_numbers(sorted(held), numbers_of_file(self.adapter.path, dtype))

    def sleep(self) -> None:
        """Move the weights to host memory."""
        self.model.to("cpu")

    def wake(self) -> None:
        """Move the weights back to the device."""
        self.model.to(self.spec.device)


def _generate_arguments(sampling: Sampling) -> dict[str, Any]:
    """Translate sampling settings into arguments of `generate`."""
    arguments: dict[str, Any] = {"stop_strings": list(sampling.stop)} if sampling.stop else {}
    if sampling.temperature == 0:
        return arguments | {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    return arguments | {
        "do_sample": True,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p or None,
    }
