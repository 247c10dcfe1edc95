"""Large blocks that a process frees stay its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from halo_raft.engines.heap import VARIABLE, keeping_heap

FAULTS = """
import ctypes, resource, threading
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def turns(count):
    for _ in range(count):
        block = libc.malloc(64 << 20)
        ctypes.memset(block, 1, 64 << 20)
        libc.free(block)
def work():
    turns(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    turns(8)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def _faults(environment: dict[str, str]) -> int:
    command = [sys.executable, "-c", FAULTS]
    return int(subprocess.run(command, env=os.environ | environment, capture_output=True, check=True).stdout)


@pytest.mark.skipif(not keeping_heap(), reason="only glibc 2.35 and later keeps them")
def test_pages_of_large_blocks_are_kept_in_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert _faults(keeping_heap()) * 20 < _faults({})


def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "glibc.malloc.check=3")
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    assert keeping_heap() == {VARIABLE: "glibc.malloc.check=3"}


@pytest.mark.parametrize("library", [("glibc", "2.34"), ("glibc", "2.4"), ("", ""), ("musl", "1.2.5")])
def test_a_c_library_that_would_do_the_opposite_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, library: tuple[str, str]
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("platform.libc_ver", lambda: library)
    assert keeping_heap() == {}
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.35"))
    assert VARIABLE in keeping_heap()
