"""The interface of an engine: prompts in, finished completions out, with or without an adapter.

One engine owns one copy of the model. It is created once, used for every cycle and told which
adapter to use; it proves that it serves this adapter (`proof`), or goes back to what it served before.
Placement, restarts and streaming across processes are the actor's part (`actor`).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from halo_raft import prompts
from halo_raft.cluster.home import Home
from halo_raft.config import EngineConfig
from halo_raft.engines.proof import Canary
from halo_raft.errors import DataError, HaloRaftError
from halo_raft.precision import bfloat16_is_fast
from halo_raft.records import Sampling

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Everything that is needed to build an engine, in any process.

    Attributes:
        model: A folder, or a hub name; in `EngineActor` any name that `models.resolve` knows on its machine.
        dtype: `auto` or a torch dtype's name.
        device: `cpu` or `cuda`.
        threads: CPU threads for generation, 0 for all that the process may use.
        lora_rank: Rank that hot adapters have.
        seed: Seeds sampling where requests cannot carry their own seed.
        home: The node that has the adapters; they are here where it is None.
    """

    model: str
    config: EngineConfig
    dtype: str = "auto"
    device: str = "cpu"
    threads: int = 0
    lora_rank: int = 32
    trust_remote_code: bool = False
    seed: int = 0
    home: Home | None = None

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

    def __reduce__(self) -> tuple[type[GenerationRequest], tuple[Any, ...]]:
        """Pickle it by its fields: a million travel, and a dataclass looks its fields up for each."""
        return GenerationRequest, (self.sample_id, self.messages, self.sampling, self.seed)


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished sample; see `records.Sample` for the fields."""

    sample_id: str
    text: str
    prompt_token_ids: list[int]
    token_ids: list[int]
    finish_reason: str


NOT_KNOWN = Adapter("not known", -1, "")
"""What an engine serves that could not be put back: equal to nothing that anyone asks for."""


class AdapterNotAppliedError(HaloRaftError):
    """An adapter was delivered, and the engine does not serve it: no output changed, or it has other weights."""


class EngineDiedError(HaloRaftError):
    """What an engine computes in is gone, broken or hung; only a new engine helps. The message is why."""

    @classmethod
    def too_often(cls, deaths: int, last: EngineDiedError) -> EngineDiedError:
        """Return what the user is told when no further engine is started."""
        return cls(f"engine: it died {deaths} times, the last time because {last}; run the same again to go on")


class Engine(ABC):
    """Base of the engines. Subclasses load the model in `__init__`."""

    tokenizer: Any

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self.adapter: Adapter | None = None
        self.base_canary: Canary | None = None
        self._rendered: dict[tuple[tuple[str, str], ...], list[int]] = {}

    @abstractmethod
    def stream(self, requests: Sequence[GenerationRequest]) -> Iterator[list[Completion]]:
        """Yield completions as they finish, in any order, each request exactly once.

        An empty list is a sign of life, for those who wait at most `engine.stall_s` for one.
        """

    @abstractmethod
    def _apply(self, adapter: Adapter | None) -> None:
        """Serve `adapter` from now on; None is the base model."""

    @abstractmethod
    def canary(self) -> Canary:
        """Return what the weights in use say of fixed prompts."""

    def _holds(self, canary: Canary) -> bool:
        """Return whether the adapter in use, which has this canary, is the one that its files hold."""
        return True

    def sleep(self) -> None:  # noqa: B027 - optional
        """Free the device for training, where the engine can."""

    def wake(self) -> None:  # noqa: B027 - optional
        """Take the device back."""

    def use(self, adapter: Adapter | None) -> None:
        """Serve `adapter` (None: the base) and prove that it is served. A no-op if it is in use.

        Whatever goes wrong, the engine serves what it served before, and asking again fails again.

        Raises:
            AdapterNotAppliedError: The outputs did not change, or are not those of this adapter.
        """
        if adapter == self.adapter:
            return
        previous, before = self.adapter, None if self.adapter is NOT_KNOWN else self.canary()
        if previous is None and self.base_canary is None:
            self.base_canary = before
        try:
            self._apply(adapter)
            self.adapter = adapter
            self._prove(before)
        except BaseException:
            self._put_back(None if previous is NOT_KNOWN else previous)
            raise

    def _prove(self, before: Canary | None) -> None:
        """Raise unless the adapter in use is served, given the canary of what was served before it."""
        served = self.canary()
        name = self.adapter.name if self.adapter else "the base model"
        if served == before or (self.adapter is not None and served == self.base_canary):
            raise AdapterNotAppliedError(
                f"{name} was delivered to the engine but its outputs did not change; "
                "is the adapter trained at all (learning rate, steps)?"
            )
        if self.adapter is not None:
            held = self._holds(served)
        elif before is None or self.base_canary is None:
            held = True
        else:
            held = served.far(self.base_canary) < before.far(self.base_canary) / 2
        if not held:
            raise AdapterNotAppliedError(
                f"{name} was delivered to the engine, which serves something else; were its files changed meanwhile?"
            )

    def _put_back(self, previous: Adapter | None) -> None:
        """Serve what was served before a delivery that failed."""
        self.adapter = previous
        try:
            self._apply(previous)
        except Exception:
            log.warning("the engine could not go back to what it served before", exc_info=True)
            self.adapter = NOT_KNOWN

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
