"""What other programs import: `from halo_raft import load_tasks, verify, ...`, `from halo_raft.api import train`.

These names, those of `rewards`, and the attributes that their docstrings list stay as they are from one minor
version to the next; every other name may change at any time. What a user can mend is a `HaloRaftError`.
"""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from halo_raft import tasks as sources
from halo_raft.cluster.connection import verification_workers
from halo_raft.config import RaftConfig, load
from halo_raft.errors import DataError, HaloRaftError, UsageError
from halo_raft.judging import Answer, JudgingPolicy, Known, beyond_us, judge_all, ledger_folder
from halo_raft.judging.known import task_key
from halo_raft.records import CycleStats, Task, Verdict, VerdictKind
from halo_raft.tasks import TaskSet
from halo_raft.verifiers import Verifier, VerifyResult

__all__ = [
    "CycleStats",
    "HaloRaftError",
    "Judge",
    "Task",
    "TaskSet",
    "Verdict",
    "VerdictKind",
    "Verifier",
    "VerifyResult",
    "load_tasks",
    "train",
    "verify",
]

Tasks = str | Path | TaskSet | Iterable[Task | Mapping[str, Any]]
"""A task source or file by name, or tasks, or rows in any form that a task file may have."""


def load_tasks(tasks: Tasks, *, limit: int | None = None) -> TaskSet:
    """Return tasks as records: `.tasks` in order, `.by_id`.

    Args:
        tasks: `"starter:heldout"`, `"my_tasks.jsonl"`, or rows in any form that such a file may have.
        limit: The first so many alone.

    Raises:
        HaloRaftError: There is no such source or file, or a row is no task; the message names it.
    """
    if not isinstance(tasks, str | Path | TaskSet | Iterable) or isinstance(tasks, Mapping):
        raise DataError(f"tasks: {type(tasks).__name__} is no tasks; give a file, a source, or a list of rows")
    if isinstance(tasks, str | Path):
        return sources.load(str(tasks), limit=limit)
    if isinstance(tasks, TaskSet):
        return TaskSet.of(tasks.name, tasks.tasks[:limit], tasks.verifier)
    rows = (row if isinstance(row, Task) else sources.parse_row(row, f"row {n}") for n, row in enumerate(tasks, 1))
    return TaskSet.of("tasks", list(rows)[:limit], "auto")


class Judge:
    """Judges programs in the sandbox of this machine; may be asked by several threads, one at a time.

    Args:
        verifier: `auto` chooses by each task; or a verifier's name, or `my_module:MyVerifier`.
        settings: As on the command line: `sandbox.cpu_s=2`.
        workers: Verification workers in Ray; 0 judges in this process; None chooses by how much there is to do.

    Raises:
        HaloRaftError: There is no such verifier or setting, or this machine cannot hold untrusted code.
    """

    def __init__(self, verifier: str = "auto", *, settings: Sequence[str] = (), workers: int | None = 0) -> None:
        if isinstance(settings, str):
            raise UsageError(f"settings: {settings!r} is one text; give a list of them")
        config = load(RaftConfig, None, settings)
        self._policy = JudgingPolicy.of(verifier, config.verifier, config.sandbox)
        self._policy.check()
        self._resources, self._workers = config.resources, workers
        self._tasks: dict[str, Task] = {}
        self._known = Known(self._policy, self._tasks, ledger_folder())
        self._lock = threading.Lock()

    def verdicts(self, tasks: Sequence[Task], completions: Sequence[str]) -> list[Verdict]:
        """Return the verdict of each completion, an answer to the task at the same place.

        Raises:
            HaloRaftError: A task cannot be judged by this verifier, or they are not as many; the message says why.
        """
        if len(tasks) != len(completions) or isinstance(completions, str):
            raise DataError(f"completions: {len(completions)} for {len(tasks)} tasks; give a list, one a task")
        if not all(isinstance(task, Task) for task in tasks):
            raise DataError("tasks: rows are no tasks yet; give those of load_tasks(rows).tasks")
        keys = [task_key(task) for task in tasks]  # ids may be anything, and the same for two tasks
        answers = [
            Answer(str(number), key, completion)
            for number, (key, completion) in enumerate(zip(keys, completions, strict=True))
        ]
        found: dict[str, Verdict] = {}
        with self._lock, ExitStack() as stack:
            self._take_up({key: task for key, task in zip(keys, tasks, strict=True) if key not in self._tasks})
            logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="halo-raft-verify-")))

            def workers(number: int) -> int:
                return stack.enter_context(verification_workers(self._resources, number, self._workers, logs))

            for new in judge_all(self._policy, self._tasks, answers, known=self._known, workers=workers):
                found |= {verdict.sample_id: verdict for verdict in new}
        return [replace(found[str(number)], task_id=task.task_id) for number, task in enumerate(tasks)]

    def _take_up(self, new: Mapping[str, Task]) -> None:
        self._policy.check(new.values())
        for key, reason in beyond_us(self._policy, new).items():
            raise DataError(f"task {new[key].task_id}: {reason}")
        self._tasks.update(new)


