"""One stage of samples: generated and verified in one streaming Ray Data flow.

Completions leave the engines as they finish, are put on disk, and go straight into the verification
workers, so that verification is nearly done when the last one is generated. Whatever is on disk
already is not asked for again: missing samples are generated, unjudged ones only judged.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from halo_raft.engines import Adapter, Completion, GenerationRequest
from halo_raft.errors import HaloRaftError, user_error
from halo_raft.records import Sample, Task, Verdict, VerdictKind
from halo_raft.store import JsonlWriter, read_records
from halo_raft.verifiers import VerifierOptions
from halo_raft.verifiers import create as create_verifier

ROWS_PER_BATCH = 16
"""Samples that travel together to verification, so that Ray's cost per block stays small beside them."""

SECONDS_PER_BATCH = 0.5
"""A batch that is not full travels after so long."""

BLOCK_BYTES = 16 * 1024
"""Ray Data holds output back until a block is this large; its default of megabytes would hold all of it."""

PASSES = 3
"""How often a stage looks for samples that a dying worker or node took with it."""

log = logging.getLogger(__name__)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """A sample that is to be drawn."""

    task_id: str
    index: int
    request: GenerationRequest


@dataclass(frozen=True, slots=True)
class Judge:
    """Which verifier judges, with what limits, the answers to which tasks."""

    name: str
    options: VerifierOptions
    tasks: Mapping[str, Task]


@dataclass(frozen=True, slots=True)
class Stage:
    """The samples of one cycle and purpose, and where they are kept."""

    cycle: int
    drafts: tuple[Draft, ...]
    judge: Judge
    model: str
    adapter: Adapter | None
    samples_path: Path
    verdicts_path: Path


@dataclass(frozen=True, slots=True)
class Progress:
    """What arrived since the last report: verdicts, and how many tokens their samples have."""

    verdicts: list[Verdict]
    tokens: int


class SampleSink:
    """An actor beside the driver that writes samples to disk before they are judged, each id once."""

    def __init__(self, path: Path) -> None:
        self._writer = JsonlWriter(path)
        self._drawn: set[str] = set()

    def drawn(self) -> set[str]:
        """Return the ids of the samples written so far."""
        return self._drawn

    def append(self, samples: list[Sample]) -> list[Sample]:
        """Write samples and flush; return those that were new."""
        new = [s for s in samples if s.sample_id not in self._drawn]
        self._writer.append(new)
        self._drawn.update(s.sample_id for s in new)
        return new

    def close(self) -> None:
        """Sync and close the file."""
        self._writer.close()


class Generate:
    """Ray Data stage: an engine's number and its share of the drafts in, samples out as they finish."""

    def __init__(self, engines: list[Any], stage: Row, sink: Any, restarts: int) -> None:
        self.engines = engines
        self.stage = stage
        self.sink = sink
        self.restarts = restarts

    def __call__(self, batch: Row) -> Iterator[Row]:
        """Yield batches of rows for `Verify`; a synchronous generator, or Ray Data would drain it first."""
        import ray

        for number, share in zip(batch["engine"].tolist(), batch["drafts"], strict=True):
            for samples in _coalesce(self._samples(int(number), pickle.loads(share))):
                yield _rows(ray.get(self.sink.append.remote(samples)))

    def _samples(self, number: int, drafts: list[Draft]) -> Iterator[list[Sample]]:
        """Stream one engine's share, asking again for what is missing when the engine died."""
        import ray

        drawn = ray.get(self.sink.drawn.remote())  # not empty when Ray Data starts this task again
        pending = {d.request.sample_id: d for d in drafts if d.request.sample_id not in drawn}
        for attempt in range(self.restarts + 1):
            requests = [d.request for d in pending.values()]
            stream = self.engines[number].generate.options(num_returns="streaming")
            try:
                for reference in stream.remote(requests, self.stage["adapter"]):
                    completions: list[Completion] = ray.get(reference)
                    yield [self._sample(pending.pop(c.sample_id), c) for c in completions]
                return
            except ray.exceptions.RayActorError:
                if attempt == self.restarts:
                    raise
                log.warning("engine %d died; asking its successor for %d samples", number, len(pending))
                ray.get(self.engines[number].ready.remote())

    def _sample(self, draft: Draft, completion: Completion) -> Sample:
        adapter: Adapter | None = self.stage["adapter"]
        return Sample(
            sample_id=completion.sample_id,
            task_id=draft.task_id,
            cycle=self.stage["cycle"],
            index=draft.index,
            completion=completion.text,
            prompt_token_ids=completion.prompt_token_ids,
            token_ids=completion.token_ids,
            finish_reason=completion.finish_reason,
            model=self.stage["model"],
            adapter=adapter.name if adapter else None,
            sampling=draft.request.sampling.to_dict() | {"seed": draft.request.seed},
        )


