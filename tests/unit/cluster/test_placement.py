"""Placement: nothing waits for ever for a device that somebody else holds."""

import pytest

from halo_raft.cluster.placement import Placement
from halo_raft.cluster.placement import place as placed
from halo_raft.config import RaftConfig, load
from halo_raft.errors import ConfigError


def config(*overrides: str) -> RaftConfig:
    return load(RaftConfig, None, overrides)


def place(config: RaftConfig, *, cpus: float, gpus: float, nodes: list[float] | None = None) -> Placement:
    return placed(config.engine, config.resources, config.verifier.workers, cpus=cpus, gpus=gpus, gpus_by_node=nodes)


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


@pytest.mark.parametrize(
    ("overrides", "nodes", "expected"),
    [
        (["engine.tensor_parallel=2"], [1, 1], "engine.tensor_parallel: an engine takes its 2 GPUs from one node"),
        (["engine.tensor_parallel=2", "engine.replicas=2"], [3, 1], "do not fit on 4 GPUs of 2 nodes"),
        (["engine.tensor_parallel=2", "engine.replicas=auto"], [1, 1, 1], "the largest has 1"),
    ],
)
def test_an_engine_takes_its_gpus_from_one_node(overrides, nodes, expected):
    with pytest.raises(ConfigError, match=expected) as caught:
        place(config(*overrides), cpus=64, gpus=sum(nodes), nodes=nodes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("parallel", "gpus", "nodes", "replicas", "meanwhile"),
    [
        (1, 1, [1], 1, "sleep"),
        (1, 4, [4], 4, "sleep"),
        (1, 3, [2, 1], 3, "sleep"),
        (2, 4, [3, 1], 1, "stay"),
        (2, 8, [4, 4], 4, "stop"),
        (1, 2, [4, 4], 2, "sleep"),  # resources.num_gpus=2
        (1, 0, [0], 1, "stay"),
    ],
)
def test_auto_fills_the_gpus_that_are_there(parallel, gpus, nodes, replicas, meanwhile):
    settings = config("engine.replicas=auto", f"engine.tensor_parallel={parallel}")
    placement = place(settings, cpus=64, gpus=gpus, nodes=nodes)
    assert (placement.replicas, placement.engines_meanwhile) == (replicas, meanwhile)


@pytest.mark.parametrize(("cpus", "gpus", "left"), [(8, 1, 12), (8, 2, 12), (2, 1, 2), (2, 0, 2), (16, 0, 30)])
def test_verification_leaves_engines_their_cores(cpus, gpus, left):
    placement = place(config(), cpus=cpus, gpus=gpus)
    assert placement.verify_workers == left
    assert placement.engine_cpus + placement.verify_workers / 2 <= cpus
