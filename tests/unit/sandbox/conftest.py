"""Tests that ask for `tier` run in both; as in a worker, zygotes stay up from one test of a module to the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from halo_raft.sandbox import POOL, SandboxError, probe
from halo_raft.sandbox.tier import VARIABLE


@pytest.fixture(scope="module")
def folder() -> Path | None:
    """Where zygotes have their folders; None for the usual place."""
    return None


@pytest.fixture(scope="module", params=["A", "B"])
def tier(request: pytest.FixtureRequest, folder: Path | None) -> Iterator[str]:
    """The tier in force; skips where this machine does not have it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, request.param)
        if folder is not None:
            patch.setattr("tempfile.tempdir", str(folder))
        _fresh()
        try:
            probe()
        except SandboxError as error:
            pytest.skip(f"tier {request.param} cannot be had here: {error}")
        yield request.param
        _fresh()
        assert folder is None or list(folder.iterdir()) == []


def _fresh() -> None:
    POOL.close()
    probe.cache_clear()