class Verify:
    """Ray Data stage: samples in, verdicts out. What may be our fault is judged once more."""

    def __init__(self, judge_reference: list[Any]) -> None:
        import ray

        # a busy neighbour makes a CPU engine ten times slower (its threads wait for each other at every
        # layer), a nice one costs it a tenth; what waits meanwhile is done at full speed afterwards
        os.nice(19)
        judge: Judge = ray.get(judge_reference[0])
        self.tasks = judge.tasks
        self.cpu_limit_s = judge.options.limits.cpu_s
        self.verifier = create_verifier(judge.name, judge.options)
        limits = replace(judge.options.limits, wall_s=2 * judge.options.limits.wall_s)
        self.patient_verifier = create_verifier(judge.name, replace(judge.options, limits=limits))

    def __call__(self, batch: Row) -> Row:
        """Judge a batch."""
        verdicts = [
            self._judge(*row) for row in zip(batch["sample_id"], batch["task_id"], batch["completion"], strict=True)
        ]
        return {"verdict": [v.to_json() for v in verdicts], "tokens": list(batch["tokens"])}

    def _judge(self, sample_id: str, task_id: str, completion: str) -> Verdict:
        completion = json.loads(completion)
        verdict = self.verifier.judge(str(sample_id), completion, self.tasks[task_id])
        waited = verdict.kind is VerdictKind.TIMEOUT and verdict.cpu_s < self.cpu_limit_s
        if verdict.kind is VerdictKind.INFRA or waited:
            log.warning("sample %s: %s (%s); judging it once more", sample_id, verdict.kind, verdict.details)
            verdict = self.patient_verifier.judge(str(sample_id), completion, self.tasks[task_id])
        return verdict


def run_stage(
    stage: Stage,
    engines: Callable[[], list[Any]],
    *,
    workers: int,
    restarts: int,
    report: Callable[[Progress], None],
) -> None:
    """Bring a stage to its end: every draft has a sample and every sample a verdict on disk.

    Args:
        stage: What to draw and judge.
        engines: Returns the engine actors, serving the stage's adapter; called only if needed.
        workers: Verification workers, half a CPU each.
        restarts: How often an engine may die.
        report: Called in this process as verdicts arrive.

    Raises:
        HaloRaftError: What a user can mend, such as a prompt that does not fit.
    """
    for attempt in range(PASSES + 1):
        drawn = {s.sample_id: s for s in read_records(stage.samples_path, Sample)}
        judged = {v.sample_id for v in read_records(stage.verdicts_path, Verdict)}
        missing = [d for d in stage.drafts if d.request.sample_id not in drawn]
        unjudged = [s for s in drawn.values() if s.sample_id not in judged]
        if not missing and not unjudged:
            return
        if attempt == PASSES:
            break
        _configure_ray_data()
        with JsonlWriter(stage.verdicts_path) as writer:
            for dataset in _datasets(stage, engines, missing, unjudged, restarts):
                for batch in _batches(_verified(dataset, stage.judge, workers)):
                    verdicts = [Verdict.from_dict(json.loads(row)) for row in batch["verdict"]]
                    new = [v for v in verdicts if v.sample_id not in judged]  # a retried block comes twice
                    judged.update(v.sample_id for v in new)
                    writer.append(new)
                    report(Progress(new, int(sum(batch["tokens"]))))
    raise HaloRaftError(
        f"{stage.verdicts_path}: samples kept getting lost on the way; see logs/ray.log, then run again"
    )


