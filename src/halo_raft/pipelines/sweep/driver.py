"""The driver of a sweep: asks the study for trials, has them computed, and tells how they ended.

One loop in one thread. Trials only compute; a decision (go on, prune, set aside, start another) is
made here, between their cycles.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from halo_raft.errors import HaloRaftError
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.raft.tracked import metrics
from halo_raft.pipelines.sweep import reuse
from halo_raft.pipelines.sweep.objective import values_of
from halo_raft.pipelines.sweep.runner import Closed, Crashed, Event, Lost, Measured, Opened, Runner, RunOver
from halo_raft.pipelines.sweep.study import Asked, SweepStudy
from halo_raft.pipelines.sweep.trial import TrialJob, TrialResult
from halo_raft.store import RunFolder
from halo_raft.terminal import console

MOST_LOSSES = 3
"""So often a trial's process may die before the trial fails."""

SECONDS_PER_LOOK = 5.0
"""How often the driver looks whether nodes went or came, when nothing else happens."""

SECONDS_PER_LINE = 60.0
"""How often a log says what runs, when nothing else happens."""


@dataclass(slots=True)
class Job:
    """A trial that was asked for and has not ended.

    Attributes:
        asked: Number and values.
        trial: As it travels to its actor.
        draws: Sample keys of the stages that it shares with other trials and has not been through.
        losses: How often its process died.
        pruned: Why it was told to end early; empty while it goes on.
        done: What it did last, for people.
    """

    asked: Asked
    trial: TrialJob
    draws: dict[int, str]
    losses: int = 0
    pruned: str = ""
    done: str = "starting"
    since: float = field(default_factory=time.monotonic)

    @property
    def number(self) -> int:
        """Number in the study."""
        return self.asked.number


