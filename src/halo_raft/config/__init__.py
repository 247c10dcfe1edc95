"""The settings of every pipeline: the schema, and how YAML, `key=value` and flags become one frozen config."""

from halo_raft.config.curriculum import CurriculumConfig, CycleConfig
from halo_raft.config.judging import SandboxConfig
from halo_raft.config.loading import full_key, load, load_file, to_yaml, with_values
from halo_raft.config.resources import ResourcesConfig
from halo_raft.config.schema import (
    EngineConfig,
    RaftConfig,
    SelectionConfig,
    TrackingConfig,
)
from halo_raft.config.sft import SftConfig
from halo_raft.config.sweep import Range, SweepConfig, SweepSettings
from halo_raft.config.training import LoraConfig, TrainingConfig

__all__ = [
    "CurriculumConfig",
    "CycleConfig",
    "EngineConfig",
    "LoraConfig",
    "RaftConfig",
    "Range",
    "ResourcesConfig",
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
