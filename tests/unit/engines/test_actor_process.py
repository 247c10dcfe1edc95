"""In an actor's own process, without Ray around it: it ends with its core, and keeps why it did not start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys

def main():
    from halo_raft.config import RaftConfig, load
    from halo_raft.engines import EngineSpec, GenerationRequest
    from halo_raft.engines.actor import EngineActor
    from halo_raft.errors import ConfigError
    from halo_raft.records import Sampling

    name = f"engine.name=tests.integration.fake_engines:{sys.argv[1]}"
    actor = EngineActor(EngineSpec(sys.argv[2], load(RaftConfig, None, [name]).engine))
    try:
        actor.ready()
    except ConfigError as error:
        print("SAID", error, file=sys.stderr)
        return
    for completions in actor.generate([GenerationRequest(f"s{n}", (), Sampling(), 1) for n in range(3)], None):
        print("GOT", [c.sample_id for c in completions], flush=True)

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def run(tmp_path):
    """Returns a function that runs an actor of a fake engine and returns exit status, what it wrote and its errors."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "config.json").write_text("{}")

    def start(kind):
        command = [sys.executable, str(tmp_path / "program.py"), kind, str(tmp_path)]
        with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
            done = subprocess.run(command, stdout=out, stderr=err, cwd=REPO, check=False)
        return done.returncode, (tmp_path / "out").read_text(), (tmp_path / "err").read_text()

    return start


def test_a_process_ends_with_its_core_instead_of_waiting_for_it(run):
    status, out, _ = run("HasACore")
    assert status == 1
    assert "GOT ['s0']" in out
    assert "GOT ['s1']" not in out


def test_an_engine_without_processes_of_its_own_goes_on(run):
    status, out, _ = run("Sound")
    assert status == 0
    assert "GOT ['s2']" in out


def test_why_it_did_not_start_is_kept_for_who_asks(run):
    status, _, err = run("DoesNotStart")
    (said,) = [line for line in err.splitlines() if line.startswith("SAID")]
    assert status == 0
    assert "could not start (OutOfMemoryError: CUDA out of memory.)" in said
