"""What travels to workers and back, and what a broken flow says of itself."""

import pickle
from types import SimpleNamespace
from typing import Any

import pytest
from ray import exceptions

from halo_raft.errors import ConfigError
from halo_raft.judging.answer import Judged
from halo_raft.judging.workers import MOST_TOGETHER, Report, broke_off, received, together
from halo_raft.records import Verdict, VerdictKind

VERDICT = Verdict(
    sample_id="s", task_id="t", kind=VerdictKind.WRONG, success=False, reward=0.0, tests_passed=0, tests_total=1,
    details="said \ud800", integrity="outside", tier="A", cpu_s=0.1, wall_s=0.1, verifier="v", verifier_version="1",
)  # fmt: skip


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ActorDiedError(),
        exceptions.WorkerCrashedError(),
        exceptions.UnserializableException("Traceback ...\nray.exceptions.ActorDiedError: The actor died unexpectedly"),
        exceptions.UnserializableException("ray.exceptions.OutOfMemoryError: Task was killed"),
    ],
)
def test_a_process_that_died_is_told_however_its_error_arrives(error: Exception) -> None:
    assert broke_off(error) == "a process that samples go through died"
    outer = RuntimeError("of Ray Data")
    outer.__cause__ = error
    assert broke_off(outer) == "a process that samples go through died"


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("verifier.name: no such verifier"),
        ValueError("ray.exceptions.ActorDiedError: is only text here"),
        exceptions.UnserializableException("ValueError: a bug of ours"),
    ],
)
def test_a_bug_and_a_users_error_are_no_death(error: Exception) -> None:
    assert not broke_off(error)


def test_few_answers_are_spread_and_of_many_no_more_than_so_many_travel_together() -> None:
    assert together(3, 8) == 1
    assert together(164, 4) == 8
    assert together(640, 4) == 10, "each worker's share comes in sixteen pieces"
    assert together(10**6, 4) == MOST_TOGETHER


def flow_of(*rows: dict[str, list[Any]]) -> Any:
    """A dataset of what workers yielded."""
    return SimpleNamespace(iter_batches=lambda **_: iter(rows))


def test_what_workers_found_arrives_as_it_was() -> None:
    judged = [Judged("key", VERDICT, "here"), Judged("", VERDICT)]
    pickled = pickle.dumps([Report.of(one) for one in judged])
    rows = [{"reports": [pickled], "log": [""]}, {"reports": [pickled, pickled], "log": ["told", ""]}]
    assert list(received(flow_of(*rows))) == [judged] * 3


def test_a_machine_that_may_not_judge_ends_the_flow_with_its_reason() -> None:
    with pytest.raises(ConfigError, match="no isolation here"):
        list(received(flow_of({"reports": [b""], "log": ["no isolation here"]})))
