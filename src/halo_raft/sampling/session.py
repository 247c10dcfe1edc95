"""Ray and the engines of one command: started when first needed, ended with the `with` block."""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from halo_raft.cluster.connection import FEW, native_messages_to, ray_session
from halo_raft.judging.answer import Answer
from halo_raft.judging.failures import FailureLog
from halo_raft.judging.known import Known, ledger_folder
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.judging.verdicts import judge_all
from halo_raft.records import Task, Verdict
from halo_raft.sampling.engine_pool import Compute, EnginePool
from halo_raft.sampling.flow import Outstanding, Stage, Workers, outstanding, run_stage
from halo_raft.sampling.generate import Patience
from halo_raft.sampling.sink import Found
from halo_raft.store import LineCount

J = TypeVar("J")
D = TypeVar("D")

BESIDE_AN_ENGINE = 19
"""Niceness of verification there: a busy neighbour makes a CPU engine ten times slower (its threads wait for each
other at every layer), and a GPU waits for the process that feeds it; a nice one costs it a tenth. What waits
meanwhile is done at full speed afterwards."""


Advance = Callable[[int, int, int], None]
"""Counts samples that were judged, those of them that passed, and their tokens."""

Show = Callable[[int, int, Callable[[], int]], AbstractContextManager[Advance]]
"""Shows how far a stage is, given its samples, those that are done already, and what counts those that are drawn."""


@dataclass(frozen=True, slots=True)
class StageTime:
    """How long a stage took here, what was on disk before left out.

    Attributes:
        seconds: Wall time of generation and verification together; 0 when nothing was left to do.
        tokens_per_s: Generated tokens per second of it.
    """

    seconds: float = 0.0
    tokens_per_s: float = 0.0

    def named(self, stage: str) -> dict[str, float]:
        """Return the seconds under the stage's name; nothing where nothing was left to do."""
        return {stage: self.seconds} if self.seconds else {}


class Session:
    """What one command samples and judges with.

    Args:
        compute: What generates, and on what.
        log_folder: Where Ray's own messages go.
        show: Shows how far a stage is.
        look_over: Called before an engine starts: finds what would end a stage in its middle.
    """

    def __init__(self, compute: Compute, log_folder: Path, show: Show, look_over: Callable[[], None]) -> None:
        self.compute = compute
        self.log_folder = log_folder
        self._show = show
        self._look_over = functools.cache(look_over)
        self._pool: EnginePool | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._stack.__exit__(*exc_info)

    @property
    def pool(self) -> EnginePool:
        """The engines; the first access starts Ray, and `use` starts them."""
        if self._pool is None:
            self.log_folder.mkdir(parents=True, exist_ok=True)
            self._stack.enter_context(native_messages_to(self.log_folder / "ray.log"))
            compute = self.compute
            placement = ray_session(compute.engine, compute.resources, compute.verify_workers)
            self._pool = EnginePool(compute, self._stack.enter_context(placement))
            self._stack.callback(self._pool.stop)
        return self._pool

    def start_ahead(self) -> None:
        """Look everything over and start the engines, which load while something else is done."""
        self._look_over()
        self.pool.start_ahead()

    def run(self, stage: Stage, begin: Callable[[], None] = lambda: None) -> StageTime:
        """Bring a stage to its end, with progress; whatever is on disk is not done again.

        Args:
            stage: What to draw and judge.
            begin: Called before samples are drawn, where some are missing.

        Raises:
            HaloRaftError: What a user can mend, such as a prompt that does not fit: found before an engine starts.
        """
        total, left = len(stage.drafts), outstanding(stage)
        if left.missing:
            begin()
        if left:
            self._look_over()
            self.pool.use(stage.origin.adapter)  # loading is no part of the generation's speed
        lines = LineCount(stage.samples_path)
        of_other_rounds = lines() - (total - len(left.missing))
        with self._show(total, total - len(left), lambda: lines() - of_other_rounds) as advance:
            return self._bring_to_end(stage, left, advance) if left else StageTime()

    def _bring_to_end(self, stage: Stage, left: Outstanding, advance: Advance) -> StageTime:
        started, failures, drawn = time.monotonic(), FailureLog(), 0

        def report(found: Found) -> None:
            nonlocal drawn
            drawn += found.tokens
            failures.see(found.failures)
            advance(found.judged, found.passed, found.tokens)

        run_stage(stage, left, self._workers(stage), report)
        seconds = time.monotonic() - started
        return StageTime(seconds, drawn / max(seconds, 1e-9))

    def _workers(self, stage: Stage) -> Workers:
        engine = self.compute.engine
        return Workers(
            engines=lambda: self.pool.use(stage.origin.adapter),
            verifiers=self.pool.placement.verify_workers,
            niceness=BESIDE_AN_ENGINE,
            patience=Patience(engine.max_restarts, engine.stall_s),
            renew=self.pool.stop,
        )

    def judge(
        self, policy: JudgingPolicy, tasks: Mapping[str, Task], answers: Sequence[Answer], *, remember: bool = True
    ) -> Iterator[list[Verdict]]:
        """Yield the verdicts of answers that are there already; a few are judged in this process.

        Args:
            policy: By which they are judged.
            tasks: Task id -> task.
            answers: What to judge.
            remember: Take the verdicts of identical programs that were judged before.
        """
        known = Known(policy, tasks, ledger_folder(), remember=remember)
        return judge_all(policy, tasks, answers, known=known, workers=self.workers_for)

    def spread(self, function: Callable[[J], D], jobs: Iterable[J]) -> Iterator[D]:
        """Yield what a function makes of each job, in their order, computed by workers of Ray, some at a time."""
        import ray

        remote = ray.remote(function).options(num_cpus=0.5)
        most = 2 + max(2, 2 * self.pool.placement.verify_workers)
        begun: deque[Any] = deque()
        for job in jobs:
            begun.append(remote.remote(job))
            if len(begun) >= most:
                yield ray.get(begun.popleft())
        while begun:
            yield ray.get(begun.popleft())

    def workers_for(self, answers: int) -> int:
        """Return how many verification workers so many answers take; starts Ray if it takes any."""
        return 0 if answers <= FEW else self.pool.placement.verify_workers
