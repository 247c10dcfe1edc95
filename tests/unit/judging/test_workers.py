"""What a broken flow says of itself."""

import pytest
from ray import exceptions

from halo_raft.errors import ConfigError
from halo_raft.judging.workers import broke_off


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
