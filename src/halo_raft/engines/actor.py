"""An engine inside a long-lived Ray actor: kept across cycles, streamed from, restarted when it dies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import ray

from halo_raft.engines import REGISTRY
from halo_raft.engines.base import Adapter, Completion, EngineSpec, GenerationRequest


class EngineActor:
    """What runs in the actor's process. The adapter comes with each request, so a restart loses nothing.

    Calls other than `generate` may be repeated, so they wait for a restart instead of failing.
    """

    def __init__(self, spec: EngineSpec) -> None:
        self.engine = REGISTRY.load(spec.config.name)(spec)

    @ray.method(max_task_retries=-1)
    def ready(self) -> bool:
        """Answer once the model is loaded."""
        return True

    @ray.method(max_task_retries=-1)
    def use(self, adapter: Adapter | None) -> None:
        """Serve `adapter`; see `Engine.use`."""
        self.engine.use(adapter)

    def generate(self, requests: Sequence[GenerationRequest], adapter: Adapter | None) -> Iterator[list[Completion]]:
        """Yield completions under `adapter` as they finish (call with `num_returns="streaming"`)."""
        self.engine.use(adapter)
        yield from self.engine.stream(requests)

    @ray.method(max_task_retries=-1)
    def sleep(self) -> None:
        """Free the device for training."""
        self.engine.sleep()

    @ray.method(max_task_retries=-1)
    def wake(self) -> None:
        """Take the device back."""
        self.engine.wake()


def start_engines(spec: EngineSpec, *, gpus: float) -> list[Any]:
    """Start `spec.config.replicas` engine actors without waiting until they are ready.

    Args:
        spec: What each engine is built from.
        gpus: GPUs of each, as Ray counts them; a share when it takes turns with training.

    Returns:
        Ray actor handles.
    """
    remote = ray.remote(EngineActor).options(
        num_cpus=1,
        num_gpus=gpus,
        max_restarts=spec.config.max_restarts,
        max_task_retries=0,
        scheduling_strategy="SPREAD",  # on a CPU an engine takes all cores of its node, whatever Ray counts
    )
    return [remote.remote(spec) for _ in range(spec.config.replicas)]
