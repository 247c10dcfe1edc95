from __future__ import annotations

import pytest

from halo_raft.cluster.placement import place
from halo_raft.config import RaftConfig
from halo_raft.errors import ConfigError, VerificationError
from halo_raft.pipelines.sweep.runner import Crashed, _crashed, share_out


@pytest.mark.parametrize(
    ("cpus", "gpus", "nodes", "asked", "expected"),
    [
        (2, 0, 1, None, (1, 2, 0)),
        (2, 0, 1, 4, (1, 2, 0)),  # two on two cores would wait for each other
        (4, 0, 2, None, (2, 2, 0)),
        (16, 0, 1, None, (1, 16, 0)),
        (16, 0, 1, 3, (3, 5, 0)),
        (32, 8, 1, None, (8, 4, 1)),
        (32, 8, 1, 2, (2, 16, 4)),
        (1, 0, 1, None, (1, 1, 0)),
    ],
)
def test_a_cluster_is_shared_so_that_no_trial_waits_for_anothers_device(cpus, gpus, nodes, asked, expected):
    share = share_out(RaftConfig(), asked, cpus=cpus, gpus=gpus, nodes=nodes)
    assert (share.parallel, share.cpus, share.gpus) == expected


@pytest.mark.parametrize(("cpus", "gpus"), [(2, 0), (4, 0), (16, 2), (32, 8)])
def test_all_trials_together_fit_the_cluster(cpus, gpus):
    share = share_out(RaftConfig(), 4, cpus=cpus, gpus=gpus, nodes=1)
    config = share.config(RaftConfig())
    placement = place(config.engine, config.resources, None, cpus=share.cpus, gpus=share.gpus)
    generating = config.engine.replicas + placement.verify_workers / 2
    training = config.engine.replicas + config.resources.trainer.num_workers
    assert share.parallel * max(generating, training) <= cpus
    assert share.parallel * max(placement.engine_gpus, placement.trainer_gpus) <= gpus


def test_engines_do_not_sleep_on_gpus_that_another_trial_may_take():
    alone = share_out(RaftConfig(), 1, cpus=8, gpus=1, nodes=1)
    two = share_out(RaftConfig(), 2, cpus=8, gpus=2, nodes=1)
    assert alone.config(RaftConfig()).engine.sleep
    assert not two.config(RaftConfig()).engine.sleep


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (VerificationError("nothing kept"), Crashed(3, "nothing kept", learned=True)),
        (ConfigError("no such model"), Crashed(3, "no such model")),
        (RuntimeError("first line\nCUDA error\n"), Crashed(3, "RuntimeError: CUDA error")),
    ],
)
def test_what_a_trial_raised_is_one_line_without_rays_traceback(cause, expected):
    from ray.exceptions import RayTaskError

    wrapped = RayTaskError("step", "Traceback ...\n  pages of it\n", cause).as_instanceof_cause()
    assert _crashed(3, wrapped) == expected
