"""What the ledger of a suite that shares the program's process is worth."""

import pytest

from halo_raft.records import VerdictKind
from halo_raft.sandbox import KilledBy, Outcome
from halo_raft.verifiers.native.shared import _result

SECRET = "0123456789abcdef" * 2


def _outcome(lines: list[str], returncode: int | None = 0, killed_by: KilledBy | None = None) -> Outcome:
    return Outcome(
        returncode=returncode,
        signal=None if returncode is not None else 9,
        stdout=b"",
        stderr=b"",
        result="".join(f"{SECRET} {line}\n" for line in lines).encode(),
        files={},
        killed_by=killed_by,
        cpu_s=0.0,
        wall_s=0.0,
        peak_memory_mb=0.0,
    )


def test_all_right_and_done_passes() -> None:
    result = _result(_outcome(["ok 000000", "ok 000001", "done 000002"]), SECRET)
    assert (result.success, result.reward) == (True, 1.0)


def test_some_right_and_done_is_partial_credit() -> None:
    result = _result(_outcome(["ok 000000", "bad 000001", "done 000002"], returncode=1), SECRET)
    assert (result.kind, result.reward) == (VerdictKind.WRONG, 0.2)


@pytest.mark.parametrize("returncode", [0, 1, None])
@pytest.mark.parametrize("lines", [["ok 000000"], ["ok 000000", "ok 000001", "bad 000002"], []])
def test_without_an_end_there_is_no_credit(lines: list[str], returncode: int | None) -> None:
    result = _result(_outcome(lines, returncode), SECRET)
    assert (result.success, result.reward) == (False, 0.0)


def test_a_program_that_breaks_a_limit_before_the_end_gets_none_either() -> None:
    result = _result(_outcome(["ok 000000"], None, KilledBy.CPU), SECRET)
    assert (result.kind, result.reward) == (VerdictKind.TIMEOUT, 0.0)