class Driver:
    """Brings a study to its end.

    Args:
        study: What is asked and told.
        make_job: Asked -> how it is computed; raises HaloRaftError where its values do not go together.
        runner: What computes.
        tell: Called with the number of each trial that has ended, after the study was told.
        time_budget_s: Start no trial after so many seconds.
        clock: Seconds since some moment.
    """

    def __init__(
        self,
        study: SweepStudy,
        make_job: Callable[[Asked], TrialJob],
        runner: Runner,
        tell: Callable[[int], None],
        *,
        time_budget_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.study = study
        self.runner = runner
        self._make_job = make_job
        self._tell = tell
        self._clock = clock
        self._ends = None if time_budget_s is None else clock() + time_budget_s
        self._waiting: list[Job] = []
        self._running: dict[int, Job] = {}
        self._drawn: set[str] = set()
        self._objective = list(study.plan.objective)
        self._said = clock()
        self._told_of_waiting: set[int] = set()

    def run(self, folders: Iterable[Path] = ()) -> None:
        """Run until the study has its trials, or the time is up.

        Args:
            folders: Run folders of trials that have ended: what they drew need not be drawn again.
        """
        self._drawn |= {key for path in folders for key in reuse.complete_keys(RunFolder(path))}
        for asked in self.study.unfinished():
            console.say(f"trial {asked.number} was cut off; it goes on where it stopped")
            self._queue(asked)
        while True:
            self._fill()
            if not self._running:
                return
            for event in self.runner.wait(SECONDS_PER_LOOK):
                self._handle(event)
            self._set_aside()
            self._say_what_runs()

    # --- starting

    def _fill(self) -> None:
        """Start trials, waiting ones first, as long as there is room and reason for more."""
        while len(self._running) < self.runner.slots():
            job = next((job for job in self._waiting if not self._blocked(job)), None)
            if job is not None:
                self._waiting.remove(job)
                self._start(job)
            elif self._waiting or not self._wants_more():
                return
            else:
                self._queue(self.study.ask())

    def _wants_more(self) -> bool:
        if self._ends is not None and self._clock() >= self._ends:
            return False
        return len(self.study.ended()) + len(self._running) + len(self._waiting) < self.study.wanted

    def _queue(self, asked: Asked) -> None:
        """Have a trial wait for its turn; one whose values do not go together fails at once."""
        try:
            trial = self._make_job(asked)
            stages = reuse.shared_stages(prepare(trial.config))
        except HaloRaftError as error:
            self._fail(asked, str(error))
            return
        self._waiting.append(Job(asked, trial, {stage.cycle: stage.samples for stage in stages}))

    def _blocked(self, job: Job) -> bool:
        """Return whether a running trial is drawing what this one needs too: it will be there for nothing soon."""
        needed = set(job.draws.values()) - self._drawn
        other = next((o for o in self._running.values() if needed & set(o.draws.values())), None)
        if other is not None and job.number not in self._told_of_waiting:
            self._told_of_waiting.add(job.number)
            console.say(f"trial {job.number} waits for trial {other.number}, which draws the same samples")
        return other is not None

    def _start(self, job: Job) -> None:
        settings = ", ".join(f"{key.rpartition('.')[2]}={_shown(value)}" for key, value in job.asked.values.items())
        console.say(f"trial {job.number} of {self.study.wanted}: {settings}")
        self._running[job.number] = job
        self.runner.start(job.trial)

    def _set_aside(self) -> None:
        """Stop the latest trials while the cluster has become too small for all; they go on later."""
        for number in sorted(self._running, reverse=True)[: max(0, len(self._running) - self.runner.slots())]:
            console.say(f"trial {number} is set aside: the cluster has become too small; it goes on later")
            self.runner.kill(number)
            self._waiting.insert(0, self._running.pop(number))

    # --- what trials report

    def _handle(self, event: Event) -> None:
        job = self._running[event.number]
        match event:
            case Opened():
                for part in event.reused:
                    console.say(
                        f"trial {job.number} takes over {part.samples} samples and {part.verdicts} verdicts "
                        f"of {part.source} ({part.name}): {part.tokens:,} tokens not generated"
                    )
                self.runner.step(job.number)
            case Measured():
                self._measured(job, event)
            case RunOver():
                self.runner.finish(job.number, early=False)
            case Closed():
                self._closed(job, event.result)
            case Lost():
                self._lost(job, event.reason)
            case Crashed(learned=True):
                self.study.prune(job.number, event.reason, _spent(job.trial))
                self._end(job, f"pruned: {event.reason}")
            case Crashed():
                self._running.pop(job.number)
                self._fail(job.asked, event.reason, _spent(job.trial))

    def _measured(self, job: Job, event: Measured) -> None:
        """Report a cycle to the study, which may end the trial here."""
        cycle, found = event.stats.cycle, metrics(event.stats)
        if key := job.draws.pop(cycle, None):
            self._drawn.add(key)
        value = found.get(self._objective[0])
        job.done = "base model measured" if cycle == 0 else f"cycle {cycle} done"
        shown = f", {self._objective[0]} {value:.4f}" if value is not None else ""
        console.say(f"trial {job.number}: {job.done}{shown}")
        if cycle and value is not None and (reason := self.study.report(job.number, cycle, value)):
            job.pruned = reason
            self.runner.finish(job.number, early=True)
        else:
            self.runner.step(job.number)

    def _closed(self, job: Job, result: TrialResult) -> None:
        facts = _facts(result)
        values = values_of(result.metrics, self._objective)
        if job.pruned:
            self.study.prune(job.number, job.pruned, facts)
            self._end(job, f"pruned: {job.pruned}")
        elif values is None:
            missing = next(name for name in self._objective if values_of(result.metrics, [name]) is None)
            self.study.fail(job.number, f"{missing} was not measured in cycle {result.best_cycle}", facts)
            self._end(job, f"failed: {missing} was not measured")
        else:
            self.study.complete(job.number, values, facts)
            named = ", ".join(f"{name} {value:.4f}" for name, value in zip(self._objective, values, strict=True))
            generated = result.tokens - result.tokens_reused
            self._end(job, f"{named} ({generated:,} tokens generated, {result.tokens_reused:,} reused)")

    def _lost(self, job: Job, reason: str) -> None:
        """Try a trial again whose process is gone: its run folder knows how far it was."""
        self._running.pop(job.number)
        job.losses += 1
        if job.losses >= MOST_LOSSES:
            self._fail(job.asked, f"its process died {job.losses} times ({reason})", _spent(job.trial))
            return
        console.say(f"trial {job.number}: its process died ({reason}); it goes on in another one")
        self._waiting.insert(0, job)

    def _fail(self, asked: Asked, reason: str, facts: Mapping[str, Any] | None = None) -> None:
        self.study.fail(asked.number, reason, facts or {})
        console.say(f"trial {asked.number} failed: {reason}")
        self._tell(asked.number)

    def _end(self, job: Job, text: str) -> None:
        self._running.pop(job.number)
        console.say(f"trial {job.number} ended: {text}")
        self._tell(job.number)

    def _say_what_runs(self) -> None:
        if not self._running or self._clock() - self._said < SECONDS_PER_LINE:
            return
        self._said = self._clock()
        parts = [
            f"trial {job.number} ({job.done}, {time.monotonic() - job.since:.0f} s)" for job in self._running.values()
        ]
        console.say(f"  running: {', '.join(parts)}; {len(self.study.ended())} of {self.study.wanted} ended")


def _facts(result: TrialResult) -> dict[str, Any]:
    """Return what the study keeps of a trial beside its values."""
    return {
        "best_cycle": result.best_cycle,
        "tokens_generated": result.tokens - result.tokens_reused,
        "tokens_reused": result.tokens_reused,
        "metrics": {name: value for name, value in result.metrics.items() if value is not None},
    }


def _spent(trial: TrialJob) -> dict[str, int]:
    """Return what a trial that crashed had generated, by its run folder."""
    folder = RunFolder(trial.config.output_dir)
    taken = sum(part.tokens for part in reuse.reused(folder))
    return {"tokens_generated": reuse.tokens(folder) - taken, "tokens_reused": taken}


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
