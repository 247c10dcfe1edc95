"""The files of control groups, made up: what is read from them, and which folder is taken.

Groups of the kernel itself are used wherever this machine offers them, by every other test of the sandbox.
"""

from pathlib import Path

import pytest

from halo_raft.sandbox import cgroup
from halo_raft.sandbox.cgroup import Group


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cgroup.VARIABLE, str(tmp_path))
    cgroup.parent_folder.cache_clear()
    yield tmp_path
    cgroup.parent_folder.cache_clear()


def test_a_group_counts_cpu_memory_and_processes(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\nsystem_usec 2\n")
    (tmp_path / "memory.stat").write_text("anon 1048576\nfile 99999999\nshmem 2097152\nkernel 3145728\nsock 1048576\n")
    (tmp_path / "cgroup.procs").write_text("12\n34\n")
    group = Group(tmp_path)
    assert group.counts_memory
    assert group.cpu_s() == 1.5
    assert group.memory_mb() == 7  # the page cache is nobody's doing
    assert group.processes() == [12, 34]


def test_older_kernels_name_the_parts_of_their_memory(tmp_path: Path) -> None:
    parts = {"anon": 1, "shmem": 0, "sock": 2, "kernel_stack": 1, "pagetables": 1, "percpu": 0, "slab_unreclaimable": 3}
    (tmp_path / "memory.stat").write_text("".join(f"{name} {count << 20}\n" for name, count in parts.items()))
    assert Group(tmp_path).memory_mb() == 8


def test_without_the_memory_controller_a_group_says_so(tmp_path: Path) -> None:
    assert not Group(tmp_path).counts_memory


def test_the_named_folder_is_taken_and_memory_is_shared_out(folder: Path) -> None:
    (folder / "cgroup.controllers").write_text("cpu memory pids\n")
    (folder / "cgroup.subtree_control").write_text("")
    assert cgroup.parent_folder() == folder
    assert (folder / "cgroup.subtree_control").read_text() == "+memory"


def test_what_is_shared_out_already_is_left_alone(folder: Path) -> None:
    (folder / "cgroup.controllers").write_text("cpu memory\n")
    (folder / "cgroup.subtree_control").write_text("memory\n")
    cgroup.parent_folder()
    assert (folder / "cgroup.subtree_control").read_text() == "memory\n"


def test_a_folder_that_is_no_group_gives_none(folder: Path) -> None:
    assert cgroup.create("x") is None
    assert list(folder.iterdir()) == []


def test_groups_of_dead_workers_are_swept_away(folder: Path) -> None:
    (folder / "halo-raft-999999999-1").mkdir()
    (folder / "halo-raft-1-1").mkdir()  # process 1 lives
    (folder / "other").mkdir()
    cgroup.parent_folder()
    assert {path.name for path in folder.iterdir()} == {"halo-raft-1-1", "other"}


def test_groups_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cgroup.VARIABLE, "off")
    cgroup.parent_folder.cache_clear()
    assert cgroup.parent_folder() is None
    cgroup.parent_folder.cache_clear()
