"""Who computes where: a pure function from the config and the cluster to shares of devices.

A GPU that engine and trainer take turns on is split in Ray's books: a little more than half for the
engine, so that no two engines land on one GPU, the rest for the trainer.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        replicas: Engines.
        engine_gpus: GPUs of each engine, as Ray counts them.
        engine_cpus: CPUs of each engine, which verification leaves alone.
        trainer_gpus: GPUs of each training worker.
        verify_workers: Verification workers, half a CPU each.
        engines_meanwhile: `stay` up, `sleep` (leave the GPU's memory to the trainer), or `stop` and start again.
    """

    device: str
    replicas: int
    engine_gpus: float
    engine_cpus: int
    trainer_gpus: float
    verify_workers: int
    engines_meanwhile: Literal["stay", "sleep", "stop"]


def place(
    engine: EngineConfig,
    resources: ResourcesConfig,
    verify_workers: int | None,
    *,
    cpus: float,
    gpus: float,
    gpus_by_node: Sequence[float] | None = None,
) -> Placement:
    """Place engines, verification and training on a cluster.

    Args:
        engine: Replicas, tensor parallelism, whether engines sleep.
        resources: Training workers.
        verify_workers: Verification workers that the user wants; None takes all CPUs that are free.
        cpus: CPUs of the cluster.
        gpus: GPUs of the cluster that may be used.
        gpus_by_node: GPUs of each node, all on one when not given; an engine takes all of its GPUs from one.

    Raises:
        ConfigError: What is asked for does not fit, and would wait for ever.
    """
    trainers, parallel = resources.trainer.num_workers, engine.tensor_parallel
    nodes = [gpus] if gpus_by_node is None else gpus_by_node
    most = int(min(gpus // parallel, sum(node // parallel for node in nodes)))
    replicas = max(1, most) if engine.replicas == "auto" else engine.replicas
    _check_fit(engine, replicas, trainers, cpus, gpus, nodes)
    engine_cpus = 1
    if gpus >= 1 and cpus - replicas * (1 + parallel) >= trainers:
        engine_cpus += parallel  # a GPU waits for the process that feeds it
    free_halves = int(2 * (cpus - replicas * engine_cpus))
    verify = min(verify_workers or free_halves, free_halves)
    if gpus < 1:
        return Placement("cpu", replicas, 0, engine_cpus, 0, verify, "stay")
    if gpus - replicas * parallel >= trainers:
        return Placement("cuda", replicas, parallel, engine_cpus, 1, verify, "stay")
    if engine.sleep and parallel == 1 and trainers == 1:
        return Placement("cuda", replicas, ENGINE_SHARE, engine_cpus, TRAINER_SHARE, verify, "sleep")
    return Placement("cuda", replicas, parallel, engine_cpus, 1, verify, "stop")


def _check_fit(
    engine: EngineConfig, replicas: int, trainers: int, cpus: float, gpus: float, nodes: Sequence[float]
) -> None:
    """Refuse what Ray would wait for: an engine takes a CPU, verification half of one, a trainer one."""
    parallel = engine.tensor_parallel
    if replicas + 0.5 > cpus:
        raise ConfigError(
            f"engine.replicas: {replicas} engines and verification need more than the {cpus:g} CPUs there are"
        )
    if gpus < 1 and (parallel > 1 or replicas > 1):
        raise ConfigError(
            "engine: without a GPU one engine uses all cores; set engine.replicas and engine.tensor_parallel to 1"
        )
    largest = max(nodes, default=0)
    if gpus >= 1 and parallel > largest and parallel <= gpus:
        raise ConfigError(
            f"engine.tensor_parallel: an engine takes its {parallel} GPUs from one node, and the largest has "
            f"{largest:g}; set it to what a node has, and engine.replicas to auto to use all of them"
        )
    if gpus >= 1 and (replicas * parallel > gpus or replicas > sum(node // parallel for node in nodes)):
        raise ConfigError(
            f"engine.replicas: {replicas} engines of {parallel} GPUs do not fit on {gpus:g} GPUs"
            + (f" of {len(nodes)} nodes" if len(nodes) > 1 else "")
        )
    room = gpus if gpus >= 1 else cpus - replicas
    if trainers > room:
        raise ConfigError(
            f"resources.trainer.num_workers: {trainers} do not fit on the {room:g} devices left for training"
        )
