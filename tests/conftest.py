"""Settings of every test: no telemetry, no hub, no stray tracking server, no verdicts of earlier runs."""

import os

os.environ.setdefault("HALO_RAFT_LEDGER", "off")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
for variable in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI"):
    os.environ.pop(variable, None)

import hypothesis  # noqa: E402

from .made_run import make_run  # noqa: E402 - telemetry is off before anything of ours is imported

__all__ = ["make_run"]

hypothesis.settings.register_profile("halo-raft", deadline=None)  # no test asserts a time
hypothesis.settings.load_profile("halo-raft")
