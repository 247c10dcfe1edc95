"""What the names of models and checkpoints mean, and which model an adapter is served and trained on: its own base."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from halo_raft import models, tracking
from halo_raft.cluster.jobs import found
from halo_raft.config import RaftConfig, SftConfig, SweepConfig, TrackingConfig
from halo_raft.errors import ConfigError
from halo_raft.store import A_COPY, has_weights

C = TypeVar("C", RaftConfig, SftConfig, SweepConfig)

RESULTS = ("best", "final_model", "raft/best")
"""Of a RAFT run, of supervised fine-tuning, of `benchmark full`: the adapter that a run folder stands for."""


def on_checkpoint_base(config: C) -> C:
    """Return the config with the folders that its names mean, and the model that its adapter was trained on.

    `models:/NAME@champion` is a folder of MLflow's, a run folder its best adapter, and an adapter in the model's
    place is the checkpoint.

    Raises:
        ConfigError: MLflow has no such model, a run has no adapter yet, the checkpoint is no adapter, or another
            model is named beside it.
    """
    name, checkpoint = config.model.name, config.model.checkpoint
    default = type(config.model)().name
    if checkpoint is None:
        folder = _folder(name, config.tracking)
        if (folder / "adapter_config.json").is_file():
            name, checkpoint = default, folder
        elif name.startswith("models:/"):
            name = str(folder)
    else:
        checkpoint = _folder(str(checkpoint), config.tracking)
    if checkpoint is not None:
        base = models.base_of(checkpoint)
        if any(checkpoint.glob("adapter_model.*")) and not has_weights(checkpoint):
            raise ConfigError(f"model.checkpoint: the weights of {checkpoint} are damaged; {A_COPY}")
        if name not in (base, default):
            raise ConfigError(f"model.checkpoint: {checkpoint} is an adapter on {base}, not on {name}")
        name, checkpoint = base, checkpoint.resolve()  # resolved: `best` may point at another cycle tomorrow
    return config.model_copy(update={"model": config.model.model_copy(update={"name": name, "checkpoint": checkpoint})})


def _folder(name: str, where: TrackingConfig) -> Path:
    """Return the folder that a name means; a hub's name stays what it is.

    Raises:
        ConfigError: MLflow has no such model, or the run that is named has no adapter yet, or a damaged one.
    """
    path = tracking.model_folder(name, where) if name.startswith("models:/") else found(name)
    if not any((path / inner / "run.json").is_file() for inner in ("", "raft")):
        return path
    result = next((path / result for result in RESULTS if has_weights(path / result)), None)
    if result is None:
        if damaged := next((path / result for result in RESULTS if (path / result).is_dir()), None):
            raise ConfigError(f"model: the adapter {damaged} is damaged; start its run again, which trains it anew")
        raise ConfigError(f"model: {path} is the folder of a run that has no adapter yet; let it finish a cycle")
    return result
