"""The generating end of the flow: a Ray Data stage that streams samples out of the engines' actors."""

from __future__ import annotations

import contextlib
import itertools
import logging
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from halo_raft.engines import Adapter, Completion
from halo_raft.engines.base import EngineDiedError
from halo_raft.errors import ConfigError
from halo_raft.judging.answer import Answer
from halo_raft.judging.known import Keys
from halo_raft.judging.workers import Row, as_row
from halo_raft.records import Sample
from halo_raft.sampling.drafts import Draft
from halo_raft.sampling.sink import Drawn
from halo_raft.store import line_of

T = TypeVar("T")

ROWS_PER_WRITE = 16
"""Samples that go to the disk together."""

MOST_ASKED = 50_000
"""Samples that an engine is asked for at a time: so many leave it no time in which it has too few.

What is to be drawn travels in as many pieces, so that no more of it than this is in the object store for an engine.
"""

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


class Way(NamedTuple):
    """How samples get to where they are judged.

    Attributes:
        sink: Actor of a `SampleSink`.
        terms: Object reference of policy and tasks, in a list: a restarted actor gets it again.
        share: Whether answers that were on disk before share the verdicts of identical ones.
        together: Answers that travel together, about.
    """

    sink: Any
    terms: list[Any]
    share: bool
    together: int


def answers_of(origin: Origin, drafts: Sequence[Draft], actors: Sequence[Any], way: Way, patience: Patience) -> Any:
    """Return a dataset of answers that have to be judged, in rows, each sample on disk before it is there.

    Answers that were on disk before, which the sink has, go first.

    Args:
        origin: What the samples have in common.
        drafts: What to draw.
        actors: Engines that serve the origin's adapter; needed for drafts alone.
        way: Through the sink.
        patience: With engines that die.
    """
    import ray

    size = max(1, len(actors))
    for number in range(size):
        # neighbours go to different engines, so that each gets the same mix of easy and hard tasks
        share = drafts[number::size]
        for start in range(0, len(share), MOST_ASKED):
            some = pickle.dumps(list(share[start : start + MOST_ASKED]))
            ray.get(way.sink.take.remote(number, some), timeout=patience.stall_s)
    return ray.data.from_items([{"engine": n} for n in range(size)], override_num_blocks=size).map_batches(
        Generate,
        fn_constructor_args=(list(actors), origin, way, patience),
        batch_size=1,
        num_cpus=0,
        compute=ray.data.ActorPoolStrategy(size=size),
    )


class Generate:
    """Ray Data stage: an engine's number in, answers out as they finish."""

    def __init__(self, engines: list[Any], origin: Origin, way: Way, patience: Patience) -> None:
        import ray

        self.engines = engines
        self.origin = origin
        self.way = way
        self.patience = patience
        self.identified: Callable[[Answer], Answer] = lambda answer: answer
        with contextlib.suppress(ConfigError):  # whoever judges says it; Ray Data hides what is raised here
            self.identified = Keys(*ray.get(way.terms[0])).identified

    def __call__(self, batch: Row) -> Iterator[Row]:
        """Yield batches of rows for `Verify`; a synchronous generator, or Ray Data would drain it first."""
        for number in batch["engine"]:
            for answers in joined(self._answers(int(number)), self.way.together):
                for some in pieces(answers, self.way.together):  # what was written together, different workers judge
                    yield as_row(some)

    def _answers(self, number: int) -> Iterator[list[Answer]]:
        """Yield answers that have to be judged: those that were on disk before, then new ones."""
        while answers := self._ask("more", self.way.together):
            answers = [self.identified(answer) for answer in answers]
            wanted = self._ask("offer", [replace(answer, completion="") for answer in answers], self.way.share)
            yield _of(answers, wanted)
        for samples in joined(self._samples(number), ROWS_PER_WRITE):
            answers = [self.identified(Answer.of(sample)) for sample in samples]
            drawn = [
                Drawn(sample.sample_id, sample.task_id, answer.key, sample.tokens, line_of(sample))
                for sample, answer in zip(samples, answers, strict=True)
            ]
            yield _of(answers, self._ask("append", drawn))

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of the sink and return its answer."""
        import ray

        return ray.get(getattr(self.way.sink, method).remote(*arguments), timeout=self.patience.stall_s)

    def _samples(self, number: int) -> Iterator[list[Sample]]:
        """Stream one engine's share, asking again for what is missing when the engine died."""
        from halo_raft.engines.actor import streamed

        engine, stall_s, deaths = self.engines[number] if self.engines else None, self.patience.stall_s, 0
        drawn = self._ask("drawn")  # not empty when Ray Data starts this task again
        for piece in itertools.count():
            if not (drafts := self._ask("drafts", number, piece)):
                return
            pending = {d.request.sample_id: d for d in pickle.loads(drafts) if d.request.sample_id not in drawn}
            while pending:
                try:
                    requests = [draft.request for draft in pending.values()]
                    for completions in streamed(engine, requests, self.origin.adapter, stall_s):
                        yield [self._sample(pending.pop(c.sample_id), c) for c in completions]
                    break
                except EngineDiedError as death:
                    deaths += 1
                    if deaths > self.patience.restarts:
                        raise EngineDiedError.too_often(deaths, death) from None
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
            form=draft.form,
            round=draft.round,
            of=draft.of,
        )


def joined(batches: Iterator[list[T]], rows: int) -> Iterator[list[T]]:
    """Join small batches until they have so many rows or `SECONDS_PER_BATCH` have passed."""
    waiting: list[T] = []
    since = time.monotonic()
    try:
        for batch in batches:
            waiting += batch
            if len(waiting) >= rows or (waiting and time.monotonic() - since > SECONDS_PER_BATCH):
                yield waiting
                waiting, since = [], time.monotonic()
    except Exception:
        if waiting:
            yield waiting  # finished samples outlive what ended the stream
        raise
    if waiting:
        yield waiting


def pieces(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield items in pieces of about the same size, each about as large as `size`."""
    count = max(1, round(len(items) / size))
    for number in range(count):
        yield items[len(items) * number // count : len(items) * (number + 1) // count]


def _of(answers: Sequence[Answer], ids: Sequence[str]) -> list[Answer]:
    wanted = set(ids)
    return [answer for answer in answers if answer.sample_id in wanted]
