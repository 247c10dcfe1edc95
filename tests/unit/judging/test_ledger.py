"""The ledger: what is kept comes back, marked as a copy; damage costs a judgement, never a wrong one."""

import sqlite3
from dataclasses import replace
from multiprocessing import get_context

import pytest

from halo_raft.errors import ConfigError
from halo_raft.judging import ledger as ledgers
from halo_raft.judging.ledger import FILE, Ledger, network_file_system
from halo_raft.records import Verdict, VerdictKind

VERDICT = Verdict(
    sample_id="s", task_id="t", kind=VerdictKind.WRONG, success=False, reward=0.2, tests_passed=1, tests_total=2,
    details="1/2 passed", integrity="outside", tier="A", cpu_s=0.1, wall_s=0.2, verifier="v", verifier_version="1",
)  # fmt: skip


def known(folder, *keys, station="here"):
    return sorted(Ledger(folder, station).find(keys))


def test_a_verdict_comes_back_as_a_copy_for_another_sample(tmp_path):
    Ledger(tmp_path / "sub", "here").put({"k": VERDICT})
    copy = Ledger(tmp_path / "sub", "here").get("k", "other", "twin")
    assert copy == replace(VERDICT, sample_id="other", task_id="twin", cached=True)


def test_an_unknown_key_has_no_verdict(tmp_path):
    ledger = Ledger(tmp_path, "here")
    assert ledger.get("k", "s", "t") is None
    assert ledger.find([]) == {}


def test_what_another_station_found_is_not_known(tmp_path):
    Ledger(tmp_path, "here").put({"k": VERDICT})
    assert known(tmp_path, "k", station="elsewhere") == []


@pytest.mark.parametrize(("has_folder", "station"), [(False, "here"), (True, "")])
def test_in_memory_it_knows_its_own_run_alone(tmp_path, has_folder, station):
    folder = tmp_path / "sub" if has_folder else None
    ledger = Ledger(folder, station)
    ledger.put({"k": VERDICT})
    assert ledger.get("k", "s", "t") is not None
    assert Ledger(folder, station).get("k", "s", "t") is None
    assert not (tmp_path / "sub").exists()


def test_the_latest_entry_counts(tmp_path):
    ledger = Ledger(tmp_path, "here")
    ledger.put({"k": VERDICT})
    ledger.put({"k": replace(VERDICT, tests_passed=0)})
    assert Ledger(tmp_path, "here").get("k", "s", "t").tests_passed == 0


def test_more_keys_than_a_query_takes_are_all_found(tmp_path):
    rows = {f"k{n}": replace(VERDICT, tests_passed=n) for n in range(ledgers.KEYS_A_QUERY + 7)}
    Ledger(tmp_path, "here").put(rows)
    found = Ledger(tmp_path, "here").find([*rows, "another"])
    assert {key: verdict.tests_passed for key, verdict in found.items()} == {k: v.tests_passed for k, v in rows.items()}


@pytest.mark.parametrize("damage", [b'{"kind": "pas', b"[1]", b'{"reward": 1}', b"\xff\xfe"])
def test_a_damaged_verdict_is_forgotten_and_harms_no_other(tmp_path, damage):
    Ledger(tmp_path, "here").put({"k": VERDICT, "k2": VERDICT})
    program = Ledger(tmp_path, "here")._program("k2")
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE verdicts SET verdict = ? WHERE program = ?", (damage, program))
    database.close()
    assert known(tmp_path, "k", "k2") == ["k"]