def verify(
    tasks: Tasks,
    completions: Iterable[str | Mapping[str, Any]],
    *,
    verifier: str = "auto",
    settings: Sequence[str] = (),
    workers: int | None = None,
) -> list[Verdict]:
    """Judge completions in the sandbox of this machine; needs no model.

    Args:
        tasks: As `load_tasks` takes them.
        completions: `{"task_id": ..., "completion": ...}`, with a `sample_id` if you like; or texts, one a task.
        verifier: `auto` chooses by each task; or a verifier's name, or `my_module:MyVerifier`.
        settings: As on the command line: `sandbox.cpu_s=2`.
        workers: Verification workers in Ray; 0 judges in this process; None chooses by how much there is to do.

    Returns:
        A verdict a completion, in their order: `.success`, `.reward` (None where we failed to judge), `.kind`,
        `.details`, `.tests_passed` of `.tests_total`.

    Raises:
        HaloRaftError: A task, a completion, the verifier or a setting is wrong, or the machine cannot hold code.
    """
    if isinstance(completions, str):
        raise DataError("completions: is one text; give a list of them")
    loaded, answered = load_tasks(tasks), list(completions)
    by_id, of_task = loaded.by_id, Counter[str]()
    rows: list[tuple[str, Task, str]] = []
    if any(isinstance(row, str) for row in answered) and len(answered) != len(loaded.tasks):
        raise DataError(f"completions: {len(answered)} texts for {len(loaded.tasks)} tasks; give one a task, or ids")
    for number, row in enumerate(answered):
        row = {"task_id": loaded.tasks[number].task_id, "completion": row} if isinstance(row, str) else row
        fields = row if isinstance(row, Mapping) else {}
        task, text = by_id.get(str(fields.get("task_id"))), fields.get("completion")
        if task is None or not isinstance(text, str):
            raise DataError(f"completion {number + 1}: needs the task_id of one of the tasks, and a completion")
        rows.append((str(fields.get("sample_id") or f"{task.task_id}#{of_task[task.task_id]}"), task, text))
        of_task[task.task_id] += 1
    judge = Judge(verifier, settings=settings, workers=workers)
    verdicts = judge.verdicts([task for _, task, _ in rows], [text for *_, text in rows])
    return [replace(verdict, sample_id=name) for verdict, (name, *_) in zip(verdicts, rows, strict=True)]


def train(config: str | Path | None = None, *settings: str, fresh: bool = False) -> list[CycleStats]:
    """Run RAFT as `halo-raft raft train` does, or what is left of it.

    Args:
        config: YAML file; None for the defaults.
        settings: `key=value`, as on the command line: `"tasks.train=my_tasks.jsonl"`, `"output_dir=models/mine"`.
        fresh: Discard what an earlier run left in the output folder.

    Returns:
        What each cycle did, the base model's measurement first; the adapters are in the output folder, the best
        one under `best`.

    Raises:
        HaloRaftError: Something a user can mend; nothing that is on disk is lost.
    """
    from halo_raft.pipelines import raft
    from halo_raft.pipelines.checkpoint import on_checkpoint_base

    return raft.train(on_checkpoint_base(load(RaftConfig, config, settings)), fresh=fresh)
