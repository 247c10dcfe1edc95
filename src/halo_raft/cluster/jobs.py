"""Where the results of a job stay: `ray job submit` runs it in a folder that Ray throws away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from halo_raft.config import RaftConfig

C = TypeVar("C", bound=RaftConfig)

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


def with_lasting_paths(config: C) -> C:
    """Return the config with its output folder and tracking folder where they outlive a Ray job."""
    root = lasting_root()
    if root == Path.cwd():
        return config
    tracking = config.tracking.model_copy(update={"dir": root / config.tracking.dir})
    return config.model_copy(update={"output_dir": root / config.output_dir, "tracking": tracking})
