"""Placement: nothing waits for ever for a device that somebody else holds."""

import pytest

from halo_raft.cluster.placement import Placement
from halo_raft.cluster.placement import place as placed
from halo_raft.config import RaftConfig, load
from halo_raft.errors import ConfigError


def config(*overrides: str) -> RaftConfig:
    return load(RaftConfig, None, overrides)


def place(config: RaftConfig, *, cpus: float, gpus: float) -> Placement:
    return placed(config.engine, config.resources, config.verifier.workers, cpus=cpus, gpus=gpus)


def test_two_cpus_fit_an_engine_and_verification():
    placement = place(config(), cpus=2, gpus=0)
    assert placement.device == "cpu"
    assert 1 + 0.5 * placement.verify_workers <= 2
    assert placement.engines_meanwhile == "stay"


@pytest.mark.parametrize(
    ("overrides", "cpus", "gpus", "expected"),
    [
        (["engine.replicas=2"], 2, 0, "engine.replicas"),
        (["engine.replicas=2"], 8, 0, "one engine uses all cores"),
        (["engine.tensor_parallel=2"], 8, 0, "one engine uses all cores"),
        (["engine.tensor_parallel=4"], 8, 2, "engine.replicas"),
        (["engine.replicas=3"], 8, 2, "engine.replicas"),
        (["resources.trainer.num_workers=2"], 2, 0, "resources.trainer.num_workers"),
        (["resources.trainer.num_workers=3"], 8, 2, "resources.trainer.num_workers"),
    ],
)
def test_what_cannot_fit_is_refused_instead_of_waiting_for_ever(overrides, cpus, gpus, expected):
    with pytest.raises(ConfigError, match=expected):
        place(config(*overrides), cpus=cpus, gpus=gpus)


@pytest.mark.parametrize("workers", [1, 5])
def test_the_users_number_of_verification_workers_wins(workers):
    assert place(config(f"verifier.workers={workers}"), cpus=64, gpus=0).verify_workers == workers


def test_one_gpu_is_shared_in_turns():
    placement = place(config(), cpus=8, gpus=1)
    assert placement.engines_meanwhile == "sleep"
    assert placement.engine_gpus + placement.trainer_gpus <= 1
    assert 2 * placement.engine_gpus > 1, "no two engines on one GPU"


def test_a_gpu_of_its_own_for_the_trainer_lets_the_engine_stay():
    placement = place(config(), cpus=8, gpus=2)
    assert (placement.engine_gpus, placement.trainer_gpus, placement.engines_meanwhile) == (1, 1, "stay")


@pytest.mark.parametrize(
    "overrides", [["resources.trainer.num_workers=2"], ["engine.tensor_parallel=2"], ["engine.sleep=false"]]
)
def test_engines_that_cannot_share_stop_for_training(overrides):
    gpus = 1 if overrides == ["engine.sleep=false"] else 2
    placement = place(config(*overrides), cpus=8, gpus=gpus)
    assert placement.engines_meanwhile == "stop"
    assert placement.trainer_gpus == 1
