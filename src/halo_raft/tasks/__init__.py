"""Where prompts come from: named sources (one file each) and JSONL files, all as `Task` records."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from halo_raft.errors import ConfigError, DataError
from halo_raft.records import Task, stable_hash
from halo_raft.registry import Registry
from halo_raft.tasks.base import TaskSet, TaskSource, parse_row, read_rows
from halo_raft.tasks.likeness import alike
from halo_raft.tasks.public.catalogue import SETS, command_for, tests_beside
from halo_raft.tasks.public.source import source_of

REGISTRY: Registry[TaskSource] = Registry("task source", __name__, TaskSource, frozenset({"base", "likeness"}))


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """What a task source or file holds: how many tasks, and who judges them."""

    tasks: int
    verifier: str
    downloads: bool


__all__ = [
    "REGISTRY",
    "Description",
    "TaskSet",
    "TaskSource",
    "describe",
    "join_tests",
    "judge_of",
    "load",
    "mixed",
    "parse_row",
    "place",
    "read_rows",
    "refuse_overlap",
    "sources",
    "split",
    "tests_beside",
    "with_suite",
]


def load(spec: str, *, limit: int | None = None) -> TaskSet:
    """Load tasks from `spec`: a source (`starter:heldout`) or a file of rows (JSONL, `.gz`, `.zst`, Parquet).

    Raises:
        ConfigError: There is no such source, split or file.
        DataError: A row is wrong; the message has file and line.
    """
    if named := _source(spec):
        source, split = named
        tasks = [parse_row(row, f"{spec}, row {n}") for n, row in enumerate(source.load(split), start=1)]
        return TaskSet.of(spec, tasks[:limit], source.verifier)
    tasks, lines = list[Task](), dict[str, int]()
    for line, row in read_rows(spec):
        task = parse_row(row, f"{spec}:{line}")
        if (first := lines.setdefault(task.task_id, line)) != line:
            raise DataError(
                f"{spec}:{line}: task_id {task.task_id!r} is that of line {first} too; ids are unique "
                f"(halo-raft data validate {spec} --fix FILE leaves such rows out)"
            )
        tasks.append(task)
    return TaskSet.of(spec, tasks[:limit], _verifier_for(tasks))


def place(spec: str, task_id: str) -> str:
    """Return where a task stands: `tasks.jsonl:12`, or its source where that is no file."""
    rows = read_rows(spec) if os.path.isfile(spec) else ()
    return next((f"{spec}:{line}" for line, row in rows if parse_row(row, spec).task_id == task_id), spec)


def describe(spec: str) -> Description:
    """Say what `spec` holds without downloading anything.

    Raises:
        ConfigError, DataError: As `load`.
    """
    named = _source(spec)
    if named and named[0].downloads:
        source, split = named
        return Description(source.splits[split], source.verifier, downloads=True)
    loaded = load(spec)
    return Description(len(loaded.tasks), loaded.verifier, downloads=False)


def join_tests(tasks: TaskSet, tests: TaskSet) -> TaskSet:
    """Give every task without tests those of the same `task_id` in `tests`.

    Raises:
        DataError: A task finds none; names it.
    """
    by_id = {t.task_id: t for t in tests.tasks}
    missing = [t.task_id for t in tasks.tasks if not t.has_tests and not getattr(by_id.get(t.task_id), "has_tests", 0)]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        where = place(tasks.name, missing[0])
        raise DataError(f"{where}: task {missing[0]}{more} has no tests, and {tests.name} has none for it either")
    return TaskSet.of(
        tasks.name, [t if t.has_tests else _joined(t, by_id[t.task_id]) for t in tasks.tasks], tasks.verifier
    )


def _joined(task: Task, tests: Task) -> Task:
    """Return `task` with everything that judges it taken from `tests`."""
    return dataclasses.replace(tests, prompt=task.prompt, entry_point=task.entry_point or tests.entry_point)


def with_suite(tasks: TaskSet, test_file: Path | None) -> TaskSet:
    """Give every task the pytest suite in `test_file` in place of its own tests; None changes nothing.

    Raises:
        ConfigError: The file cannot be read.
    """
    if test_file is None:
        return tasks
    try:
        suite = test_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"verifier.test_file: {test_file} cannot be read ({error})") from None
    judged = [
        dataclasses.replace(
            task, tests=suite, test_list=None, test_cases=None, expected_output=None, verifier="pytest", checker=None
        )
        for task in tasks.tasks
    ]
    return TaskSet.of(tasks.name, judged, "pytest")


def refuse_overlap(train: TaskSet, heldout: TaskSet) -> None:
    """Check that no held-out prompt is trained on; case and white space do not count.

    Raises:
        DataError: Some are; names the first.
    """
    trained = {_normalised(t.prompt): t.task_id for t in train.tasks}
    shared = [(t.task_id, trained[p]) for t in heldout.tasks if (p := _normalised(t.prompt)) in trained]
    if shared:
        raise DataError(
            f"{heldout.name}: {len(shared)} of {len(heldout.tasks)} held-out tasks are also in {train.name} "
            f"(first: {shared[0][0]} is {shared[0][1]}); held-out tasks must not be trained on, remove them from one"
        )


def judge_of(verifiers: Iterable[str]) -> str:
    """Return the verifier of several sets of tasks: `auto` where they have several."""
    names = set(verifiers)
    return names.pop() if len(names) == 1 else "auto"


def mixed(tasks: TaskSet, others: Mapping[str, TaskSet], shares: Mapping[str, float]) -> tuple[TaskSet, dict[str, str]]:
    """Add a lot of other tasks, so that each set's is a share of all; where it has fewer tasks, all it has.

    Args:
        tasks: The set, which stays whole.
        others: Name -> set to draw from.
        shares: Name -> share, below 1 together.

    Returns:
        The set with what was added at its end, and the id of each task that was added -> name of its set.

    Raises:
        DataError: An id is in two of them, or a share of so few tasks is none.
    """
    if not others:
        return tasks, {}
    added, sources = list[Task](), dict[str, str]()
    for name, other in others.items():
        count = round(shares[name] / (1 - sum(shares.values())) * len(tasks.tasks))
        if not count:
            raise DataError(
                f"tasks.mix: {shares[name]} of {name} beside {len(tasks.tasks)} tasks of {tasks.name} is not one task; "
                "raise it, or leave it out"
            )
        lots = sorted(other.tasks, key=lambda task: stable_hash("mix", task.task_id))[:count]
        added += lots
        sources |= {task.task_id: name for task in lots}
    whole = " + ".join((tasks.name, *others))
    return TaskSet.of(whole, [*tasks.tasks, *added], judge_of(s.verifier for s in (tasks, *others.values()))), sources


def split(tasks: TaskSet, share: float) -> tuple[TaskSet, TaskSet]:
    """Hold out about a share of the tasks, by a hash of their prompts: the same ones whatever the order.

    Returns:
        The tasks to train on and those held out; equal prompts, and tasks that are alike, are on the same side.

    Raises:
        DataError: One of the two would be empty.
    """
    drawn = {task.task_id: int(stable_hash("heldout", _normalised(task.prompt)), 16) % 10_000 for task in tasks.tasks}
    ordered = sorted(tasks.tasks, key=lambda task: (drawn[task.task_id], task.prompt))
    for pair in sorted(alike(ordered), key=lambda pair: pair.later):
        drawn[ordered[pair.later].task_id] = drawn[ordered[pair.earlier].task_id]
    train = [task for task in tasks.tasks if drawn[task.task_id] >= share * 10_000]
    heldout = [task for task in tasks.tasks if drawn[task.task_id] < share * 10_000]
    if not train or not heldout:
        raise DataError(
            f"{tasks.name}: {len(tasks.tasks)} tasks are too few to hold some out; add some, or measure on others"
        )
    return TaskSet.of(tasks.name, train, tasks.verifier), TaskSet.of(tasks.name, heldout, tasks.verifier)


def _normalised(prompt: str) -> str:
    return re.sub(r"\W+", " ", prompt).strip().lower()


def sources() -> list[str]:
    """Return the names of all task sources."""
    return sorted({*SETS, *REGISTRY.names()})


def _source(spec: str) -> tuple[TaskSource, str] | None:
    """Return the source and split that `spec` names, None if it is a file.

    Raises:
        ConfigError: It is neither.
    """
    name, _, split = spec.partition(":")
    if name not in SETS and name not in REGISTRY.names():
        if os.path.isfile(spec):
            return None
        if os.path.isdir(spec):
            raise ConfigError(f"tasks: {spec} is a folder; name the file of tasks in it")
        if command := command_for(spec):
            raise ConfigError(f"tasks: {spec} is not there; make it with: {command}")
        raise ConfigError(
            f"tasks: {spec} is no file and no task source (looked for {Path(spec).absolute()}); "
            f"sources: {', '.join(sources())}"
        )
    source = (REGISTRY.load(name) if name in REGISTRY.names() else source_of(SETS[name]))()
    split = split or next(iter(source.splits))
    if split not in source.splits:
        raise ConfigError(f"tasks: {name} has no split {split!r}; there are: {', '.join(source.splits)}")
    return source, split


def _verifier_for(tasks: Iterable[Task]) -> str:
    """Return the verifier that judges all tasks of a file; `auto` where they have several."""
    return judge_of(task.judged_by for task in tasks)
