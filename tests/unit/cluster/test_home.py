"""What travels between nodes arrives whole, once a node, and in a cache that does not grow for ever."""

from __future__ import annotations

import os

import pytest

from halo_raft.cluster import home as module
from halo_raft.cluster.home import Home, digest


@pytest.fixture
def calls(monkeypatch):
    """The functions that were called at home, by a process that is elsewhere."""
    made = []

    def call(self, function, *arguments):
        made.append(result := function(*arguments))
        return result

    monkeypatch.setattr(Home, "is_here", False)
    monkeypatch.setattr(Home, "call", call)
    return made


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HALO_RAFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache/travelled"


@pytest.fixture
def adapter(tmp_path):
    """A folder as it lies at home."""
    folder = tmp_path / "run/cycle_1_final"
    (folder / "inner").mkdir(parents=True)
    (folder / "weights").write_bytes(b"\0\1" * 500)
    (folder / "inner/card").write_text("card")
    return folder


def test_a_folder_arrives_once_with_all_that_is_in_it(calls, cache, adapter):
    first = Home("n").fetch(adapter)
    assert first != adapter and first.name == adapter.name
    assert digest(first) == digest(adapter)
    assert Home("n").fetch(adapter) == first
    assert [packed is None for _, packed in calls] == [False, True], "the second call brought no bytes"


def test_another_content_under_the_same_name_is_another_copy(calls, cache, adapter):
    first = Home("n").fetch(adapter)
    (adapter / "weights").write_bytes(b"new")
    second = Home("n").fetch(adapter)
    assert (second / "weights").read_bytes() == b"new"
    assert (first / "weights").read_bytes() != b"new"


def test_a_file_travels_under_its_name(calls, cache, tmp_path):
    (tmp_path / "kept.jsonl").write_text("{}\n")
    copy = Home("n").fetch(tmp_path / "kept.jsonl")
    assert (copy.name, copy.read_text()) == ("kept.jsonl", "{}\n")


def test_a_result_takes_the_place_of_what_was_there(calls, adapter, tmp_path):
    target = tmp_path / "home/cycle_1_final"
    target.mkdir(parents=True)
    (target / "old").touch()
    Home("n").send(adapter, target)
    assert digest(target) == digest(adapter)
    assert [path.name for path in target.parent.iterdir()] == [target.name], "nothing is left beside it"


def test_what_does_not_arrive_whole_leaves_nothing(calls, adapter, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "sync", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Home("n").send(adapter, tmp_path / "home/cycle_1_final")
    assert list((tmp_path / "home").iterdir()) == []


def test_the_copies_that_were_not_used_for_longest_make_room(calls, cache, adapter, monkeypatch):
    copies = []
    for content in range(4):
        (adapter / "weights").write_bytes(bytes([content]) * 1000)
        copies.append(Home("n").fetch(adapter))
    for age, copy in enumerate(copies):
        os.utime(copy.parent, (1000 + age, 1000 + age))
    os.utime(copies[0].parent)  # somebody may be reading it
    monkeypatch.setattr(module, "LIMIT_BYTES", 2500)
    (adapter / "weights").write_bytes(b"\7" * 1000)
    last = Home("n").fetch(adapter)
    assert [copy.is_dir() for copy in (*copies, last)] == [True, False, False, False, True]


def test_at_home_everything_stays_where_it_is(adapter, monkeypatch):
    monkeypatch.setattr(Home, "is_here", True)
    assert Home("n").fetch(adapter) == adapter
    assert Home("n").call(len, "abc") == 3