def _batches(dataset: Any) -> Iterator[Row]:
    """Yield the rows of a dataset as they come, a user's error as itself."""
    try:
        yield from dataset.iter_batches(batch_size=None, prefetch_batches=0, batch_format="numpy")
    except Exception as error:
        if known := user_error(error):
            raise known from None
        raise


def _datasets(
    stage: Stage,
    engines: Callable[[], list[Any]],
    missing: Sequence[Draft],
    unjudged: Sequence[Sample],
    restarts: int,
) -> Iterator[Any]:
    """Yield the Ray datasets of samples to verify: first those on disk, then those to be generated."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    if unjudged:
        rows = [
            dict(zip(r, values, strict=True))
            for r in [_rows(list(unjudged))]
            for values in zip(*r.values(), strict=True)
        ]
        yield ray.data.from_items(rows, override_num_blocks=-(-len(rows) // ROWS_PER_BATCH))
    if not missing:
        return
    actors = engines()
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    sink = ray.remote(SampleSink).options(num_cpus=0, scheduling_strategy=here).remote(stage.samples_path)
    # neighbours go to different engines, so that each gets the same mix of easy and hard tasks
    shares = [{"engine": i, "drafts": pickle.dumps(list(missing[i :: len(actors)]))} for i in range(len(actors))]
    context = {"cycle": stage.cycle, "model": stage.model, "adapter": stage.adapter}
    yield ray.data.from_items(shares, override_num_blocks=len(shares)).map_batches(
        Generate,
        fn_constructor_args=(actors, context, sink, restarts),
        batch_size=1,
        num_cpus=0,
        compute=ray.data.ActorPoolStrategy(size=len(actors)),
    )
    ray.get(sink.close.remote())
    ray.kill(sink)


def _verified(dataset: Any, judge: Judge, workers: int) -> Any:
    import ray

    return dataset.map_batches(
        Verify,
        fn_constructor_args=([ray.put(judge)],),  # in a list: a restarted actor gets the reference again
        batch_size=None,
        num_cpus=0.5,
        compute=ray.data.ActorPoolStrategy(size=workers),
    )


def _configure_ray_data() -> None:
    import ray

    context = ray.data.DataContext.get_current()
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # after the import, which sets it
    context.target_max_block_size = BLOCK_BYTES
    context.enable_progress_bars = False


def _rows(samples: list[Sample]) -> Row:
    """Return what `Verify` needs of some samples, as columns; JSON keeps lone surrogates and NULs alive."""
    return {
        "sample_id": [s.sample_id for s in samples],
        "task_id": [s.task_id for s in samples],
        "completion": [json.dumps(s.completion) for s in samples],
        "tokens": [len(s.token_ids) for s in samples],
    }


def _coalesce(batches: Iterator[list[Sample]]) -> Iterator[list[Sample]]:
    """Join small batches until they have `ROWS_PER_BATCH` samples or `SECONDS_PER_BATCH` have passed."""
    waiting: list[Sample] = []
    since = time.monotonic()
    try:
        for batch in batches:
            waiting += batch
            if len(waiting) >= ROWS_PER_BATCH or time.monotonic() - since > SECONDS_PER_BATCH:
                yield waiting
                waiting, since = [], time.monotonic()
    except Exception:
        if waiting:
            yield waiting  # finished samples outlive what ended the stream
        raise
    if waiting:
        yield waiting