@pytest.mark.parametrize("content", [b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_begun_anew_and_told(tmp_path, content, caplog):
    (tmp_path / FILE).write_bytes(content)
    Ledger(tmp_path, "here").put({"k": VERDICT})
    assert "is damaged" in caplog.text
    assert known(tmp_path, "k") == ["k"]


def test_an_unwritable_folder_costs_memory_across_runs_alone(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    ledger = Ledger(tmp_path / "file", "here")
    ledger.put({"k": VERDICT})
    assert ledger.find(["k"])
    assert caplog.text.count("kept for this run alone") == 1


def test_a_file_system_without_locks_is_told_and_costs_memory_across_runs_alone(tmp_path, caplog, monkeypatch):
    class Unlockable(sqlite3.Connection):
        def execute(self, *arguments):
            raise sqlite3.OperationalError("locking protocol")

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **how: connect(path, factory=Unlockable, **how))
    ledger = Ledger(tmp_path, "here")
    ledger.put({"k": VERDICT})
    assert ledger.find(["k"])
    assert "locking protocol" in caplog.text


MOUNTS = "/dev/sda / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\ntmpfs /home/scratch tmpfs rw 0 0\n"


@pytest.mark.parametrize(
    ("path", "kind"), [("/home/u/verdicts", "nfs4"), ("/home/scratch/v", ""), ("/homes/v", ""), ("/tmp/v", "")]
)
def test_file_systems_of_several_machines_are_known(tmp_path, path, kind):
    (tmp_path / "mounts").write_text(MOUNTS)
    assert network_file_system(path, tmp_path / "mounts") == kind


@pytest.mark.parametrize(("network", "mode"), [("nfs4", "delete"), ("", "wal")])
def test_on_a_network_no_memory_is_shared(tmp_path, monkeypatch, network, mode):
    monkeypatch.setattr(ledgers, "network_file_system", lambda path: network)
    Ledger(tmp_path, "here").put({"k": VERDICT})
    database = sqlite3.connect(tmp_path / FILE)
    assert database.execute("PRAGMA journal_mode").fetchone() == (mode,)
    database.close()
    assert known(tmp_path, "k") == ["k"]


def _write(folder, name):
    ledger = Ledger(folder, "here")
    for number in range(100):
        ledger.put({f"{name}-{number}": replace(VERDICT, details=name * 50)})


def test_several_writers_lose_nothing(tmp_path):
    ledger = Ledger(tmp_path, "here")
    ledger.put({"first": VERDICT})  # its connection must not be used beyond the fork
    processes = [get_context("fork").Process(target=_write, args=(tmp_path, name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    keys = [f"{name}-{number}" for name in "abc" for number in range(100)]
    assert len(ledger.find(["first", *keys])) == 301


def test_it_grows_no_larger_than_it_may_and_forgets_the_oldest(tmp_path, monkeypatch):
    monkeypatch.setattr(ledgers, "ROWS_PER_LOOK", 50)
    monkeypatch.setenv("HALO_RAFT_LEDGER_GB", "0.0005")
    ledger, keys = Ledger(tmp_path, "here"), [f"k{number}" for number in range(4000)]
    for start in range(0, len(keys), 25):
        ledger.put(dict.fromkeys(keys[start : start + 25], VERDICT))
        assert (tmp_path / FILE).stat().st_size < 600_000
    left = sorted(int(key[1:]) for key in ledger.find(keys))
    assert left == list(range(left[0], 4000)) and 500 < len(left) < 3500
    monkeypatch.setenv("HALO_RAFT_LEDGER_GB", "0.0002")
    Ledger(tmp_path, "here").put({"one more": VERDICT})
    ledger._file._database.close()
    sqlite3.connect(tmp_path / FILE).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    assert (tmp_path / FILE).stat().st_size < 250_000, "also where it was allowed to be larger before"


@pytest.mark.parametrize("said", ["much", "0", "-1", "inf"])
def test_a_size_that_is_none_is_refused(tmp_path, monkeypatch, said):
    monkeypatch.setenv("HALO_RAFT_LEDGER_GB", said)
    with pytest.raises(ConfigError, match=rf"HALO_RAFT_LEDGER_GB: {said} is no size"):
        Ledger(tmp_path, "here")


def test_files_of_earlier_versions_go(tmp_path):
    old, mine = tmp_path / "0123456789abcdef.jsonl", tmp_path / "mine.jsonl"
    old.write_text("")
    mine.write_text("")
    Ledger(tmp_path, "here").put({"k": VERDICT})
    assert mine.exists() and not old.exists()
