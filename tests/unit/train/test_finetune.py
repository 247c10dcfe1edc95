"""Who is asked again when workers die: by what Ray Train tells of them, without Ray."""

from __future__ import annotations

import importlib

import pytest
from ray.exceptions import ActorDiedError
from ray.train import WorkerGroupError
from ray.train.v2._internal.exceptions import UserExceptionWithTraceback, WorkerHealthCheckFailedError

from halo_raft.errors import DataError
from halo_raft.train.finetune import MOST_DEATHS

module = importlib.import_module("halo_raft.train.finetune")  # the package has a function of that name


@pytest.fixture
def fit(monkeypatch, make_job):
    """Returns a function that trains with workers that fail in given ways, and the names of the attempts."""
    names = []

    def train(*failures):
        left = list(failures)

        def attempt(job, folder, name, *, starts):
            names.append(name)
            if left:
                (job.output_dir / "half").mkdir(parents=True, exist_ok=True)
                raise WorkerGroupError("failed", left.pop(0))
            assert not job.output_dir.exists(), "what a worker left that died is removed"
            return {"steps": 1}

        monkeypatch.setattr(module, "_fit", attempt)
        job = make_job()
        return module._fit_whoever_dies(job, job.storage_dir / "run"), names

    return train


def raised(error):
    return UserExceptionWithTraceback(error, "Traceback ...")


LOST = {0: WorkerHealthCheckFailedError("A worker health check failed.", ActorDiedError())}


def test_lost_workers_are_replaced_under_another_name(fit):
    beside = {0: raised(RuntimeError("connection reset by peer")), 1: LOST[0]}
    measured, names = fit(LOST, beside)
    assert measured == {"steps": 1}
    assert len(names) == len(set(names)) == 3, "Ray Train goes on with a run whose name it has seen"


def test_workers_that_die_again_and_again_end_the_training(fit):
    with pytest.raises(WorkerGroupError):
        fit(*[LOST] * (MOST_DEATHS + 1))


def test_what_a_worker_raises_is_tried_once(fit):
    with pytest.raises(WorkerGroupError):
        fit({0: raised(RuntimeError("a bug"))})
    with pytest.raises(DataError, match="no rows"):
        fit({0: DataError("no rows")})
