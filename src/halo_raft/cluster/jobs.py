"""Where the results of a job stay: `ray job submit` runs it in a folder that Ray throws away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from halo_raft.config import RaftConfig, SftConfig, SweepConfig

C = TypeVar("C", RaftConfig, SweepConfig, SftConfig)

JOB_FOLDER = "working_dir_files"
"""Ray unpacks a job's `--working-dir` into a folder of this name, and removes it some time after the job."""


def lasting_root() -> Path:
    """Return what relative output paths are relative to: this folder, or one that outlives a Ray job.

    In a job that is `HALO_RAFT_HOME`, else `halo-raft` in the user's home.
    """
    here = Path.cwd()
    if JOB_FOLDER not in here.parts:
        return here
    return Path(os.environ.get("HALO_RAFT_HOME") or Path.home() / "halo-raft").absolute()


def lasting(path: str | Path) -> Path:
    """Return where to write a result: as it is named, or beside those of other jobs."""
    root = lasting_root()
    return Path(path) if root == Path.cwd() else root / path


def found(path: str | Path) -> Path:
    """Return where to read what an earlier command may have written: as it is named, or beside results of jobs."""
    named = Path(path).expanduser()
    return lasting(named) if not named.exists() and lasting(named).exists() else named


def with_lasting_paths(config: C) -> C:
    """Return the config with its output folder and tracking folder where they outlive a Ray job."""
    update = {"tracking": config.tracking.model_copy(update={"dir": lasting(config.tracking.dir)})}
    if isinstance(config, SftConfig):
        output = {"output_dir": lasting(config.training.output_dir)}
        return config.model_copy(update=update | {"training": config.training.model_copy(update=output)})
    return config.model_copy(update=update | {"output_dir": lasting(config.output_dir)})
