"""What RAFT and benchmarks share: drafts of samples, and a stage of them run with progress on lazy engines."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from halo_raft.cluster.session import EnginePool, native_messages_to, ray_session
from halo_raft.cluster.workers import FEW
from halo_raft.config import RaftConfig
from halo_raft.engines import GenerationRequest
from halo_raft.judging.answer import Answer
from halo_raft.judging.known import Known, ledger_folder
from halo_raft.judging.referee import Judge
from halo_raft.judging.workers import FailureLog, judge_all
from halo_raft.pipelines.raft.plan import Plan, chat, check_prompts_fit
from halo_raft.records import Sampling, Task, Verdict, stable_hash
from halo_raft.sampling.flow import Draft, Progress, Stage, run_stage
from halo_raft.store import read_records
from halo_raft.terminal import console

BESIDE_A_CPU_ENGINE = 19
"""Niceness of verification there: a busy neighbour makes the engine ten times slower (its threads wait for
each other at every layer), a nice one costs it a tenth; what waits meanwhile is done at full speed afterwards."""


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
    """Ray and the engines of one command: started when first needed, ended with the `with` block."""

    def __init__(self, plan: Plan, log_folder: Path) -> None:
        self.plan = plan
        self.config: RaftConfig = plan.config
        self.log_folder = log_folder
        self._prompts_fit = False
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
            placement = self._stack.enter_context(ray_session(self.config))
            self._pool = EnginePool(self.config, placement)
            self._stack.callback(self._pool.stop)
        return self._pool

    def run(self, stage: Stage) -> StageTime:
        """Bring a stage to its end, with progress; whatever is on disk is not done again.

        Raises:
            HaloRaftError: What a user can mend, such as a prompt that does not fit: found before an engine starts.
        """
        wanted = {draft.request.sample_id for draft in stage.drafts}
        total = len(wanted)
        done = len(wanted & {v.sample_id for v in read_records(stage.verdicts_path, Verdict)})
        if done:
            console.say(f"Loading cached samples... {done} of {total} are verified")
        if done >= total:
            return StageTime()
        if not self._prompts_fit:
            check_prompts_fit(self.plan)
            self._prompts_fit = True
        pool = self.pool
        pool.use(stage.adapter)  # loading is no part of the generation's speed
        console.say(f"Verifying {total} samples...")
        started = time.monotonic()
        failures = FailureLog()
        with console.ticker(total, done) as ticker:

            def report(progress: Progress) -> None:
                failures.see(progress.verdicts)
                passed = sum(v.success for v in progress.verdicts)
                ticker.advance(len(progress.verdicts), passed, progress.tokens)

            run_stage(
                stage,
                lambda: pool.use(stage.adapter),
                workers=pool.placement.verify_workers,
                niceness=BESIDE_A_CPU_ENGINE if pool.placement.device == "cpu" else 0,
                restarts=self.config.engine.max_restarts,
                report=report,
            )
            return StageTime(time.monotonic() - started, ticker.tokens_per_s)

    def judge(self, judge: Judge, answers: Sequence[Answer], *, remember: bool = True) -> Iterator[list[Verdict]]:
        """Yield the verdicts of answers that are there already; a few are judged in this process.

        Args:
            judge: Who judges.
            answers: What to judge.
            remember: Take the verdicts of identical programs that were judged before.
        """
        known = Known(judge, ledger_folder(), remember=remember)
        return judge_all(judge, answers, known=known, workers=self.workers_for)

    def workers_for(self, answers: int) -> int:
        """Return how many verification workers so many answers take; starts Ray if it takes any."""
        return 0 if answers <= FEW else self.pool.placement.verify_workers


def draft_samples(
    tasks: Iterable[Task], indices: Iterable[int], sampling: Sampling, config: RaftConfig, key: tuple[object, ...]
) -> list[Draft]:
    """Return a draft for each task and index.

    Args:
        tasks: What to ask.
        indices: Positions of a task's samples.
        sampling: How to draw them.
        config: System prompt, and whether tests are shown.
        key: What tells these samples from those of other runs and stages; part of each sample's id.
    """
    chats = [(task, chat(task, config)) for task in tasks]
    drafts = []
    for index in indices:  # outside: when a prompt comes again, its prefix is in the engine's cache
        for task, messages in chats:
            identity = sample_id(key, task.task_id, index)
            # a hash spaces the seeds: neighbouring ones would give neighbouring prompts the same noise
            request = GenerationRequest(identity, messages, sampling, int(identity, 16) % 2**31)
            drafts.append(Draft(task.task_id, index, request))
    return drafts


def sample_id(key: tuple[object, ...], task_id: str, index: int) -> str:
    """Return the id of a task's sample; `key` as in `draft_samples`."""
    return stable_hash(*key, task_id, index)
