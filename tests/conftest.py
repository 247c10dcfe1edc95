"""Settings of every test: no telemetry, no hub, no stray tracking server, no verdicts of earlier runs."""

import os
from pathlib import Path

os.environ.setdefault("HALO_RAFT_LEDGER", "off")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
for variable in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI"):
    os.environ.pop(variable, None)

import hypothesis  # noqa: E402
import pytest  # noqa: E402

from .made_run import make_run  # noqa: E402 - telemetry is off before anything of ours is imported

__all__ = ["make_run"]

hypothesis.settings.register_profile("halo-raft", deadline=None)  # no test asserts a time
hypothesis.settings.load_profile("halo-raft")

WITHOUT_ENGINES = frozenset(
    f"test_{name}.py"
    for name in (
        "browser", "damaged_files", "docs", "mlflow", "native_agreement", "native_verifiers", "site", "vllm_settings",
        "wheel",
    )
)  # fmt: skip
"""Files outside of `unit` and `attacks` whose tests start no Ray, no engine and no trainer."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n` and `--dist loadgroup`, give a file to one process, and all files that start engines to the same one.

    These come first: they take longest.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group("engines" if _starts_engines(item) else item.path.name))
    items.sort(key=lambda item: not _starts_engines(item))


def _starts_engines(item: pytest.Item) -> bool:
    inside = item.path.relative_to(Path(__file__).parent)
    return inside.parts[0] not in ("unit", "attacks") and inside.name not in WITHOUT_ENGINES
