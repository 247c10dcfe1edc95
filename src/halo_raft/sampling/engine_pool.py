"""The engines of a command: actors that start when first needed, and make room for training meanwhile."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from halo_raft import models
from halo_raft.cluster.placement import Placement
from halo_raft.config import EngineConfig, ResourcesConfig
from halo_raft.config.schema import ModelConfig
from halo_raft.engines import Adapter, EngineSpec
from halo_raft.errors import ConfigError, user_error

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
        """Return what each engine is built from, converting an embedded model if need be."""
        starting = models.rank_of(self.model.checkpoint) if self.model.checkpoint else 0
        return EngineSpec(
            model=models.resolve(self.model.name),
            config=self.engine,
            dtype=self.model.dtype,
            device=device,
            lora_rank=max(self.lora_rank, starting),
            trust_remote_code=self.model.trust_remote_code,
            seed=self.seed,
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
        self._asleep = False

    def start(self) -> list[Any]:
        """Return the actor handles, starting the actors without waiting for them if they are not up."""
        if not self._actors:
            from halo_raft.engines.actor import start_engines

            spec = self.compute.engine_spec(self.placement.device)
            self._actors = start_engines(spec, gpus=self.placement.engine_gpus)
        return self._actors

    def use(self, adapter: Adapter | None) -> list[Any]:
        """Return the actors, up, awake and serving `adapter`.

        Raises:
            AdapterNotAppliedError: The adapter changed nothing.
            ConfigError: An engine cannot start.
        """
        import ray

        actors = self.start()
        with _engine_errors():
            if self._asleep:
                ray.get([actor.wake.remote() for actor in actors])
                self._asleep = False
            ray.get([actor.use.remote(adapter) for actor in actors])
        return actors

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Make room for training meanwhile, as far as the placement asks for it."""
        import ray

        if self._actors and self.placement.engines_meanwhile == "sleep":
            with _engine_errors():
                ray.get([actor.sleep.remote() for actor in self._actors])
            self._asleep = True
        elif self.placement.engines_meanwhile == "stop":
            self.stop()
        yield

    def stop(self) -> None:
        """End the actors."""
        import ray

        for actor in self._actors:
            ray.kill(actor)
        self._actors, self._asleep = [], False


@contextlib.contextmanager
def _engine_errors() -> Iterator[None]:
    """Bring a user's error out of the actor as itself, and say in one line why an engine died."""
    import ray

    try:
        yield
    except ray.exceptions.RayError as error:
        if known := user_error(error):
            raise known from None
        if not isinstance(error, ray.exceptions.RayActorError):
            raise
        log.debug("engine died", exc_info=error)
        reason = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise ConfigError(f"engine: it could not start, or died too often ({reason}); see logs/raft.log") from None
