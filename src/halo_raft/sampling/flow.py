"""One stage of samples: generated and verified in one streaming Ray Data flow.

Completions leave the engines as they finish, are put on disk, and go straight into the verification
workers, so that verification is nearly done when the last one is generated. Whatever is on disk
already is not asked for again: missing samples are generated, unjudged ones only judged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from halo_raft.errors import HaloRaftError
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.judging.verdicts import PASSES
from halo_raft.judging.workers import broke_off, configure_ray_data, received_reports, seats, together, verified
from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.sampling.drafts import Draft
from halo_raft.sampling.generate import MOST_ASKED, Origin, Patience, Way, answers_of
from halo_raft.sampling.sink import Found, SampleSink
from halo_raft.store import read_records, stored_samples

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Samples of one origin and purpose, by whom they are judged, and where they are kept."""

    origin: Origin
    drafts: tuple[Draft, ...]
    policy: JudgingPolicy
    tasks: Mapping[str, Task]
    samples_path: Path
    verdicts_path: Path


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What of a stage is left to do.

    Attributes:
        missing: Drafts without a sample.
        unjudged: Ids of samples without a verdict, or with one that says no more than that we failed (infra).
    """

    missing: list[Draft]
    unjudged: set[str]

    def __len__(self) -> int:
        return len(self.missing) + len(self.unjudged)


@dataclass(frozen=True, slots=True)
class Workers:
    """Who generates and verifies.

    Attributes:
        engines: Returns the engines' actors, serving the stage's adapter; called only if needed.
        verifiers: Verification workers, half a CPU each.
        niceness: How far they stand back behind the engines.
        patience: With engines that die.
        renew: Ends the engines: one that was asked by a process that is gone works on for nobody.
    """

    engines: Callable[[], list[Any]]
    verifiers: int
    niceness: int
    patience: Patience
    renew: Callable[[], None]


def outstanding(stage: Stage, tried: Collection[str] = ()) -> Outstanding:
    """Return what is left of a stage; nothing is, where each draft has a sample and each sample a verdict.

    Args:
        stage: What to draw and judge.
        tried: Ids of samples that this run has judged: a failure of ours is tried again once a run.
    """
    missing, unjudged = {d.request.sample_id for d in stage.drafts}, set[str]()
    for sample in stored_samples(stage.samples_path):
        if sample.sample_id in missing:
            missing.remove(sample.sample_id)
            unjudged.add(sample.sample_id)
    for verdict in read_records(stage.verdicts_path, Verdict):
        if verdict.kind is not VerdictKind.INFRA or verdict.sample_id in tried:
            unjudged.discard(verdict.sample_id)
    return Outstanding([d for d in stage.drafts if d.request.sample_id in missing], unjudged)


def run_stage(stage: Stage, left: Outstanding, workers: Workers, report: Callable[[Found], None]) -> None:
    """Bring a stage to its end: nothing of it is `outstanding`.

    Args:
        stage: What to draw and judge.
        left: What of it is outstanding.
        workers: Who does it, on a Ray that is up.
        report: Called in this process with what verdicts say, as they arrive.

    Raises:
        HaloRaftError: What a user can mend, such as a prompt that does not fit.
    """
    tried: set[str] = set()
    for attempt in range(PASSES):
        judged = 0
        try:
            for found in _judged(stage, left, workers, share=attempt == 0):
                judged += found.judged
                tried.update(verdict.sample_id for verdict in found.failures)
                report(found)
        except Exception as error:
            if not (why := broke_off(error)):
                raise
            log.warning("%s; others do what is left", why)
            workers.renew()
        if judged == len(left):  # of each sample one verdict is counted: the files need not be read to know it
            return
        if not (left := outstanding(stage, tried)):
            return
    raise HaloRaftError(
        f"{stage.verdicts_path}: samples kept getting lost on the way; see logs/ray.log, then run again"
    )


def _judged(stage: Stage, left: Outstanding, workers: Workers, *, share: bool) -> Iterator[Found]:
    """Generate what is missing, judge what is not judged, and yield what comes out, which is on disk by then."""
    import ray

    taken, limit = seats(stage.policy, workers.verifiers), workers.patience.stall_s
    configure_ray_data(taken.workers)
    with _sink(stage) as (sink, terms):
        unjudged = iter(left.unjudged)
        while some := list(islice(unjudged, MOST_ASKED)):
            ray.get(sink.expect.remote(some), timeout=limit)
        actors = workers.engines() if left.missing else []
        way = Way(sink, [terms], share, together(len(left), taken.workers))
        answers = answers_of(stage.origin, left.missing, actors, way, workers.patience)
        for reports in received_reports(verified(answers, terms, taken, workers.niceness)):
            yield ray.get(sink.learn.remote(reports), timeout=limit)
        yield ray.get(sink.learn.remote(), timeout=limit)  # what was known when it was drawn, after the last batch


@contextmanager
def _sink(stage: Stage) -> Iterator[tuple[Any, Any]]:
    """Start the stage's sink beside this process; yield its handle, and a reference to policy and tasks."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    terms = ray.put((stage.policy, stage.tasks))
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    remote = ray.remote(SampleSink).options(num_cpus=0, scheduling_strategy=here)
    sink = remote.remote(stage.samples_path, stage.verdicts_path, [terms])
    try:
        yield sink, terms
        ray.get(sink.close.remote())
    finally:
        ray.kill(sink)
