"""The interface of an engine: prompts in, finished completions out, with or without an adapter.

One engine owns one copy of the model. It is created once, used for every cycle and told which
adapter to use; it proves by a canary that a new adapter really changed what the model says.
Placement, restarts and streaming across processes are the actor's part (`actor`).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from halo_raft import prompts
from halo_raft.config import EngineConfig
from halo_raft.errors import DataError, HaloRaftError
from halo_raft.precision import bfloat16_is_fast
from halo_raft.records import Sampling

CANARY_PROMPTS = (
    "def add(a, b):\n    return",
    "Write a function that reverses a string.",
    "The quick brown fox",
)
"""Fixed prompts whose next-token log-probabilities tell whether the weights in use have changed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Everything that is needed to build an engine, in any process.

    Attributes:
        model: A folder, or a hub name.
        dtype: `auto` or a torch dtype's name.
        device: `cpu` or `cuda`.
        threads: CPU threads for generation, 0 for all that the process may use.
        lora_rank: Rank that hot adapters have.
        seed: Seeds sampling where requests cannot carry their own seed.
    """

    model: str
    config: EngineConfig
    dtype: str = "auto"
    device: str = "cpu"
    threads: int = 0
    lora_rank: int = 32
    trust_remote_code: bool = False
    seed: int = 0

    @property
    def precision(self) -> str:
        """The dtype to load the model in: `auto` is float32 on a CPU that would emulate bfloat16 many times slower."""
        emulated = self.dtype == "auto" and self.device == "cpu" and not bfloat16_is_fast()
        return "float32" if emulated else self.dtype

    @property
    def hot(self) -> bool:
        """Whether adapters are served as LoRA, instead of merged into reloaded weights."""
        if self.config.delivery == "auto":
            return self.device == "cuda"
        return self.config.delivery == "hot"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter folder. Each has a name and a number of its own: engines cache by both."""

    name: str
    number: int
    path: str


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One sample to draw: a chat, how to sample, and a seed for engines that take one a request."""

    sample_id: str
    messages: tuple[dict[str, str], ...]
    sampling: Sampling
    seed: int


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished sample; see `records.Sample` for the fields."""

    sample_id: str
    text: str
    prompt_token_ids: list[int]
    token_ids: list[int]
    finish_reason: str


class AdapterNotAppliedError(HaloRaftError):
    """An adapter was delivered and the model's outputs stayed bit for bit the same."""


class Engine(ABC):
    """Base of the engines. Subclasses load the model in `__init__`."""

    tokenizer: Any

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self.adapter: Adapter | None = None
        self._rendered: dict[tuple[tuple[str, str], ...], list[int]] = {}

    @abstractmethod
    def stream(self, requests: Sequence[GenerationRequest]) -> Iterator[list[Completion]]:
        """Yield completions as they finish, in any order, each request exactly once."""

    @abstractmethod
    def _apply(self, adapter: Adapter | None) -> None:
        """Serve `adapter` from now on; None is the base model."""

    @abstractmethod
    def canary(self) -> tuple[float, ...]:
        """Return next-token log-probabilities of `CANARY_PROMPTS` under the weights in use."""

    def sleep(self) -> None:  # noqa: B027 - optional
        """Free the device for training, where the engine can."""

    def wake(self) -> None:  # noqa: B027 - optional
        """Take the device back."""

    def use(self, adapter: Adapter | None) -> None:
        """Serve `adapter` (None: the base) and prove that it took effect. A no-op if it is in use.

        Raises:
            AdapterNotAppliedError: The outputs did not change.
        """
        if adapter == self.adapter:
            return
        before, previous = self.canary(), self.adapter
        self._apply(adapter)
        self.adapter = adapter
        if self.canary() == before:
            self.adapter = previous  # the weights say the same either way; asking again must fail again
            name = adapter.name if adapter else "the base model"
            raise AdapterNotAppliedError(
                f"{name} was delivered to the engine but its outputs did not change; "
                "is the adapter trained at all (learning rate, steps)?"
            )

    def render(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """Return the token ids of a chat, ready for the assistant's turn: `prompts.token_ids`, remembered."""
        key = tuple((m["role"], m["content"]) for m in messages)
        if key not in self._rendered:
            self._rendered[key] = prompts.token_ids(messages, self.tokenizer)
        return self._rendered[key]

    def room(self, request: GenerationRequest) -> int:
        """Return how many new tokens fit after a prompt, at most what the request asks for.

        Raises:
            DataError: The prompt alone fills the context.
        """
        length, context = len(self.render(request.messages)), self.spec.config.max_model_len
        if length >= context:
            beginning = " ".join(request.messages[-1]["content"].split())[:60]
            raise DataError(
                f"the prompt that begins {beginning!r} has {length} tokens, which do not fit in engine.max_model_len "
                f"{context}; raise it or shorten the prompt"
            )
        return min(request.sampling.max_new_tokens, context - length)
