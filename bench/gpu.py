"""What no test without a GPU can show, in one command of at most twelve minutes, without network.

    python bench/gpu.py --output bench/results/gpu_NAME.json

Each step is a process with a time limit; one that fails or hangs is told as such, and the next begins. `--short` runs
the same steps on any machine with tiny sizes, so that this file cannot rot: it says nothing of a GPU then.
Does not measure what is learned (`learning.py`), nor the sandbox alone (`verify.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import gpu_steps as steps

TOTAL_S = 720.0
STEPS: dict[str, tuple[Callable[[Path, bool], dict[str, Any]], float]] = {
    "machine": (steps.machine, 90),
    "adapters": (steps.adapters, 150),
    "deaths": (steps.deaths, 210),
    "seven_b": (steps.seven_b, 270),
    "cycle": (steps.cycle, 210),
    "speed": (steps.speed, 120),
}
"""Name -> (what runs, its limit in seconds on a GPU)."""
WITHOUT_GPU = 4
"""So many times the limits hold where an engine starts on a CPU, for minutes."""


def run_step(name: str, short: bool, limit_s: float) -> dict[str, Any]:
    """Run one step in a process group of its own; return what it found, or how it failed."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"halo-raft-gpu-{name}-") as folder:
        command = [sys.executable, __file__, "--step", name, "--folder", folder, *(["--short"] if short else [])]
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "HALO_RAFT_LEDGER": "off", "VLLM_NO_USAGE_STATS": "1"}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
        )
        try:
            out, said = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            out, said = process.communicate()
            said += f"\nended after its limit of {limit_s:.0f} s"
        lines = out.strip().splitlines()
        if process.returncode == 0:
            found = {"ok": True} | json.loads(lines[-1])
        else:
            found = {"ok": False, "said": said.strip()[-2000:]}
    return found | {"step_s": round(time.monotonic() - begun, 1)}


def main() -> int:
    """Run the steps, one after the other, and write what they found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--steps", default=",".join(STEPS), help="some of them, separated by commas")
    parser.add_argument("--short", action="store_true", help="tiny sizes, with or without a GPU")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--tokens", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step == "train_step":
        print(json.dumps(steps.train_step(arguments.folder, arguments.tokens)))
        return 0
    if arguments.step:
        print("\n" + json.dumps(STEPS[arguments.step][0](arguments.folder, arguments.short)))
        return 0
    from halo_raft import devices

    gpus = devices.local_gpus()
    report: dict[str, Any] = {"card": str(gpus[0]) if gpus else "none", "short": arguments.short, "steps": {}}
    end = time.monotonic() + TOTAL_S
    for name in arguments.steps.split(","):
        limit_s = STEPS[name][1] * (1 if gpus else WITHOUT_GPU)
        if not arguments.short:
            limit_s = min(limit_s, end - time.monotonic())
        found = run_step(name, arguments.short, limit_s) if limit_s > 0 else {"ok": False, "said": "no time was left"}
        report["steps"][name] = found
        print(f"{name}: {'ok' if found['ok'] else 'FAILED'} {json.dumps(found)[:300]}", flush=True)
        if arguments.output:
            arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if all(step["ok"] for step in report["steps"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
