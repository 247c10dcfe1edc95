"""Studies in memory or in a journal, and a runner that computes trials with a function."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from halo_raft.config import RaftConfig
from halo_raft.pipelines.sweep.runner import Closed, Crashed, Event, Lost, Measured, Opened, RunOver
from halo_raft.pipelines.sweep.space import Dimension
from halo_raft.pipelines.sweep.storage import open_storage
from halo_raft.pipelines.sweep.study import StudyPlan, SweepStudy
from halo_raft.pipelines.sweep.trial import TrialJob, TrialResult
from halo_raft.records import CycleStats

SPACE = (
    Dimension("sampling.temperature", choices=(0.4, 0.8)),
    Dimension("selection.keep_top_percent", low=0.2, high=1.0),
)
PLAN = StudyPlan(
    name="s",
    dimensions=SPACE,
    objective={"pass_rate": "maximize"},
    trials=6,
    sampler="random",
    pruner="none",
    seed=0,
    tied_to={"search space": {d.key: str(d) for d in SPACE}, "objective": {"pass_rate": "maximize"}},
)


@pytest.fixture
def journal(tmp_path) -> Path:
    return tmp_path / "study.journal"


@pytest.fixture
def open_study(journal) -> Callable[..., SweepStudy]:
    """Opens the study of the journal, as a driver that starts does; keyword arguments change its plan."""

    def open_it(first=None, **changes) -> SweepStudy:
        return SweepStudy(replace(PLAN, **changes), open_storage(str(journal), create=True), str(journal), first)

    return open_it


@dataclass
class FakeRunner:
    """Computes `cycles` cycles of each trial with `rate(config, cycle)`; what it raises or returns is reported.

    Attributes:
        at_work: Most trials that were running at one time.
        room: Called for `slots`.
    """

    rate: Callable[[RaftConfig, int], float]
    cycles: int = 2
    room: Callable[[], int] = lambda: 1
    at_work: int = 0
    started: list[int] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)
    jobs: dict[int, TrialJob] = field(default_factory=dict)
    at: dict[int, int] = field(default_factory=dict)
    events: deque[Event] = field(default_factory=deque)

    def slots(self) -> int:
        return self.room()

    def start(self, job: TrialJob) -> None:
        self.jobs[job.number] = job
        self.at[job.number] = 0
        self.started.append(job.number)
        self.at_work = max(self.at_work, len(self.jobs))
        self.events.append(Opened(job.number, []))

    def step(self, number: int) -> None:
        cycle = self.at[number]
        self.at[number] += 1
        if cycle > self.cycles:
            self.events.append(RunOver(number))
            return
        try:
            rate = self.rate(self.jobs[number].config, cycle) if cycle else 0.0
        except ConnectionError as error:
            self.jobs.pop(number)
            self.events.append(Lost(number, str(error)))
        except RuntimeError as error:
            self.jobs.pop(number)
            self.events.append(Crashed(number, str(error), learned="nothing kept" in str(error)))
        else:
            self.events.append(Measured(number, CycleStats(cycle=cycle, pass_rate=rate)))

    def finish(self, number: int, *, early: bool) -> None:
        job = self.jobs.pop(number)
        cycle = self.at[number] - 1 if early else self.cycles
        found = {"pass_rate": self.rate(job.config, cycle), "seconds": 1.0}
        self.events.append(Closed(number, TrialResult(cycle, found, 100, 40)))

    def kill(self, number: int) -> None:
        self.jobs.pop(number, None)
        self.killed.append(number)
        self.events = deque(event for event in self.events if event.number != number)

    def wait(self, timeout_s: float) -> list[Event]:
        return [self.events.popleft()] if self.events else []
