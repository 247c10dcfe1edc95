"""Verification workers on Ray Data: some answers a row in, some verdicts a row out.

What travels together is one row with one value: a row is a block, a block is what Ray Data's driver has to do with, and
what is in it costs the driver no more than its bytes.
"""

from __future__ import annotations

import gc
import logging
import os
import pickle
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from halo_raft.errors import ConfigError, HaloRaftError, user_error, wrapped
from halo_raft.judging.answer import Answer, Judged
from halo_raft.judging.failures import collected_messages, log_messages
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.judging.referee import Referee
from halo_raft.records import Task, Verdict
from halo_raft.store import line_of, reader_of

MOST_TOGETHER = 256
"""Answers that travel together at most, so that Ray's cost per block stays small beside them."""

FEWEST_TOGETHER = 8
"""Fewer are not worth a block, as long as each worker gets four."""

BLOCKS_PER_WORKER = 16
"""A larger share of a worker comes in so many blocks at least, so that all end at about the same time."""

SECONDS_PER_REPORT = 0.5
"""A worker reports after so long, whatever is left of its block."""

BLOCK_BYTES = 1
"""Ray Data holds rows back until a block is this large, and cuts larger ones: so each row is a block, at once."""

QUEUE_BYTES = 64 << 20
QUEUE_BYTES_PER_WORKER = 1 << 20
"""What may wait for verification workers before engines wait too: Ray Data would let half of the object store fill, and
small blocks of it lie in the driver's own memory."""

log = logging.getLogger(__name__)

Row = dict[str, Any]


class Report(NamedTuple):
    """A `Judged` whose verdict is a line of JSON."""

    key: str
    verdict: bytes
    station: str

    @classmethod
    def of(cls, judged: Judged) -> Report:
        """Return what is reported of an answer."""
        return cls(judged.key, line_of(judged.verdict), judged.station)

    def judged(self) -> Judged:
        """Return it as a record."""
        return Judged(self.key, reader_of(Verdict)(self.verdict), self.station)


class Verify:
    """Ray Data stage: answers in, verdicts out a few at a time, with the station that they were found at.

    Args:
        terms: Object reference of the policy and the tasks, in a list: a restarted actor gets it again.
        niceness: How far to stand back behind other processes.
    """

    def __init__(self, terms: list[Any], niceness: int) -> None:
        import ray

        os.nice(niceness)
        self.refusal = ""
        try:
            self.referee = Referee(*ray.get(terms[0]))
        except ConfigError as error:  # told with the first batch: Ray Data hides what an actor raises at its start
            self.refusal = str(error)
        gc.freeze()  # Ray's modules and the tasks stay: no collection has to walk them again

    def __call__(self, batch: Row) -> Iterator[Row]:
        """Judge a batch, or say why the policy does not let this machine judge, and run nothing."""
        if self.refusal:
            yield {"reports": [b""], "log": [self.refusal]}
            return
        done: list[Judged] = []
        since = time.monotonic()
        with collected_messages() as messages:
            for answer in (answer for some in batch["answers"] for answer in pickle.loads(some)):
                done.append(self.referee.judge(answer))
                if time.monotonic() - since > SECONDS_PER_REPORT:
                    yield _report(done, messages.take())
                    done, since = [], time.monotonic()
            if done:
                yield _report(done, messages.take())


def judge_in_ray(
    terms: tuple[JudgingPolicy, Mapping[str, Task]], answers: Sequence[Answer], workers: int, niceness: int
) -> Iterator[list[Judged]]:
    """Judge answers on verification workers and yield what comes out as it comes.

    Args:
        terms: The policy and the tasks.
        answers: What to judge.
        workers: Verification workers, half a CPU each.
        niceness: How far they stand back behind other processes.
    """
    import ray

    taken = seats(terms[0], workers)
    configure_ray_data(taken.workers)
    size = together(len(answers), taken.workers)
    rows = [{"answers": pickle.dumps(answers[start : start + size])} for start in range(0, len(answers), size)]
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows))
    return received(verified(dataset, ray.put(terms), taken, niceness))


