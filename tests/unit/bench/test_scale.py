"""What a sample costs is told apart from what a stage takes and from what passes while one waits."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench"


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCH))
    yield importlib.import_module("scale")
    sys.modules.pop("scale")


def stage(samples: int, wall_s: float, cost: tuple[float, float, float]) -> dict[str, Any]:
    """A stage's row, whose CPU time is made of these ms of a stage, a sample and a second."""
    return {
        "samples": samples, "wall_s": wall_s, "driver_s": (cost[0] + cost[1] * samples + cost[2] * wall_s) / 1000
    }  # fmt: skip


def test_start_samples_and_waiting_are_told_apart(scale: ModuleType) -> None:
    cost = (900.0, 0.12, 40.0)
    rows = [stage(2000, 9.0, cost), stage(8000, 31.0, cost), stage(4, 20.0, cost)]
    assert scale.fitted(rows, "driver_s") == pytest.approx(cost, rel=1e-6)


def test_no_part_of_a_cost_is_negative(scale: ModuleType) -> None:
    rows = [stage(2000, 9.0, (0.0, 0.1, 0.0)), stage(8000, 31.0, (0.0, 0.1, 0.0)), stage(4, 20.0, (0.0, 0.0, 0.0))]
    rows[2]["driver_s"] = 0.0
    rows[0]["driver_s"] -= 0.01
    assert min(scale.fitted(rows, "driver_s")) >= 0


def test_a_core_is_full_of_samples_and_of_the_seconds_that_pass(scale: ModuleType) -> None:
    assert scale.Cost(500.0, 0.2, 100.0).carries() == pytest.approx(4500)


def test_the_store_is_bounded_where_further_samples_add_nothing(scale: ModuleType) -> None:
    def held(samples: int, megabytes: float) -> dict[str, float]:
        return {"samples": samples, "store_mb": megabytes}

    assert scale.bytes_a_sample([held(3000, 0.4), held(6000, 1.5), held(12000, 1.3)]) == 0
    assert scale.bytes_a_sample([held(3000, 0.4), held(6000, 1.5), held(12000, 1.55)]) < scale.BYTES_A_SAMPLE
    assert scale.bytes_a_sample([held(3000, 0.4), held(6000, 0.8), held(12000, 1.6)]) > scale.BYTES_A_SAMPLE
