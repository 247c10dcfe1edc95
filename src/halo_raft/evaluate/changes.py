"""Which tasks two result sets differ on, by name. How sure the difference is as a whole is in `intervals`."""

from __future__ import annotations

from dataclasses import dataclass

from halo_raft.evaluate.outcomes import Outcomes, TaskOutcome


@dataclass(frozen=True, slots=True)
class TaskChange:
    """One task in two result sets."""

    base: TaskOutcome
    candidate: TaskOutcome

    @property
    def task_id(self) -> str:
        """The task's name."""
        return self.base.task_id

    @property
    def gap(self) -> float:
        """Share of samples that passed, candidate minus base; in [-1, 1]."""
        return self.candidate.pass_rate - self.base.pass_rate


@dataclass(frozen=True, slots=True)
class Changes:
    """The tasks of both result sets, by what became of them; each in order of the largest change first.

    Attributes:
        gained: No sample passed before, at least one does now.
        lost: At least one sample passed before, none does now.
        better: More of the samples pass now; holds the gained ones too.
        worse: Fewer of the samples pass now; holds the lost ones too.
        same: How many tasks did not change.
    """

    gained: tuple[TaskChange, ...]
    lost: tuple[TaskChange, ...]
    better: tuple[TaskChange, ...]
    worse: tuple[TaskChange, ...]
    same: int


def changes(base: Outcomes, candidate: Outcomes) -> Changes:
    """Sort the tasks that are in both result sets by how they changed."""
    after = {task.task_id: task for task in candidate.tasks}
    pairs = [TaskChange(task, after[task.task_id]) for task in base.tasks if task.task_id in after]
    pairs.sort(key=lambda change: (-abs(change.gap), change.task_id))
    better = tuple(change for change in pairs if change.gap > 0)
    worse = tuple(change for change in pairs if change.gap < 0)
    return Changes(
        gained=tuple(change for change in better if change.base.passed == 0),
        lost=tuple(change for change in worse if change.candidate.passed == 0),
        better=better,
        worse=worse,
        same=len(pairs) - len(better) - len(worse),
    )
