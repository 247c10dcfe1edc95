"""What an engine that was killed leaves in shared memory goes at the next start, and nothing else does."""

import os
import signal
import subprocess
import sys
from multiprocessing.shared_memory import SharedMemory

import pytest

from halo_raft.engines import shared_memory

PROGRAM = """
import subprocess, sys, time
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from halo_raft.engines import shared_memory
held = SharedMemory(create=True, size=4096)
resource_tracker.unregister(held._name, "shared_memory")  # the tracker is killed with an engine
shared_memory.note()
print(held.name, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HALO_RAFT_CACHE", str(tmp_path))


def test_what_a_killed_engine_left_goes_and_what_a_living_one_uses_stays():
    engines = [subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    names = [engine.stdout.readline().strip() for engine in engines]
    other = SharedMemory(create=True, size=4096)
    try:
        os.kill(engines[0].pid, signal.SIGKILL)
        engines[0].wait()
        shared_memory.clear()
        there = os.listdir(shared_memory.SEGMENTS)
        assert names[0] not in there
        assert names[1] in there and other.name in there
    finally:
        other.unlink()
        engines[1].kill()
        engines[1].wait()
        shared_memory.clear()
    assert names[1] not in os.listdir(shared_memory.SEGMENTS)


def test_a_note_names_no_file_elsewhere(tmp_path):
    kept = tmp_path / "psm_kept"
    kept.touch()
    notes = tmp_path / "shared_memory"
    notes.mkdir()
    (notes / f"{shared_memory._here()}-999999999-1.0").write_text(f'["{kept}", "psm_/../{kept}", 3]')
    shared_memory.clear()
    assert kept.exists() and list(notes.iterdir()) == []


def test_no_engine_fails_where_nothing_can_be_noted(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HALO_RAFT_CACHE", str(tmp_path / "file"))
    held = SharedMemory(create=True, size=4096)
    try:
        shared_memory.note()
        shared_memory.clear()
        assert held.name in os.listdir(shared_memory.SEGMENTS)
    finally:
        held.close()
        held.unlink()
