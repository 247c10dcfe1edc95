"""Where the results of a job stay: `ray job submit` runs it in a folder that Ray throws away."""

from __future__ import annotations

import os
from pathlib import Path

from halo_raft.config import SweepConfig

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


def with_lasting_paths(config: SweepConfig) -> SweepConfig:
    """Return the config with absolute paths for all that it writes."""
    root = lasting_root()
    tracking = config.tracking.model_copy(update={"dir": root / config.tracking.dir})
    output = root / config.output_dir
    storage = config.sweep.storage
    if storage is not None and "://" not in storage:
        storage = str(root / storage)
    sweep = config.sweep.model_copy(update={"storage": storage or str(output / "study.journal")})
    return config.model_copy(update={"output_dir": output, "tracking": tracking, "sweep": sweep})
