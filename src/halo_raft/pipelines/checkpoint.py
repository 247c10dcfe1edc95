"""A checkpoint names its model: an adapter is served and trained on the base that it was trained on."""

from __future__ import annotations

from typing import TypeVar

from halo_raft import models
from halo_raft.cluster.jobs import found
from halo_raft.config import RaftConfig, SftConfig, SweepConfig
from halo_raft.errors import ConfigError

C = TypeVar("C", RaftConfig, SftConfig, SweepConfig)


def on_checkpoint_base(config: C) -> C:
    """Return the config with the model that the checkpoint's adapter was trained on.

    Raises:
        ConfigError: The checkpoint is no adapter, or another model is named beside it.
    """
    if config.model.checkpoint is None:
        return config
    checkpoint = found(config.model.checkpoint)
    base = models.base_of(checkpoint)
    named = config.model.name
    if named not in (base, type(config.model)().name):
        raise ConfigError(f"model.checkpoint: {checkpoint} is an adapter on {base}, not on {named}")
    # resolved: `best` may point at another cycle tomorrow
    update = {"name": base, "checkpoint": checkpoint.resolve()}
    return config.model_copy(update={"model": config.model.model_copy(update=update)})
