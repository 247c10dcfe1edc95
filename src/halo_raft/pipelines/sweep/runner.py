"""Trials as Ray actors: how many fit, starting and ending them, and what they report."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from halo_raft.cluster.connection import RAY_ENVIRONMENT, usable
from halo_raft.cluster.home import Home
from halo_raft.cluster.orphans import release_orphaned_groups
from halo_raft.config import RaftConfig
from halo_raft.errors import VerificationError, user_error
from halo_raft.pipelines.sweep.reuse import Reused
from halo_raft.pipelines.sweep.trial import Trial, TrialJob, TrialResult
from halo_raft.records import CycleStats
from halo_raft.terminal import console

PASSED_ON = (
    *("HALO_RAFT_CACHE", "HALO_RAFT_LEDGER", "HALO_RAFT_LEDGER_GB", "HALO_RAFT_SANDBOX_TIER"),
    *("MLFLOW_TRACKING_URI", "HF_HOME", "HF_HUB_OFFLINE"),
)
"""Environment of the driver that its trials need; what computes for them goes by that of its own node."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A trial is ready for its first step."""

    number: int
    reused: list[Reused]


@dataclass(frozen=True, slots=True)
class Measured:
    """A trial has measured the base model (cycle 0) or finished a cycle, and waits."""

    number: int
    stats: CycleStats


@dataclass(frozen=True, slots=True)
class RunOver:
    """A trial has no further cycle, and waits."""

    number: int


@dataclass(frozen=True, slots=True)
class Closed:
    """A trial has ended as it was told to."""

    number: int
    result: TrialResult


@dataclass(frozen=True, slots=True)
class Crashed:
    """A trial raised an exception.

    Attributes:
        reason: One line.
        learned: Whether it says something about the trial's settings: with them nothing could be kept.
    """

    number: int
    reason: str
    learned: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """The process or node of a trial is gone; what it had done is on disk."""

    number: int
    reason: str


Event = Opened | Measured | RunOver | Closed | Crashed | Lost


class Runner(Protocol):
    """What the driver asks of whatever computes trials. Every call but `wait` returns at once."""

    def slots(self) -> int:
        """Return how many trials may run at a time now."""

    def start(self, job: TrialJob) -> None:
        """Start a trial; its first event is `Opened`."""

    def step(self, number: int) -> None:
        """Let a trial go on to its next `Measured` or `RunOver`."""

    def finish(self, number: int, *, early: bool) -> None:
        """Let a trial end, which `Closed` reports; `early` where it has cycles left."""

    def kill(self, number: int) -> None:
        """Forget a trial and end its processes; it reports nothing more."""

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what happened, at the latest after so many seconds."""


@dataclass(frozen=True, slots=True)
class Share:
    """How a cluster is shared by trials.

    Attributes:
        parallel: Trials at a time.
        cpus, gpus: Of each, whole devices.
    """

    parallel: int
    cpus: int
    gpus: int

    def config(self, config: RaftConfig) -> RaftConfig:
        """Return a trial's config within its share."""
        resources = config.resources.model_copy(update={"num_cpus": self.cpus, "num_gpus": self.gpus})
        update: dict[str, Any] = {"resources": resources}
        if self.parallel > 1 and self.gpus:
            # an engine that sleeps on its GPU could be woken beside another trial's trainer
            update["engine"] = config.engine.model_copy(update={"sleep": False})
        return config.model_copy(update=update)


