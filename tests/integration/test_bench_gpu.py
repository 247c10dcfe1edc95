"""The prepared GPU command, short and on whatever is here, so that it cannot rot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_each_step_of_the_gpu_command_does_what_it_is_there_for(tmp_path):
    report = tmp_path / "gpu.json"
    command = [sys.executable, str(REPO / "bench/gpu.py"), "--short", "--output", str(report)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert report.is_file(), done.stdout + done.stderr
    steps = json.loads(report.read_text())["steps"]
    assert {name: step.get("said") for name, step in steps.items() if not step["ok"]} == {}
    assert done.returncode == 0
    assert steps["machine"]["multiplies"]
    adapters = steps["adapters"]
    assert adapters["a_again"] and adapters["base_again"] and adapters["all_differ"] and adapters["same_after_waking"]
    assert adapters["nats_hot_from_merged"] < adapters["nats_a_from_base"] / 2
    assert steps["deaths"]["each_once"]
    assert [death["killed"] for death in steps["deaths"]["deaths"]] == ["core", "actor"]
    assert steps["seven_b"]["train_2x32"]["loss"] > 0
    assert steps["cycle"]["exit_code"] == 0
    assert steps["speed"]["our_tokens_per_s_beside_verification"] > 0
