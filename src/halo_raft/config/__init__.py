"""The settings of every pipeline: the schema, and how YAML, `key=value` and flags become one frozen config."""

from halo_raft.config.loading import full_key, load, load_file, to_yaml, with_values
from halo_raft.config.schema import (
    CycleConfig,
    EngineConfig,
    LoraConfig,
    RaftConfig,
    SandboxConfig,
    SelectionConfig,
    SftConfig,
    TrackingConfig,
    TrainingConfig,
)
from halo_raft.config.sweep import Range, SweepConfig, SweepSettings

__all__ = [
    "CycleConfig",
    "EngineConfig",
    "LoraConfig",
    "RaftConfig",
    "Range",
    "SandboxConfig",
    "SelectionConfig",
    "SftConfig",
    "SweepConfig",
    "SweepSettings",
    "TrackingConfig",
    "TrainingConfig",
    "full_key",
    "load",
    "load_file",
    "to_yaml",
    "with_values",
]
