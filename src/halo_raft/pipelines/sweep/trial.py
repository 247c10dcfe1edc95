"""One trial: a RAFT run in an actor, a cycle at a time, so that the driver may end it in between."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from halo_raft.config import RaftConfig
from halo_raft.pipelines.raft.tracked import metrics
from halo_raft.pipelines.sweep import reuse
from halo_raft.pipelines.sweep.objective import SECONDS
from halo_raft.pipelines.sweep.reuse import Reused
from halo_raft.records import CycleStats
from halo_raft.store import RunFolder
from halo_raft.terminal import console
from halo_raft.terminal.logs import show_log_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from halo_raft.pipelines.raft.cycle import RaftRun

PREDECESSOR_S = 60.0
"""How long a trial waits for the process that computed it before: one whose node or driver died ends soon."""


@dataclass(frozen=True, slots=True)
class TrialJob:
    """A trial as it travels to its actor.

    Attributes:
        number: Of the trial in the study.
        config: Its whole run; `output_dir` is the trial's own, absolute, on the driver's node.
        directory: What relative paths in the config are relative to.
    """

    number: int
    config: RaftConfig
    directory: Path


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a trial came to.

    Attributes:
        best_cycle: The cycle with the best held-out pass@1, or the last one.
        metrics: Of that cycle, under the tracker's names, and `seconds` of the whole trial.
        tokens: Tokens of all samples.
        tokens_reused: Those of them that another trial generated.
    """

    best_cycle: int
    metrics: dict[str, float | None]
    tokens: int
    tokens_reused: int
    cycles: list[int] = field(default_factory=list)


class Trial:
    """A run that stands still between cycles. Its methods are called in this order, `step` until it returns None.

    All that it knows is in its run folder: one that died goes on in another process.

    Args:
        job: The trial.
        environment: Variables of the driver.
    """

    def __init__(self, job: TrialJob, environment: Mapping[str, str]) -> None:
        os.environ.update(environment)
        self.job = job
        self.folder = RunFolder(job.config.output_dir)
        self.history: list[CycleStats] = []
        self._stack = ExitStack()
        self._raft: RaftRun | None = None
        self._cycles: Iterator[CycleStats] = iter(())

    def open(self) -> list[Reused]:
        """Prepare the run and take over what other trials have drawn; return what."""
        from halo_raft.pipelines.raft.command import cycles
        from halo_raft.pipelines.raft.cycle import RaftRun
        from halo_raft.pipelines.raft.plan import prepare

        if self.job.directory.is_dir():
            os.chdir(self.job.directory)
        show_log_messages()
        _wait_for_predecessor(self.folder)
        self._raft = self._stack.enter_context(RaftRun(prepare(self.job.config)))
        siblings = sorted(self.folder.path.parent.glob("trial_*"), key=lambda path: (len(path.name), path.name))
        taken = reuse.take_over(self._raft.plan, self.folder, siblings)
        for part in taken:
            console.say(f"Taken over from {part.source}: {part.samples} samples of {part.name}")
        self._cycles = cycles(self._raft)
        return taken

    def step(self) -> CycleStats | None:
        """Measure the base model, or run the next cycle; None when the run is over."""
        stats = next(self._cycles, None)
        if stats is not None:
            self.history.append(stats)
        return stats

    def finish(self) -> TrialResult:
        """End a run that is over."""
        assert self._raft is not None
        best = self._raft.update_best()
        result = self._result(best)
        facts = {"tokens/generated": result.tokens - result.tokens_reused, "tokens/reused": result.tokens_reused}
        # of the whole trial: MLflow draws what is at step 0 alone as a bar
        self._raft.tracker.tracker.log_metrics({**facts, "seconds/trial": result.metrics[SECONDS]}, 0)
        self._raft.finish()
        self._stack.close()
        return result

    def stop(self) -> TrialResult:
        """End a run in the middle, as it stands."""
        self._stack.close()
        return self._result(max((stats.cycle for stats in self.history), default=0))

    def _result(self, cycle: int) -> TrialResult:
        taken = reuse.reused(self.folder)
        chosen = next((stats for stats in self.history if stats.cycle == cycle), CycleStats(cycle=0))
        return TrialResult(
            best_cycle=cycle,
            metrics=metrics(chosen) | _costs(self.history, chosen, taken),
            tokens=reuse.tokens(self.folder),
            tokens_reused=sum(part.tokens for part in taken),
            cycles=[stats.cycle for stats in self.history],
        )


def _costs(history: Sequence[CycleStats], chosen: CycleStats, taken: Sequence[Reused]) -> dict[str, float | None]:
    """Return what the trial took, and its chosen cycle's stages, as if it had drawn all of its samples itself."""
    whole = sum(sum(stats.seconds.values()) for stats in history) + sum(part.seconds for part in taken)
    stages = dict(chosen.seconds)
    for part in taken:
        if part.cycle == chosen.cycle:
            stages[part.stage] = stages.get(part.stage, 0.0) + part.seconds
    return {SECONDS: whole, **{f"{SECONDS}/{stage}": seconds for stage, seconds in stages.items()}}


def _wait_for_predecessor(folder: RunFolder) -> None:
    """Wait until no process holds the run folder; opening it says what is wrong when one stays."""
    until = time.monotonic() + PREDECESSOR_S
    while folder.in_use() and time.monotonic() < until:
        time.sleep(1)
