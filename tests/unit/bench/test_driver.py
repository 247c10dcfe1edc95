"""The driver's benchmark goes through a whole small run and names what each part of it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import BENCH


@pytest.mark.slow
def test_every_part_of_a_run_has_its_cost() -> None:
    command = [sys.executable, str(BENCH / "driver.py"), "--samples", "200", "--written", "--rounds", "1"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    costs = {cells[1].strip(): cells[2].strip() for line in said.splitlines() if len(cells := line.split("|")) > 4}
    for part in ("driver in all", "selection", "report", "MLflow and figures of a cycle", "resume: reading"):
        assert float(costs[part]) > 0, part