def share_out(config: RaftConfig, asked: int | None, *, cpus: float, gpus: float, nodes: int) -> Share:
    """Share a cluster among trials, so that none of them waits for a device that another one holds.

    Args:
        config: What one trial needs.
        asked: Trials at a time that the user wants; None chooses as many as there are GPUs, or nodes without one.
        cpus: Of the cluster.
        gpus: Of the cluster.
        nodes: Nodes of the cluster that have CPUs.
    """
    engine, trainers = config.engine, config.resources.trainer.num_workers
    replicas = 1 if engine.replicas == "auto" else engine.replicas
    most = int(cpus // (replicas + trainers))  # the engine keeps its CPU while training runs
    if gpus >= 1:
        most = min(most, int(gpus // max(replicas * engine.tensor_parallel, trainers)))
    fitting = most if gpus >= 1 else min(most, nodes)
    parallel = max(1, min(most, asked) if asked else fitting)
    return Share(parallel, int(cpus // parallel), int(gpus // parallel))


class RayRunner:
    """Runs each trial in an actor of its own, in a fresh process beside the driver, which alone has the run folders.

    The actor itself takes no CPU: it waits for its engine, workers and trainer, which hold the devices of any node.
    """

    def __init__(self, config: RaftConfig, asked: int | None) -> None:
        import ray

        self._config = config
        nodes = sum(node["Alive"] and node["Resources"].get("CPU", 0) > 0 for node in ray.nodes())
        there = usable(config.resources)
        self.share = share_out(config, asked, cpus=there["CPU"], gpus=there["GPU"], nodes=nodes)
        if asked and self.share.parallel < asked:
            console.say(f"sweep.parallel: {asked} trials at a time do not fit; running {self.share.parallel}")
        self._actors: dict[int, Any] = {}
        self._calls: dict[Any, tuple[int, str]] = {}

    def slots(self) -> int:
        """See `Runner`; fewer when nodes are gone, one at least."""
        there = usable(self._config.resources)
        fitting = [int(there["CPU"] // self.share.cpus)]
        fitting += [int(there["GPU"] // self.share.gpus)] if self.share.gpus else []
        return max(1, min(self.share.parallel, *fitting))

    def start(self, job: TrialJob) -> None:
        """See `Runner`."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(Home.here().node, soft=False)
        remote = ray.remote(Trial).options(
            num_cpus=0, max_restarts=0, scheduling_strategy=here, runtime_env={"env_vars": RAY_ENVIRONMENT}
        )
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self._actors[job.number] = remote.remote(job, passed)
        self._call(job.number, "open")

    def step(self, number: int) -> None:
        """See `Runner`."""
        self._call(number, "step")

    def finish(self, number: int, *, early: bool) -> None:
        """See `Runner`."""
        self._call(number, "stop" if early else "finish")

    def kill(self, number: int) -> None:
        """See `Runner`."""
        import ray

        self._calls = {call: what for call, what in self._calls.items() if what[0] != number}
        if actor := self._actors.pop(number, None):
            ray.kill(actor)

    def wait(self, timeout_s: float) -> list[Event]:
        """See `Runner`."""
        import ray

        ready, _ = ray.wait(list(self._calls), timeout=timeout_s) if self._calls else ([], [])
        release_orphaned_groups()  # of a trial's training whose process died: the next one waited for them for ever
        return [self._event(call, *self._calls.pop(call)) for call in ready]

    def close(self) -> None:
        """End all trials."""
        for number in list(self._actors):
            self.kill(number)

    def _call(self, number: int, method: str) -> None:
        self._calls[getattr(self._actors[number], method).remote()] = (number, method)

    def _event(self, call: Any, number: int, method: str) -> Event:
        import ray

        try:
            value = ray.get(call)
        except ray.exceptions.RayTaskError as error:
            log.debug("trial %d crashed", number, exc_info=error)
            self.kill(number)
            return _crashed(number, error)
        except ray.exceptions.RayError as error:
            self.kill(number)
            return Lost(number, _last_line(error))
        if method == "open":
            return Opened(number, value)
        if method == "step":
            return RunOver(number) if value is None else Measured(number, value)
        self.kill(number)
        return Closed(number, value)


def _crashed(number: int, error: Any) -> Crashed:
    cause = getattr(error, "cause", None) or error  # Ray's own wrapper is of the user's type too, and pages long
    known = user_error(cause)
    if known is None:
        return Crashed(number, f"{type(cause).__name__}: {_last_line(cause)}")
    return Crashed(number, str(known), learned=isinstance(known, VerificationError))


def _last_line(error: object) -> str:
    lines: Iterable[str] = (line.strip() for line in reversed(str(error).splitlines()))
    return next((line for line in lines if line), type(error).__name__)
