"""Who computes where: a pure function from the config and the cluster to shares of devices.

A GPU that engine and trainer take turns on is split in Ray's books: a little more than half for the
engine, so that no two engines land on one GPU, the rest for the trainer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from halo_raft.config import RaftConfig

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


def place(config: RaftConfig, *, cpus: float, gpus: float) -> Placement:
    """Place engines, verification and training on a cluster.

    Args:
        config: Replicas, tensor parallelism, training workers.
        cpus: CPUs of the cluster.
        gpus: GPUs of the cluster.
    """
    engine, trainers = config.engine, config.resources.trainer_workers
    verify = config.verifier.workers or max(1, int(2 * (cpus - engine.replicas)))
    if gpus < 1:
        return Placement("cpu", 0, 0, verify, "stay")
    if gpus - engine.replicas * engine.tensor_parallel >= trainers:
        return Placement("cuda", engine.tensor_parallel, 1, verify, "stay")
    if engine.sleep and engine.tensor_parallel == 1 and trainers == 1:
        return Placement("cuda", ENGINE_SHARE, TRAINER_SHARE, verify, "sleep")
    return Placement("cuda", engine.tensor_parallel, 1, verify, "stop")