def together(answers: int, workers: int) -> int:
    """Return how many of so many answers travel together to so many verification workers."""
    share = answers // workers
    return max(1, min(FEWEST_TOGETHER, share // 4), min(MOST_TOGETHER, share // BLOCKS_PER_WORKER))


def configure_ray_data(workers: int) -> None:
    """Set what Ray Data does with our blocks and so many verification workers."""
    import ray

    context = ray.data.DataContext.get_current()
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # after the import, which sets it; errors are raised too
    warnings.filterwarnings("ignore", "The minimum number of concurrent actors")  # a stage of few blocks is as it is
    context.target_max_block_size = BLOCK_BYTES
    context.execution_options.resource_limits = ray.data.ExecutionResources(
        object_store_memory=QUEUE_BYTES + workers * QUEUE_BYTES_PER_WORKER
    )
    context.enable_progress_bars = False
    # a worker that dies at its start is replaced; Ray Data counts as dead, too, those that found no room until the end
    context.max_consecutive_actor_init_deaths = workers + 3


def verified(dataset: Any, terms_reference: Any, seats: Seats, niceness: int) -> Any:
    """Return a dataset of rows for `received` from one of `as_row`."""
    import ray

    return dataset.map_batches(
        Verify,
        fn_constructor_args=([terms_reference], niceness),
        batch_size=None,
        num_cpus=0.5,
        compute=ray.data.ActorPoolStrategy(size=seats.workers),
        **seats.where,
    )


@dataclass(frozen=True, slots=True)
class Seats:
    """Where verification workers may stand.

    Attributes:
        workers: How many there are room for, as far as was asked for.
        where: What Ray takes for the place; empty for anywhere.
    """

    workers: int
    where: Mapping[str, Any]


def seats(policy: JudgingPolicy, workers: int) -> Seats:
    """Return room for verification workers on the nodes that take up the policy, as they say themselves.

    Raises:
        ConfigError: None does.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = {n["NodeID"]: n["Resources"]["CPU"] for n in ray.nodes() if n["Alive"] and n["Resources"].get("CPU")}
    if len(nodes) < 2:
        return Seats(workers, {})
    ask = ray.remote(num_cpus=0)(_refusal)
    asked = [
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(n, soft=False)).remote(policy) for n in nodes
    ]
    refusals: dict[str, str] = {}
    for node, answer in zip(nodes, asked, strict=True):
        try:
            refusals[node] = ray.get(answer)
        except ray.exceptions.RayTaskError:
            raise
        except ray.exceptions.RayError as error:
            log.debug("node %s is gone: %s", node, error)
    willing = [node for node, refusal in refusals.items() if not refusal]
    if not willing:
        raise ConfigError(next(iter(refusals.values()), "no node of the Ray cluster answers"))
    for refusal in filter(None, refusals.values()):
        log.warning("a node judges nothing: %s", refusal)
    room = int(2 * sum(nodes[node] for node in willing))
    return Seats(min(workers, room), {"label_selector": {"ray.io/node-id": f"in({','.join(willing)})"}})


def _refusal(policy: JudgingPolicy) -> str:
    """Return why this machine does not take up a policy; empty where it does."""
    try:
        policy.station()
    except ConfigError as error:
        return str(error)
    return ""


def received(dataset: Any) -> Iterator[list[Judged]]:
    """Yield what workers found as it comes, and log what they logged; a user's error comes as itself.

    Raises:
        ConfigError: The policy does not let a worker's machine judge.
    """
    for reports in received_reports(dataset):
        yield [report.judged() for report in pickle.loads(reports)]


def received_reports(dataset: Any) -> Iterator[bytes]:
    """Yield the same as pickled lists of `Report`, for who passes them on."""
    try:
        for batch in dataset.iter_batches(batch_size=None, prefetch_batches=0, batch_format="numpy"):
            for reports, messages in zip(batch["reports"], batch["log"], strict=True):
                if not reports:
                    raise ConfigError(messages)
                log_messages(messages)
                yield reports
    except Exception as error:
        if known := user_error(error):
            raise known from None
        raise


def broke_off(error: BaseException) -> str:
    """Return why a flow ended before its end for no fault of what flows, empty where that is not so.

    Ray replaces verification workers that die; what comes here are those that hang, and processes beside them.
    """
    from ray import exceptions
    from ray.data import DataContext
    from ray.data.exceptions import ExecutionTimeoutError

    gone = (exceptions.RayActorError, exceptions.WorkerCrashedError, exceptions.OutOfMemoryError)
    for inner in () if isinstance(error, HaloRaftError) else wrapped(error):
        if isinstance(inner, ExecutionTimeoutError):
            seconds = DataContext.get_current().execution_no_progress_timeout_s
            return f"nothing was generated or judged for {seconds:g} s, an engine or a verification worker hangs"
        if isinstance(inner, gone) or _told_of(inner, gone):
            return "a process that samples go through died"
        if isinstance(inner, exceptions.GetTimeoutError):
            return "a process that samples go through answers no more"
    return ""


def _told_of(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    """Return whether an error is the text of one that could not be read back, as Ray makes of errors within errors."""
    from ray.exceptions import UnserializableException

    names = {f"ray.exceptions.{one.__name__}" for kind in kinds for one in (kind, *kind.__subclasses__())}
    return isinstance(error, UnserializableException) and any(f"{name}:" in str(error) for name in names)


def as_row(answers: Sequence[Answer]) -> Row:
    """Return answers as one row for `Verify`."""
    return {"answers": [pickle.dumps(answers)]}


def _report(done: Sequence[Judged], messages: str) -> Row:
    return {"reports": [pickle.dumps([Report.of(judged) for judged in done])], "log": [messages]}
