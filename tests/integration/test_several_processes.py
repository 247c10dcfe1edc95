"""An engine of several processes in the real vLLM: two halves of a tiny model on the CPU, as of two GPUs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, os, signal, sys, time
from multiprocessing import active_children
from pathlib import Path

def main():
    sys.path.insert(0, "bench")
    from gpu_models import SMALL, greedy, make_adapter, make_model, spec_of
    from halo_raft.engines import Adapter
    from halo_raft.engines.actor import EngineActor

    folder = Path(sys.argv[1])
    base = make_model(folder / "tiny", SMALL, 2, weights=True)
    a, b = (Adapter(name, n, make_adapter(base, folder / name, n)) for n, name in ((2, "a"), (3, "b")))
    actor = EngineActor(spec_of(base, "engine.tensor_parallel=2"))
    actor.ready()
    drawn = []
    for adapter in (None, a, b, a, None):
        actor.use(adapter)
        drawn.append(greedy(actor.engine, 2, 8))
    print(json.dumps({"drawn": drawn, "children": len(active_children())}), flush=True)
    workers = [int(w) for child in active_children()
               for w in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()]
    os.kill(workers[-1] if workers else active_children()[-1].pid, signal.SIGKILL)
    time.sleep(120)
    print("STILL HERE", flush=True)

if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_an_engine_of_two_processes_serves_adapters_and_ends_with_either_of_them(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "program.py"), str(tmp_path)], capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("{", "STILL"))]
    assert len(lines) == 1, done.stdout + done.stderr
    said = json.loads(lines[0])
    base, a, b, a_again, base_again = said["drawn"]
    assert (a, base) == (a_again, base_again)
    assert base != a != b
    assert said["children"] >= 1
    assert done.returncode == 1, "nobody would have told it that its worker is gone"
