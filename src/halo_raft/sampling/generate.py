"""The generating end of the flow: a Ray Data stage that streams samples out of the engines' actors."""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from halo_raft.engines import Adapter, Completion
from halo_raft.engines.base import EngineDiedError
from halo_raft.judging.answer import Answer
from halo_raft.judging.workers import Row, as_rows
from halo_raft.records import Sample
from halo_raft.sampling.drafts import Draft

ROWS_PER_BATCH = 16
"""Samples that travel together to verification, so that Ray's cost per block stays small beside them."""

SECONDS_PER_BATCH = 0.5
"""A batch that is not full travels after so long."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """What the samples of a stage have in common.

    Attributes:
        cycle: From 1; 0 is the base model.
        model: Name of the model, as the user gave it.
        adapter: What it serves with, None for the base model.
    """

    cycle: int
    model: str
    adapter: Adapter | None


@dataclass(frozen=True, slots=True)
class Patience:
    """With engines that die.

    Attributes:
        restarts: How often an engine may die.
        stall_s: Seconds after which one that yields nothing is dead, and a sink that does not answer.
    """

    restarts: int
    stall_s: float


def answers_of(
    origin: Origin,
    drafts: Sequence[Draft],
    drawn: Sequence[Answer],
    actors: Sequence[Any],
    sink: Any,
    patience: Patience,
) -> Any:
    """Return a dataset of answers that have to be judged, in rows, each sample on disk before it is there.

    Args:
        origin: What the samples have in common.
        drafts: What to draw.
        drawn: Answers that were on disk already; they go first.
        actors: Engines that serve the origin's adapter; needed for drafts alone.
        sink: Actor of a `SampleSink`.
        patience: With engines that die.
    """
    import ray

    # neighbours go to different engines, so that each gets the same mix of easy and hard tasks
    size = max(1, len(actors))
    shares = [{"share": pickle.dumps((i, list(drawn[i::size]), list(drafts[i::size])))} for i in range(size)]
    return ray.data.from_items(shares, override_num_blocks=size).map_batches(
        Generate,
        fn_constructor_args=(list(actors), origin, sink, patience),
        batch_size=1,
        num_cpus=0,
        compute=ray.data.ActorPoolStrategy(size=size),
    )


class Generate:
    """Ray Data stage: an engine's number and its share of the work in, answers out as they finish."""

    def __init__(self, engines: list[Any], origin: Origin, sink: Any, patience: Patience) -> None:
        self.engines = engines
        self.origin = origin
        self.sink = sink
        self.patience = patience

    def __call__(self, batch: Row) -> Iterator[Row]:
        """Yield batches of rows for `Verify`; a synchronous generator, or Ray Data would drain it first."""
        import ray

        for share in batch["share"]:
            number, drawn, drafts = pickle.loads(share)
            for start in range(0, len(drawn), ROWS_PER_BATCH):
                yield as_rows(drawn[start : start + ROWS_PER_BATCH])
            for samples in _coalesce(self._samples(number, drafts)) if drafts else ():
                if to_judge := ray.get(self.sink.append.remote(samples), timeout=self.patience.stall_s):
                    yield as_rows(to_judge)

    def _samples(self, number: int, drafts: list[Draft]) -> Iterator[list[Sample]]:
        """Stream one engine's share, asking again for what is missing when the engine died."""
        import ray

        from halo_raft.engines.actor import streamed

        drawn = ray.get(self.sink.drawn.remote())  # not empty when Ray Data starts this task again
        pending = {d.request.sample_id: d for d in drafts if d.request.sample_id not in drawn}
        for attempt in range(self.patience.restarts + 1):
            requests = [d.request for d in pending.values()]
            try:
                for completions in streamed(self.engines[number], requests, self.origin.adapter, self.patience.stall_s):
                    yield [self._sample(pending.pop(c.sample_id), c) for c in completions]
                return
            except EngineDiedError as death:
                if attempt == self.patience.restarts:
                    raise EngineDiedError.too_often(attempt + 1, death) from None
                log.warning("engine %d died (%s); asking its successor for %d samples", number, death, len(pending))

    def _sample(self, draft: Draft, completion: Completion) -> Sample:
        adapter = self.origin.adapter
        return Sample(
            sample_id=completion.sample_id,
            task_id=draft.task_id,
            cycle=self.origin.cycle,
            index=draft.index,
            completion=completion.text,
            prompt_token_ids=completion.prompt_token_ids,
            token_ids=completion.token_ids,
            finish_reason=completion.finish_reason,
            model=self.origin.model,
            adapter=adapter.name if adapter else None,
            sampling=draft.request.sampling.to_dict() | {"seed": draft.request.seed},
        )


def _coalesce(batches: Iterator[list[Sample]]) -> Iterator[list[Sample]]:
    """Join small batches until they have `ROWS_PER_BATCH` samples or `SECONDS_PER_BATCH` have passed."""
    waiting: list[Sample] = []
    since = time.monotonic()
    try:
        for batch in batches:
            waiting += batch
            if len(waiting) >= ROWS_PER_BATCH or (waiting and time.monotonic() - since > SECONDS_PER_BATCH):
                yield waiting
                waiting, since = [], time.monotonic()
    except Exception:
        if waiting:
            yield waiting  # finished samples outlive what ended the stream
        raise
    if waiting:
        yield waiting
