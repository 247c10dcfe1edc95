"""Who computes where: a pure function from the config and the cluster to shares of devices.

A GPU that engine and trainer take turns on is split in Ray's books: a little more than half for the
engine, so that no two engines land on one GPU, the rest for the trainer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from halo_raft.config import EngineConfig, ResourcesConfig
from halo_raft.errors import ConfigError

ENGINE_SHARE = 0.51
TRAINER_SHARE = 0.49


@dataclass(frozen=True, slots=True)
class Placement:
    """Shares of devices, and what engines do while training runs.

    Attributes:
        device: `cpu` or `cuda`.
        engine_gpus: GPUs of each engine, as Ray counts them.
        trainer_gpus: GPUs of each training worker.
        verify_workers: Verification workers, half a CPU each.
        engines_meanwhile: `stay` up, `sleep` (leave the GPU's memory to the trainer), or `stop` and start again.
    """

    device: str
    engine_gpus: float
    trainer_gpus: float
    verify_workers: int
    engines_meanwhile: Literal["stay", "sleep", "stop"]


def place(
    engine: EngineConfig, resources: ResourcesConfig, verify_workers: int | None, *, cpus: float, gpus: float
) -> Placement:
    """Place engines, verification and training on a cluster.

    Args:
        engine: Replicas, tensor parallelism, whether engines sleep.
        resources: Training workers.
        verify_workers: Verification workers that the user wants; None takes all CPUs that are free.
        cpus: CPUs of the cluster.
        gpus: GPUs of the cluster.

    Raises:
        ConfigError: What is asked for does not fit, and would wait for ever.
    """
    trainers = resources.trainer.num_workers
    _check_fit(engine, trainers, cpus, gpus)
    free_halves = int(2 * (cpus - engine.replicas))
    verify = min(verify_workers or free_halves, free_halves)
    if gpus < 1:
        return Placement("cpu", 0, 0, verify, "stay")
    if gpus - engine.replicas * engine.tensor_parallel >= trainers:
        return Placement("cuda", engine.tensor_parallel, 1, verify, "stay")
    if engine.sleep and engine.tensor_parallel == 1 and trainers == 1:
        return Placement("cuda", ENGINE_SHARE, TRAINER_SHARE, verify, "sleep")
    return Placement("cuda", engine.tensor_parallel, 1, verify, "stop")


def _check_fit(engine: EngineConfig, trainers: int, cpus: float, gpus: float) -> None:
    """Refuse what Ray would wait for: an engine takes a CPU, verification half of one, a trainer one."""
    if engine.replicas + 0.5 > cpus:
        raise ConfigError(
            f"engine.replicas: {engine.replicas} engines and verification need more than the {cpus:g} CPUs there are"
        )
    if gpus >= 1 and engine.replicas * engine.tensor_parallel > gpus:
        raise ConfigError(
            f"engine.replicas: {engine.replicas} engines of {engine.tensor_parallel} GPUs do not fit on {gpus:g} GPUs"
        )
    if gpus < 1 and (engine.tensor_parallel > 1 or engine.replicas > 1):
        raise ConfigError(
            "engine: without a GPU one engine uses all cores; set engine.replicas and engine.tensor_parallel to 1"
        )
    room = gpus if gpus >= 1 else cpus - engine.replicas
    if trainers > room:
        raise ConfigError(
            f"resources.trainer.num_workers: {trainers} do not fit on the {room:g} devices left for training"
        )
