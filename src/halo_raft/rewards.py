"""Our sandbox and judge as the reward of other trainers: TRL's `reward_funcs=`, verl's `compute_score`.

What we fail to judge gets no reward: None for TRL, which leaves it out, and an error in verl, which has no word
for it. A reward of 0 always is the program's own.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from halo_raft.api import Judge, Tasks, load_tasks
from halo_raft.errors import DataError, VerificationError
from halo_raft.records import Task, VerdictKind
from halo_raft.tasks import parse_row

__all__ = ["CodeReward", "compute_score"]

Completion = str | Sequence[Mapping[str, Any]]
"""A text, or the messages of a chat, of which the last one answers."""


class CodeReward:
    """A reward function for TRL: `GRPOTrainer(reward_funcs=CodeReward("my_tasks.jsonl"), ...)`.

    Args:
        tasks: As `load_tasks` takes them; a row of the trainer's data set finds its task by the column `task_id`.
            None: a row is its own task, its columns those of a task file's row (`test_list`, `tests`, ...).
        verifier, settings, workers: As of `Judge`.

    Raises:
        HaloRaftError: As `load_tasks` and `Judge`.
    """

    def __init__(
        self,
        tasks: Tasks | None = None,
        *,
        verifier: str = "auto",
        settings: Sequence[str] = (),
        workers: int | None = 0,
    ) -> None:
        self._tasks = None if tasks is None else load_tasks(tasks).by_id
        self._judge = Judge(verifier, settings=settings, workers=workers)

    def __call__(
        self, prompts: Sequence[Completion], completions: Sequence[Completion], **columns: Any
    ) -> list[float | None]:
        """Return the reward of each completion in [0, 1], 1.0 where all tests pass; None where we failed to judge.

        Args:
            prompts: What was asked.
            completions: What was answered.
            columns: The other columns of the data set, a list each; what TRL adds to them is not looked at.

        Raises:
            HaloRaftError: A row names no task, or is none.
        """
        lists = {
            name: values
            for name, values in columns.items()
            if isinstance(values, list) and len(values) == len(prompts) and name != "completion_ids"
        }
        tasks = [
            self._task(prompt, {name: values[number] for name, values in lists.items()})
            for number, prompt in enumerate(prompts)
        ]
        verdicts = self._judge.verdicts(tasks, [_text(completion) for completion in completions])
        return [verdict.reward for verdict in verdicts]

    def _task(self, prompt: Completion, row: Mapping[str, Any]) -> Task:
        if self._tasks is None:
            said = {name: value for name, value in row.items() if value is not None}
            return parse_row({"prompt": _text(prompt), **said}, "a row of the data set")
        if (task := self._tasks.get(str(row.get("task_id")))) is None:
            raise DataError(f"a row of the data set has task_id {row.get('task_id')!r}, which is none of the tasks")
        return task


def compute_score(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, **kwargs: Any
) -> dict[str, float]:
    """Judge one answer, as verl asks for it: `reward.custom_reward_function.path=pkg://halo_raft.rewards`.

    Args:
        data_source: The column `data_source`; not looked at.
        solution_str: What the model answered.
        ground_truth: The task: a row of a task file, or its line of JSON; the prompt may be left out, unless answers
            are bodies of a function that it begins.
        extra_info: The column `extra_info`; not looked at.
        kwargs: `verifier` and `settings` of `Judge`, out of `reward_kwargs`; others are not looked at.

    Returns:
        `score`, the reward in [0, 1], and `acc`, 1.0 where all tests passed.

    Raises:
        VerificationError: We failed to judge it, twice.
        HaloRaftError: The ground truth is no task, or `Judge` cannot be had.
    """
    try:
        row = json.loads(ground_truth) if isinstance(ground_truth, str) else dict(ground_truth)
        task = parse_row({"prompt": "-", **row}, "ground_truth")
    except (TypeError, ValueError) as error:
        raise DataError(f"ground_truth: is no row of a task file ({error})") from None
    judge = _judge(str(kwargs.get("verifier") or "auto"), tuple(kwargs.get("settings") or ()))
    (verdict,) = judge.verdicts([task], [solution_str])
    if verdict.kind is VerdictKind.INFRA or verdict.reward is None:
        raise VerificationError(f"an answer to {task.task_id} could not be judged: {verdict.details}")
    return {"score": verdict.reward, "acc": float(verdict.success)}


@functools.cache
def _judge(verifier: str, settings: tuple[str, ...]) -> Judge:
    return Judge(verifier, settings=settings)


def _text(said: Completion) -> str:
    return said if isinstance(said, str) else str(said[-1]["content"])
