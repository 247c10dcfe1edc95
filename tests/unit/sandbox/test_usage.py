import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from halo_raft.sandbox import usage

ORPHANS = """
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # a subreaper
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
    os._exit(0)
os.wait()
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def parent() -> Iterator[int]:
    """A process with one descendant, an orphan in a session of its own."""
    with subprocess.Popen([sys.executable, "-S", "-c", ORPHANS], stdout=subprocess.PIPE, start_new_session=True) as it:
        assert it.stdout is not None
        it.stdout.readline()
        yield it.pid
        for pid in usage.Tree(it.pid).look():
            os.kill(pid, 9)
        it.kill()


@pytest.mark.parametrize("children", [True, False])
def test_a_tree_has_its_orphans(parent: int, children: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if children and not usage.CHILDREN:
        pytest.skip("this kernel lists no children")
    monkeypatch.setattr(usage, "CHILDREN", children)
    tree = usage.Tree(parent)
    looks = [tree.look() for _ in range(usage.LOOK_AGAIN + 2)]
    assert all(len(look) == 1 for look in looks)
    assert next(iter(looks[0].values())).resident_mb > 1


def test_a_second_look_opens_only_what_is_new(parent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "CHILDREN", False)
    opened: list[int] = []
    real = usage.process
    monkeypatch.setattr(usage, "process", lambda pid: opened.append(pid) or real(pid))
    bystanders = [subprocess.Popen(["sleep", "60"]) for _ in range(20)]
    tree = usage.Tree(parent)
    tree.look()
    first = len(opened)
    opened.clear()
    tree.look()
    for bystander in bystanders:
        bystander.kill()
        bystander.wait()
    assert first > 20
    assert len(opened) < 20  # whoever was there before and is not below it is not looked at again


def test_a_process_that_is_gone_is_none() -> None:
    with subprocess.Popen(["true"]) as it:
        it.wait()
    assert usage.process(it.pid) is None


def test_time_that_threads_wait_for_a_processor_only_grows() -> None:
    before = usage.waited_s([os.getpid()], cpu_s=0)
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
    assert usage.waited_s([os.getpid()], cpu_s=0) >= before >= 0
    assert usage.waited_s([], cpu_s=0) == 0


CROWD = """
import os, threading, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for _ in range(%d):
    if os.fork() == 0: break
while time.process_time() < 0.3: pass
print(flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("others", [0, 6])
def test_who_waits_for_its_own_kind_alone_was_not_kept_waiting(others: int) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", CROWD % others], stdout=subprocess.PIPE) as it:
        assert it.stdout is not None
        for _ in range(others + 1):
            it.stdout.readline()
        below = usage.Tree(it.pid).look()
        cpu_s = usage.cpu_s(it.pid) + sum(process.cpu_s for process in below.values())
        alone, together = (usage.waited_s([it.pid, *below], used) for used in (0.0, cpu_s))
        for pid in [it.pid, *below]:
            os.kill(pid, 9)
    assert cpu_s > 0.29 * (others + 1)
    assert together <= alone
    if others:  # one stood ready while six others ran, which is all that there is to it but for the machine's load
        assert alone - together > 0.2 * others


def test_who_waits_for_a_stranger_was_kept_waiting() -> None:
    spin = "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nprint(flush=True)\nwhile True: pass"
    with (
        subprocess.Popen([sys.executable, "-S", "-c", spin], stdout=subprocess.PIPE) as stranger,
        subprocess.Popen([sys.executable, "-S", "-c", CROWD % 0], stdout=subprocess.PIPE) as it,
    ):
        assert it.stdout is not None
        it.stdout.readline()
        waited = usage.waited_s([it.pid], usage.cpu_s(it.pid))
        it.kill()
        stranger.kill()
    assert waited > 0


def test_a_folder_is_counted_no_further_than_asked(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "file").write_bytes(b"x" * 8192)
    assert usage.folder(str(tmp_path), 1000).entries == 60
    assert usage.folder(str(tmp_path), 1000).megabytes * 2**20 >= 30 * 8192
    assert usage.folder(str(tmp_path), 10).entries == 11
