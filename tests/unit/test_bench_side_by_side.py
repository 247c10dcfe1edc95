"""What the benchmarks share: medians, ratios, and what counts as slower than before."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import check  # noqa: E402
import side_by_side  # noqa: E402


def result(*ratios: tuple[str, float]) -> dict[str, Any]:
    return {"comparisons": [{"title": "judging", "ratios": dict(ratios)}]}


def test_contenders_run_in_turn_and_count_by_their_medians() -> None:
    order: list[str] = []
    rates = {"ours": iter([30.0, 90.0, 31.0]), "theirs": iter([10.0, 11.0, 1.0])}

    def contender(name: str) -> Any:
        def measured() -> side_by_side.Measured:
            order.append(name)
            return next(rates[name]), f"{name} passed"

        return measured

    found = side_by_side.in_turn("judging", "samples/s", {name: contender(name) for name in rates}, 3)
    assert order == ["ours", "theirs"] * 3
    assert found.medians == {"ours": 31.0, "theirs": 10.0}
    assert found.ratios == {"theirs": 3.1}
    assert "| theirs | 10.0 | 1.0 to 11.0 | 3.10x | theirs passed |" in found.table()


def test_what_is_kept_says_what_it_was_seen_on(tmp_path: Path) -> None:
    found = side_by_side.in_turn("judging", "samples/s", {"ours": lambda: 2.0, "theirs": lambda: 1.0}, 1)
    side_by_side.write("verify", "Verification", [found], side_by_side.facts(), tmp_path)
    kept = json.loads((tmp_path / "verify.json").read_text())
    assert kept["comparisons"][0]["ratios"] == {"theirs": 2.0}
    assert {"cpu", "cores", "commit", "versions"} <= kept["seen_on"].keys()
    assert f"{side_by_side.CORES} cores" in (tmp_path / "verify.md").read_text()


@pytest.mark.parametrize(
    ("now", "lines"),
    [
        (result(("theirs", 3.0), ("floor", 0.5)), 0),
        (result(("theirs", 2.6), ("floor", 0.43)), 0),
        (result(("theirs", 2.5), ("floor", 0.5)), 1),
        (result(("theirs", 2.5), ("floor", 0.4)), 2),
        (result(("new", 0.1)), 0),
    ],
)
def test_a_ratio_that_falls_by_more_than_its_share_is_told(now: dict[str, Any], lines: int) -> None:
    told = [*check.fallen(result(("theirs", 3.0), ("floor", 0.5)), now)]
    assert len(told) == lines
    assert all("judging: beside" in line for line in told)


def test_every_command_of_the_check_is_one() -> None:
    assert all((BENCH / f"{name}.py").is_file() for name in check.COMMANDS)
