"""A dead or hung engine never hangs a run: engines without a model that die in each of the known ways."""

from __future__ import annotations

import os
import pickle
import signal

import pytest

from halo_raft.cluster.placement import place
from halo_raft.config import RaftConfig, load
from halo_raft.engines import Adapter, GenerationRequest
from halo_raft.engines.base import EngineDiedError
from halo_raft.errors import ConfigError
from halo_raft.judging import JudgingPolicy
from halo_raft.records import Sampling
from halo_raft.sampling import Compute, Origin
from halo_raft.sampling.drafts import Draft
from halo_raft.sampling.engine_pool import EnginePool
from halo_raft.sampling.generate import Generate, Patience, Way
from halo_raft.verifiers import VerifierOptions

pytestmark = pytest.mark.slow  # three quarters of a minute; the unit tests stay in the fast ones

REQUESTS = [GenerationRequest(f"s{n}", (), Sampling(), 1) for n in range(4)]
DRAFTS = [Draft("t", n, request) for n, request in enumerate(REQUESTS)]


@pytest.fixture
def start(ray_session, tmp_path, monkeypatch):
    """Returns a function that makes a pool of a fake engine."""
    (tmp_path / "config.json").write_text("{}")
    pools = []

    def make(kind, *overrides):
        name = f"engine.name=tests.integration.fake_engines:{kind}"
        config = load(RaftConfig, None, [name, f"model.name={tmp_path}", "engine.stall_s=3", *overrides])
        compute = Compute(
            model=config.model,
            engine=config.engine,
            resources=config.resources,
            lora_rank=8,
            verify_workers=None,
            seed=0,
        )
        pools.append(EnginePool(compute, place(config.engine, config.resources, None, cpus=2, gpus=0)))
        return pools[-1]

    yield make
    for pool in pools:
        pool.stop()


class NoSink:
    """A sink that has nothing yet, and all drafts in one piece."""

    class drawn:
        @staticmethod
        def remote():
            import ray

            return ray.put([])

    class drafts:
        @staticmethod
        def remote(engine, piece):
            import ray

            return ray.put(b"" if piece else pickle.dumps(DRAFTS))


def drawn(pool, restarts=2):
    """Return the ids of the samples that a stage gets out of the pool's engine, in order."""
    import ray

    terms = ray.put((JudgingPolicy(verifier="mbpp", options=VerifierOptions()), {}))
    way = Way(NoSink, [terms], share=True, together=1)
    stage = Generate(pool.use(None), Origin(1, "m", None), way, Patience(restarts, stall_s=3))
    return [sample.sample_id for samples in stage._samples(0) for sample in samples]


@pytest.mark.parametrize("kind", ["Sound", "Hangs", "Breaks", "HasACore"])
def test_each_sample_comes_once_however_the_engine_died(start, kind):
    assert sorted(drawn(start(kind))) == ["s0", "s1", "s2", "s3"]


def test_an_engine_that_dies_each_time_ends_the_run_with_the_cause(start):
    with pytest.raises(EngineDiedError, match=r"died 3 times.*illegal memory access"):
        drawn(start("AlwaysBreaks"))


def test_an_engine_that_hangs_over_a_delivery_is_started_again(start):
    pool = start("HangsOverAnAdapter")
    pool.use(Adapter("a", 1, "/"))
    pool.use(Adapter("b", 2, "/"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_an_actor_that_was_killed_or_stopped_is_back_when_it_is_asked(start, number):
    import ray

    pool = start("Sound")
    (actor,) = pool.use(None)
    first = ray.get(actor.ready.remote())
    os.kill(first, number)
    pool.use(Adapter("a", 1, "/"))
    assert ray.get(actor.ready.remote()) != first


def test_a_start_that_failed_is_one_line_with_the_cause(start):
    said = r"could not start \(OutOfMemoryError: CUDA out of memory\.\); use a smaller model, or lower"
    with pytest.raises(ConfigError, match=said) as caught:
        start("DoesNotStart").use(None)
    assert "\n" not in str(caught.value)
