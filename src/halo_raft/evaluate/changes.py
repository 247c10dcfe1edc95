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

    @property
    def became(self) -> str:
        """What became of it: `gained`, `lost`, `better`, `worse` or `same`; see `Changes`."""
        if self.gap > 0:
            return "better" if self.base.passed else "gained"
        return "same" if self.gap == 0 else "worse" if self.candidate.passed else "lost"


@dataclass(frozen=True, slots=True)
class Changes:
    """The tasks of both result sets, the largest change first.

    Attributes:
        tasks: All of them.
    """

    tasks: tuple[TaskChange, ...]

    @property
    def gained(self) -> tuple[TaskChange, ...]:
        """No sample passed before, at least one does now."""
        return tuple(change for change in self.better if change.base.passed == 0)

    @property
    def lost(self) -> tuple[TaskChange, ...]:
        """At least one sample passed before, none does now."""
        return tuple(change for change in self.worse if change.candidate.passed == 0)

    @property
    def better(self) -> tuple[TaskChange, ...]:
        """More of the samples pass now; holds the gained ones too."""
        return tuple(change for change in self.tasks if change.gap > 0)

    @property
    def worse(self) -> tuple[TaskChange, ...]:
        """Fewer of the samples pass now; holds the lost ones too."""
        return tuple(change for change in self.tasks if change.gap < 0)

    @property
    def same(self) -> int:
        """How many tasks did not change."""
        return sum(change.gap == 0 for change in self.tasks)


def changes(base: Outcomes, candidate: Outcomes) -> Changes:
    """Pair the tasks that are in both result sets."""
    after = {task.task_id: task for task in candidate.tasks}
    pairs = [TaskChange(task, after[task.task_id]) for task in base.tasks if task.task_id in after]
    return Changes(tuple(sorted(pairs, key=lambda change: (-abs(change.gap), change.task_id))))
