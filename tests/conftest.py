"""Settings of every test: no telemetry, no hub, no stray tracking server, no verdicts of earlier runs."""

import os
from pathlib import PurePath
from typing import Any

os.environ.setdefault("HALO_RAFT_LEDGER", "off")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait leave their core to the tests beside them
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
        "browser", "damaged_files", "docs", "mlflow", "native_agreement", "native_prepared", "native_verifiers", "site",
        "vllm_settings", "wheel",
    )
)  # fmt: skip
"""Files outside of `unit` and `attacks` whose tests start no Ray, no engine and no trainer."""
LAST = ("test_sweep.py", "test_hot_adapters.py", "test_nothing_shared.py")
"""Files whose tests start engines and take long: they come last, for whichever process is free."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what one process has to do alone, then what has no engines."""
    items.sort(key=lambda item: (_place(item.nodeid), not _starts_engines(item.nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n`, give each file to one process, and all files that start engines, but for the last, to the same one."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            together = _starts_engines(nodeid) and not _place(nodeid)
            return "engines" if together else str(super()._split_scope(nodeid))

    return Together(config, log)


def _place(nodeid: str) -> int:
    """Return where a test comes among the last files, counted from 1; 0 for all others."""
    name = _path(nodeid).name
    return LAST.index(name) + 1 if name in LAST else 0


def _starts_engines(nodeid: str) -> bool:
    """Say it of a test's id, such as `tests/integration/test_raft.py::test_more_cycles_are_no_change`."""
    path = _path(nodeid)
    return not {"unit", "attacks"} & set(path.parts) and path.name not in WITHOUT_ENGINES


def _path(nodeid: str) -> PurePath:
    return PurePath(nodeid.partition("::")[0])
