"""Settings of where the parts of a pipeline run: CPUs, GPUs, training workers, cluster."""

from __future__ import annotations

from typing import Literal

from halo_raft.config.section import NonNegative, Positive, Section


class TrainerResources(Section):
    """Training workers."""

    num_workers: Positive = 1
    """Data-parallel workers, each with a GPU, or a CPU where there is none."""
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """`ddp`: every worker holds the model. `fsdp`: the workers share it, for models that do not fit on one."""


class ResourcesConfig(Section):
    """Placement on the Ray cluster."""

    num_cpus: Positive | None = None
    """CPUs to use, of this machine or of a cluster; all there are when not given."""
    num_gpus: NonNegative | None = None
    """GPUs to use, of this machine or of a cluster; all there are when not given."""
    trainer: TrainerResources = TrainerResources()
    require_gpu: bool = False
    """End with exit code 4 where there is no GPU, instead of running on the CPU."""
    ray_address: str | None = None
    """A cluster to join; RAY_ADDRESS is used when not given, else a local instance is started."""
