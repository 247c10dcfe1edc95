"""Which generated tasks are kept: the reference passes, cheats do not, and nothing like it is there already."""

from __future__ import annotations

from collections.abc import Iterable

from halo_raft.pipelines.data.generating.asking import Generated
from halo_raft.pipelines.data.trying import policy_for, try_tasks
from halo_raft.records import Task
from halo_raft.tasks.likeness import Measured, alike, words_of

RUNS = 3


class Judge:
    """Decides task by task; knows those that were accepted.

    Args:
        accepted: Tasks that are on disk.
        measured: Held-out tasks that nothing may overlap with.

    Raises:
        ConfigError: The sandbox or a compiler is missing.
    """

    def __init__(self, accepted: Iterable[Task], measured: Iterable[Measured], language: str) -> None:
        self._accepted = list(accepted)
        self._prompts = {words_of(task.prompt) for task in self._accepted}
        self._measured = list(measured)
        self._policy = policy_for(None)
        probe = Task(
            task_id="probe", prompt="probe", language=language, test_cases=({"stdin": "", "expected_output": ""},)
        )
        self._policy.check([probe])

    def objection(self, made: Generated) -> str | None:
        """Return why a task is not kept, None for one that is: it counts as accepted from now on."""
        task = made.task
        reason = self._repeats(task) or self._fails(task)
        if reason is None:
            self._accepted.append(task)
            self._prompts.add(words_of(task.prompt))
        return reason

    def _repeats(self, task: Task) -> str | None:
        if words_of(task.prompt) in self._prompts:
            return "its prompt was there already"
        last = len(self._accepted)
        for pair in alike([*self._accepted, task]):
            if pair.later == last:
                return f"it {pair.how} {self._accepted[pair.earlier].task_id}"
        return next((f"it {shared}" for held in self._measured if (shared := held.overlap(task))), None)

    def _fails(self, task: Task) -> str | None:
        tried = try_tasks(self._policy, [task], runs=RUNS)
        found = tried.broken | tried.beyond
        return found.get(task.task_id)
