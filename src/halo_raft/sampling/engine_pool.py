"""The engines of a command: actors that start when first needed, and make room for training meanwhile."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halo_raft import models
from halo_raft.cluster.home import Home
from halo_raft.cluster.placement import Placement
from halo_raft.config import EngineConfig, ResourcesConfig
from halo_raft.config.schema import ModelConfig
from halo_raft.engines import Adapter, EngineSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """What generates, and on what.

    Attributes:
        model: The model, and the adapter that it starts from.
        engine: The section `engine:`.
        resources: The section `resources:`.
        lora_rank: Highest rank of the adapters that will be served.
        verify_workers: Verification workers that the user wants; None takes all CPUs that are free.
        seed: Of the engines.
    """

    model: ModelConfig
    engine: EngineConfig
    resources: ResourcesConfig
    lora_rank: int
    verify_workers: int | None
    seed: int

    def engine_spec(self, device: str) -> EngineSpec:
        """Return what each engine is built from, on whatever node it will be; needs Ray."""
        starting = models.rank_of(self.model.checkpoint) if self.model.checkpoint else 0
        return EngineSpec(
            model=models.absolute(self.model.name),
            config=self.engine,
            dtype=self.model.dtype,
            device=device,
            lora_rank=max(self.lora_rank, starting),
            trust_remote_code=self.model.trust_remote_code,
            seed=self.seed,
            home=Home.here(),
        )

    @property
    def starting_adapter(self) -> Adapter | None:
        """The adapter that the model starts with, None for the base model."""
        checkpoint = self.model.checkpoint
        return Adapter("checkpoint", 1, str(checkpoint.absolute())) if checkpoint else None


class EnginePool:
    """The engine actors of a run: started when first needed, kept until the end."""

    def __init__(self, compute: Compute, placement: Placement) -> None:
        self.compute = compute
        self.placement = placement
        self._actors: list[Any] = []
        self._ahead = self._asleep = False
        self._served: Adapter | None = None

    def start(self) -> list[Any]:
        """Return the actor handles, starting the actors without waiting for them if they are not up."""
        if not self._actors:
            from halo_raft.engines.actor import start_engines

            log.info("Starting engine, loading %s...", Path(self.compute.model.name).name)
            at = self.placement
            spec = self.compute.engine_spec(at.device)
            self._actors = start_engines(spec, at.replicas, gpus=at.engine_gpus, cpus=at.engine_cpus)
        return self._actors

    def start_ahead(self) -> None:
        """Start the actors before they are needed: they load while something else is done."""
        self._ahead = not self._actors
        self.start()

    def use(self, adapter: Adapter | None) -> list[Any]:
        """Return the actors, up, awake and serving `adapter`.

        Raises:
            AdapterNotAppliedError: The adapter changed nothing.
            HaloRaftError: An engine cannot start, or dies again and again.
        """
        actors = self.start()
        if self._ahead:
            log.info("Waiting for engine...")
            self._ahead = False
        if self._asleep:
            log.info("Waking engine...")
            self._ask("wake")
            self._asleep = False
        if adapter != self._served and adapter is not None:
            log.info("Loading adapter %s...", adapter.name)
        self._ask("use", adapter)
        self._served = adapter
        return actors

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Make room for training meanwhile, as far as the placement asks for it."""
        if self._actors and self.placement.engines_meanwhile == "sleep":
            for left in filter(None, self._ask("sleep")):
                log.info("engine asleep: %.1f GiB on the GPU", left)
            self._asleep = True
        elif self.placement.engines_meanwhile == "stop":
            self.stop()
        yield

    def _ask(self, method: str, *arguments: Any) -> list[Any]:
        from halo_raft.engines.actor import ask

        engine = self.compute.engine
        return ask(self._actors, method, *arguments, stall_s=engine.stall_s, restarts=engine.max_restarts)

    def stop(self) -> None:
        """End the actors."""
        import ray

        for actor in self._actors:
            ray.kill(actor)
        self._actors, self._ahead, self._asleep, self._served = [], False, False, None
