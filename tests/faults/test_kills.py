"""`verify` killed again and again at random moments: in the end each sample has one verdict, the right one.

The short form runs in CI; `HALO_RAFT_KILLS=40` is the long one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from halo_raft.records import Verdict
from halo_raft.store import read_records

KILLS = int(os.environ.get("HALO_RAFT_KILLS", "4"))
SAMPLES = 60
VERIFIER = """
import hashlib, time
from halo_raft.verifiers.base import Verifier, VerifyResult

def right(code):
    return hashlib.sha256(code.strip().encode()).hexdigest() < "8"

class Slow(Verifier):
    def verify(self, code):
        time.sleep(0.05)
        return VerifyResult(success=right(code), reward=float(right(code)))
"""


def test_every_sample_is_judged_once_however_often_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "slow_verifier.py").write_text(VERIFIER)
    (tmp_path / "tasks.jsonl").write_text(json.dumps({"task_id": "t", "prompt": "Write f."}) + "\n")
    programs = [f"def f():\n    return {n}\n" for n in range(SAMPLES)]
    rows = [{"task_id": "t", "completion": f"```python\n{program}```"} for program in programs]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-m", "halo_raft.cli", "verify", "--samples", "samples.jsonl", "--tasks", "tasks.jsonl"]
    command += ["--verifier", "slow_verifier:Slow", "--workers", "0", "--output", "out.jsonl", "--no-ledger"]
    verdicts = tmp_path / "out.verify" / "verdicts.jsonl"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    rng, left = random.Random(0), KILLS
    while True:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        before = _lines(verdicts)
        until = before + rng.randint(1, max(1, SAMPLES // (KILLS + 1)))
        while left and process.poll() is None and _lines(verdicts) < until:
            time.sleep(0.01)
        number = rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]) if left else None
        if number is not None:
            process.send_signal(number)
        error = process.communicate()[1]
        assert "Traceback" not in error
        if number is None:
            break
        left -= 1
        assert process.returncode in (-number, 128 + number)
        assert number == signal.SIGKILL or "run the same command again to go on from here" in error
        assert _lines(verdicts) >= before, "what was judged stays"
    assert process.returncode == 0
    found = list(read_records(verdicts, Verdict))
    assert len({v.sample_id for v in found}) == len(found) == SAMPLES
    assert verdicts.read_bytes().endswith(b"\n")
    namespace: dict[str, object] = {}
    exec(VERIFIER.split("class")[0].replace("from halo_raft", "# from halo_raft"), namespace)
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [verdict["success"] for verdict in out] == [namespace["right"](program) for program in programs]  # type: ignore[operator]
    left_over = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert left_over == {"slow_verifier.py", "tasks.jsonl", "samples.jsonl", "out.jsonl", "out.verify"}


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0
