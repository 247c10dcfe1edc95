"""Many answers in, their verdicts out as they come: over Ray Data, or in this process without it.

Identical programs are judged once; a verification worker that dies loses no answer.
"""

from __future__ import annotations

import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from halo_raft.errors import HaloRaftError, user_error
from halo_raft.judging.answer import Answer
from halo_raft.judging.known import Known
from halo_raft.judging.ledger import Entry
from halo_raft.judging.referee import Judge, Referee
from halo_raft.records import Verdict, VerdictKind

ROWS_PER_BLOCK = 64
"""Answers that travel together at most, so that Ray's cost per block stays small beside them."""

BLOCKS_PER_WORKER = 4
"""A worker's share comes in so many blocks at least, so that all end at about the same time."""

SECONDS_PER_REPORT = 0.5
"""A worker reports after so long, whatever is left of its block."""

BLOCK_BYTES = 16 * 1024
"""Ray Data holds output back until a block is this large; its default of megabytes would hold all of it."""

PASSES = 3
"""How often answers are looked for that a dying worker or node took with it."""

SHOWN_FAILURES = 3
"""So many failures of ours are shown to the user; the log file has all of them."""

log = logging.getLogger(__name__)

Row = dict[str, Any]


class Verify:
    """Ray Data stage: answers in, verdicts out a few at a time.

    Args:
        judge_reference: Object reference of the `Judge`, in a list: a restarted actor gets it again.
        niceness: How far to stand back behind other processes.
    """

    def __init__(self, judge_reference: list[Any], niceness: int) -> None:
        import ray

        os.nice(niceness)
        self.referee = Referee(ray.get(judge_reference[0]))
        self.messages = _Messages()

    def __call__(self, batch: Row) -> Iterator[Row]:
        """Judge a batch; a copy passes through, its verdict is known where it arrives."""
        done: list[tuple[Answer, str]] = []
        since = time.monotonic()
        for answer in _answers(batch):
            done.append((answer, "" if answer.copy else self.referee.verdict(answer).to_json()))
            if time.monotonic() - since > SECONDS_PER_REPORT:
                yield self._report(done)
                done, since = [], time.monotonic()
        if done:
            yield self._report(done)

    def _report(self, done: list[tuple[Answer, str]]) -> Row:
        rows = as_rows([replace(answer, completion="") for answer, _ in done])
        messages = self.messages.take()
        return {**rows, "verdict": [verdict for _, verdict in done], "log": [messages] + [""] * (len(done) - 1)}


