"""The ledger: what is kept comes back, marked as a copy; damage costs a judgement, never a wrong one."""

from dataclasses import replace
from multiprocessing import get_context

import pytest

from halo_raft.judging.ledger import Ledger
from halo_raft.records import Verdict, VerdictKind

VERDICT = Verdict(
    sample_id="s", task_id="t", kind=VerdictKind.WRONG, success=False, reward=0.2, tests_passed=1, tests_total=2,
    details="1/2 passed", integrity="outside", tier="A", cpu_s=0.1, wall_s=0.2, verifier="v", verifier_version="1",
)  # fmt: skip


def test_a_verdict_comes_back_as_a_copy_for_another_sample(tmp_path):
    Ledger(tmp_path / "sub" / "l.jsonl").put({"k": VERDICT})
    copy = Ledger(tmp_path / "sub" / "l.jsonl").get("k", "other", "twin")
    assert copy == replace(VERDICT, sample_id="other", task_id="twin", cached=True)


def test_an_unknown_key_has_no_verdict(tmp_path):
    ledger = Ledger(tmp_path / "l.jsonl")
    assert ledger.get("k", "s", "t") is None
    assert "k" not in ledger


def test_in_memory_it_knows_its_own_run_alone(tmp_path):
    ledger = Ledger(None)
    ledger.put({"k": VERDICT})
    assert ledger.get("k", "s", "t") is not None
    assert Ledger(None).get("k", "s", "t") is None


def test_the_latest_entry_counts(tmp_path):
    ledger = Ledger(tmp_path / "l.jsonl")
    ledger.put({"k": VERDICT})
    ledger.put({"k": replace(VERDICT, tests_passed=0)})
    assert Ledger(tmp_path / "l.jsonl").get("k", "s", "t").tests_passed == 0


@pytest.mark.parametrize("damage", [b'{"key": "k2", "kind": "pas', b"[1]\n", b'{"key": "k2"}\n', b"\xff\xfe\n"])
def test_a_damaged_line_is_forgotten_and_harms_no_other(tmp_path, damage):
    path = tmp_path / "l.jsonl"
    Ledger(path).put({"k": VERDICT})
    with path.open("ab") as file:
        file.write(damage)
    Ledger(path).put({"k3": VERDICT})
    ledger = Ledger(path)
    assert ("k" in ledger, "k2" in ledger, "k3" in ledger) == (True, False, True)


def test_an_unwritable_folder_costs_memory_across_runs_alone(tmp_path):
    (tmp_path / "file").write_text("")
    ledger = Ledger(tmp_path / "file" / "l.jsonl")
    ledger.put({"k": VERDICT})
    assert "k" in ledger


def _write(path, name):
    ledger = Ledger(path)
    for number in range(100):
        ledger.put({f"{name}-{number}": replace(VERDICT, details=name * 50)})


def test_several_writers_lose_nothing(tmp_path):
    path = tmp_path / "l.jsonl"
    processes = [get_context("fork").Process(target=_write, args=(path, name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(Ledger(path)) == 300
