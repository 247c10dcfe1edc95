"""One stage of samples: generated and verified in one streaming Ray Data flow.

Completions leave the engines as they finish, are put on disk, and go straight into the verification
workers, so that verification is nearly done when the last one is generated. Whatever is on disk
already is not asked for again: missing samples are generated, unjudged ones only judged.
"""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from halo_raft.engines import Adapter, Completion, GenerationRequest
from halo_raft.errors import HaloRaftError
from halo_raft.judging import workers as judging
from halo_raft.judging.answer import Answer
from halo_raft.judging.known import Known, ledger_folder
from halo_raft.judging.referee import Judge
from halo_raft.judging.workers import Row
from halo_raft.records import Sample, Verdict
from halo_raft.store import JsonlWriter, read_records

ROWS_PER_BATCH = 16
"""Samples that travel together to verification, so that Ray's cost per block stays small beside them."""

SECONDS_PER_BATCH = 0.5
"""A batch that is not full travels after so long."""

PASSES = 3
"""How often a stage looks for samples that a dying worker or node took with it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """A sample that is to be drawn."""

    task_id: str
    index: int
    request: GenerationRequest


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
    """An actor beside the driver that writes samples to disk before they are judged, each id once.

    It also tells which of them need no judging, since an identical one was judged or is about to be.
    """

    def __init__(self, path: Path, judge_reference: list[Any], ledger: Path | None) -> None:
        import ray

        self._writer = JsonlWriter(path)
        self._drawn: set[str] = set()
        self._known = Known(ray.get(judge_reference[0]), ledger)

    def drawn(self) -> set[str]:
        """Return the ids of the samples written so far."""
        return self._drawn

    def append(self, samples: list[Sample]) -> list[Answer]:
        """Write samples and flush; return those that were new, as they go to verification."""
        new = [s for s in samples if s.sample_id not in self._drawn]
        self._writer.append(new)
        self._drawn.update(s.sample_id for s in new)
        answers = [self._known.identify(_answer(sample)) for sample in new]
        return [replace(answer, copy=not self._known.claim(answer.key)) for answer in answers]

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
                yield judging.as_rows(ray.get(self.sink.append.remote(samples)))

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


def run_stage(
    stage: Stage,
    engines: Callable[[], list[Any]],
    *,
    workers: int,
    niceness: int,
    restarts: int,
    report: Callable[[Progress], None],
) -> None:
    """Bring a stage to its end: every draft has a sample and every sample a verdict on disk.

    Args:
        stage: What to draw and judge.
        engines: Returns the engine actors, serving the stage's adapter; called only if needed.
        workers: Verification workers, half a CPU each.
        niceness: How far they stand back behind the engines.
        restarts: How often an engine may die.
        report: Called in this process as verdicts arrive.

    Raises:
        HaloRaftError: What a user can mend, such as a prompt that does not fit.
    """
    known = Known(stage.judge, ledger_folder())
    for attempt in range(judging.PASSES + 1):
        drawn = {s.sample_id: s for s in read_records(stage.samples_path, Sample)}
        judged = {v.sample_id for v in read_records(stage.verdicts_path, Verdict)}
        missing = [d for d in stage.drafts if d.request.sample_id not in drawn]
        unjudged = [_answer(s) for s in drawn.values() if s.sample_id not in judged]
        if not missing and not unjudged:
            return
        if attempt == judging.PASSES:
            break
        with JsonlWriter(stage.verdicts_path) as writer:
            on_disk = judging.judge_all(
                stage.judge, unjudged, known=known, workers=lambda _: workers, niceness=niceness
            )
            for verdicts in on_disk:
                writer.append(verdicts)
                report(Progress(verdicts, sum(len(drawn[v.sample_id].token_ids) for v in verdicts)))
            for batch in _generated(stage, engines, missing, restarts, workers, niceness) if missing else ():
                new = [v for v in _settled(batch, known) if v.sample_id not in judged]  # a retried block comes twice
                judged.update(v.sample_id for v in new)
                writer.append(new)
                report(Progress(new, int(sum(batch["tokens"]))))
    raise HaloRaftError(
        f"{stage.verdicts_path}: samples kept getting lost on the way; see logs/ray.log, then run again"
    )


def _settled(batch: Row, known: Known) -> list[Verdict]:
    """Return the verdicts of a batch, with the copies that are known by now; the others wait for theirs."""
    entries, copies = judging.received(batch)
    return known.learn(entries) + [v for answer in copies if (v := known.verdict(answer))]


def _generated(
    stage: Stage,
    engines: Callable[[], list[Any]],
    missing: Sequence[Draft],
    restarts: int,
    workers: int,
    niceness: int,
) -> Iterator[Row]:
    """Generate what is missing and yield it verified, a batch at a time."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    judging.configure_ray_data()
    actors = engines()
    judge = ray.put(stage.judge)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    make_sink = ray.remote(SampleSink).options(num_cpus=0, scheduling_strategy=here)
    sink = make_sink.remote(stage.samples_path, [judge], ledger_folder())
    # neighbours go to different engines, so that each gets the same mix of easy and hard tasks
    shares = [{"engine": i, "drafts": pickle.dumps(list(missing[i :: len(actors)]))} for i in range(len(actors))]
    context = {"cycle": stage.cycle, "model": stage.model, "adapter": stage.adapter}
    samples = ray.data.from_items(shares, override_num_blocks=len(shares)).map_batches(
        Generate,
        fn_constructor_args=(actors, context, sink, restarts),
        batch_size=1,
        num_cpus=0,
        compute=ray.data.ActorPoolStrategy(size=len(actors)),
    )
    yield from judging.batches(judging.verified(samples, judge, workers, niceness))
    ray.get(sink.close.remote())
    ray.kill(sink)


def _answer(sample: Sample) -> Answer:
    return Answer(sample.sample_id, sample.task_id, sample.completion, len(sample.token_ids))


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