class _Messages(logging.Handler):
    """Collects what verifiers log, tracebacks included, for the log file: the terminal gets a line each."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._lines: list[str] = []
        verifiers = logging.getLogger("halo_raft.verifiers")
        verifiers.handlers, verifiers.propagate = [self], False

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))

    def take(self) -> str:
        """Return what was logged since the last call."""
        lines, self._lines = self._lines, []
        return "\n".join(lines)


def judge_all(
    judge: Judge, answers: Iterable[Answer], *, known: Known, workers: Callable[[int], int], niceness: int = 0
) -> Iterator[list[Verdict]]:
    """Yield the verdicts of all answers as they come, each answer's once.

    Args:
        judge: Who judges.
        answers: What to judge; their `sample_id`s are unique.
        known: What is known already; learns what comes out.
        workers: Called once, if anything has to be judged, with how many answers: returns the number of
            verification workers, half a CPU each, on a Ray that is up then; 0 judges in this process.
        niceness: How far workers stand back behind other processes.

    Raises:
        HaloRaftError: Answers kept getting lost.
    """
    left = {a.sample_id: known.identify(a) for a in answers}
    number: int | None = None
    for share in (True, *[False] * PASSES):  # after the first pass nobody waits for an identical answer
        known.forget_claims()
        to_judge, ready = [], []
        for answer in left.values():
            if not share or known.claim(answer.key):
                to_judge.append(answer)
            elif verdict := known.verdict(answer):
                ready.append(verdict)
        if ready:
            yield _taken(ready, left)
        if not left:
            return
        number = workers(len(to_judge)) if number is None else number
        for entries in _in_ray(judge, to_judge, number, niceness) if number else _here(judge, to_judge):
            if new := _taken(known.learn(entries), left):
                yield new
    if left:  # the last pass may have brought them all
        raise HaloRaftError(f"{len(left)} samples kept getting lost on the way to the verifier; see logs/ray.log")


def _taken(verdicts: list[Verdict], left: dict[str, Answer]) -> list[Verdict]:
    """Take answers that have a verdict off the list; a block that Ray did twice brings no second one."""
    return [v for v in verdicts if left.pop(v.sample_id, None)]


def _here(judge: Judge, answers: Sequence[Answer]) -> Iterator[list[Entry]]:
    referee, messages = Referee(judge), _Messages()
    for answer in answers:
        verdict = referee.verdict(answer)
        _log(messages.take())
        yield [Entry(answer.key, verdict)]


def _in_ray(judge: Judge, answers: Sequence[Answer], workers: int, niceness: int) -> Iterator[list[Entry]]:
    import ray

    configure_ray_data()
    size = min(ROWS_PER_BLOCK, -(-len(answers) // (workers * BLOCKS_PER_WORKER)))
    columns = as_rows(answers)
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    dataset = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // size))
    for batch in batches(verified(dataset, ray.put(judge), workers, niceness)):
        yield received(batch)[0]


def configure_ray_data() -> None:
    """Set what Ray Data does with our blocks."""
    import ray

    context = ray.data.DataContext.get_current()
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # after the import, which sets it
    warnings.filterwarnings("ignore", "The minimum number of concurrent actors")  # a stage of few blocks is as it is
    context.target_max_block_size = BLOCK_BYTES
    context.enable_progress_bars = False


def verified(dataset: Any, judge_reference: Any, workers: int, niceness: int) -> Any:
    """Return a dataset of rows for `received` from one of `as_rows`."""
    import ray

    return dataset.map_batches(
        Verify,
        fn_constructor_args=([judge_reference], niceness),
        batch_size=None,
        num_cpus=0.5,
        compute=ray.data.ActorPoolStrategy(size=workers),
    )


def batches(dataset: Any) -> Iterator[Row]:
    """Yield the rows of a dataset as they come, a user's error as itself."""
    try:
        yield from dataset.iter_batches(batch_size=None, prefetch_batches=0, batch_format="numpy")
    except Exception as error:
        if known := user_error(error):
            raise known from None
        raise


def received(batch: Row) -> tuple[list[Entry], list[Answer]]:
    """Return the verdicts of a batch, and the answers that are copies; log what its worker logged."""
    for messages in batch["log"]:
        _log(messages)
    entries, copies = [], []
    for answer, text in zip(_answers(batch), batch["verdict"], strict=True):
        if text:
            entries.append(Entry(answer.key, Verdict.from_dict(json.loads(text))))
        else:
            copies.append(answer)
    return entries, copies


def _log(messages: str) -> None:
    if messages:
        log.debug("a verifier says:\n%s", messages)


def as_rows(answers: Sequence[Answer]) -> Row:
    """Return answers as columns; JSON keeps lone surrogates and NULs alive."""
    return {
        "sample_id": [a.sample_id for a in answers],
        "task_id": [a.task_id for a in answers],
        "completion": [json.dumps(a.completion) for a in answers],
        "tokens": [a.tokens for a in answers],
        "key": [a.key for a in answers],
        "copy": [a.copy for a in answers],
    }


def _answers(batch: Row) -> Iterator[Answer]:
    names = ("sample_id", "task_id", "completion", "tokens", "key", "copy")
    for sample_id, task_id, completion, tokens, key, copy in zip(*(batch[name] for name in names), strict=True):
        yield Answer(str(sample_id), str(task_id), json.loads(completion), int(tokens), str(key), bool(copy))


class FailureLog:
    """Tells the user of the first few failures of ours; the rest goes to the log file alone."""

    def __init__(self) -> None:
        self._told = 0

    def see(self, verdicts: Iterable[Verdict]) -> None:
        """Look at verdicts as they come."""
        for verdict in verdicts:
            if verdict.kind is VerdictKind.INFRA:
                self._told += 1
                level = logging.WARNING if self._told <= SHOWN_FAILURES else logging.DEBUG
                log.log(level, "sample %s could not be judged: %s", verdict.sample_id, verdict.details)
