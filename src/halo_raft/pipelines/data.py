"""Prepare task files and look into them."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from halo_raft import tasks
from halo_raft.cluster.connection import verification_workers
from halo_raft.config import ResourcesConfig, SandboxConfig
from halo_raft.config.schema import VerifierConfig
from halo_raft.errors import DataError, UsageError
from halo_raft.judging import JudgingPolicy, beyond_us, broken_tasks, modes, without
from halo_raft.records import Task
from halo_raft.terminal import console
from halo_raft.verifiers.base import OUTSIDE

MOST_TRIED = 1000
"""References of so many tasks are tried for their mode."""


def add_commands(group: Any) -> None:
    """Add `data prepare` and `data validate` to a group of subcommands."""
    prepare_command = group.add_parser("prepare", help="write a task source to a JSONL file")
    prepare_command.add_argument("--list", action="store_true", help="list the sources")
    prepare_command.add_argument("--dataset", help="source, with a split: mbpp:test")
    prepare_command.add_argument("--output", type=Path, help="JSONL file to write")
    prepare_command.set_defaults(run=prepare)
    validate_command = group.add_parser("validate", help="check a file of tasks")
    validate_command.add_argument("file", help="JSONL file, or a task source")
    validate_command.add_argument("--preview", action="store_true", help="print the first task as the model sees it")
    validate_command.add_argument("--quick", action="store_true", help="look at the rows alone, run nothing")
    validate_command.set_defaults(run=validate)


def prepare(arguments: argparse.Namespace) -> int:
    """Write a source as JSONL, or list the sources."""
    if arguments.list:
        for name in tasks.REGISTRY.names():
            source = tasks.REGISTRY.load(name)
            splits = ", ".join(f"{split} ({count})" for split, count in source.splits.items())
            console.say(f"{name:<12} {splits}")
        return 0
    if not arguments.dataset or not arguments.output:
        raise UsageError("data prepare needs --dataset and --output, or --list")
    task_set = tasks.load(arguments.dataset)
    rows = "".join(task.to_json() + "\n" for task in task_set.tasks)
    try:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(rows, encoding="utf-8")
    except OSError as error:
        raise DataError(f"--output: {arguments.output} cannot be written ({error.strerror})") from None
    console.say(f"Wrote {len(task_set.tasks)} tasks to {arguments.output}")
    return 0


def validate(arguments: argparse.Namespace) -> int:
    """Check every row of a file, say what is in it, and name the tasks whose tests cannot be relied on."""
    task_set = tasks.load(arguments.file)
    languages = Counter(task.language for task in task_set.tasks)
    with_tests = sum(task.has_tests for task in task_set.tasks)
    console.say(f"{arguments.file}: {len(task_set.tasks)} tasks, {with_tests} with tests")
    console.say(f"  languages: {', '.join(f'{name} {n}' for name, n in languages.most_common())}")
    console.say(f"  verifier:  {task_set.verifier}")
    if with_tests and not arguments.quick:
        _run_tests_of(task_set)
    if arguments.preview:
        from halo_raft.prompts import messages

        first = task_set.tasks[0]
        console.say(f"  first task: {first.task_id}")
        for message in messages(first):
            console.say(f"\n[{message['role']}]\n{message['content']}")
    return 0


def _run_tests_of(task_set: tasks.TaskSet) -> None:
    """Run references and cheats against the tests.

    Raises:
        DataError: Every task is broken.
    """
    policy = JudgingPolicy.of("auto", VerifierConfig(), SandboxConfig())
    policy.check(task_set.tasks)
    beyond = beyond_us(policy, task_set.by_id)
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="halo-raft-validate-") as logs:

        def workers(answers: int) -> int:
            return stack.enter_context(verification_workers(ResourcesConfig(), answers, None, Path(logs)))

        broken = broken_tasks(policy, task_set.by_id, workers=workers)
    sound = len(task_set.tasks) - len(broken) - len(beyond)
    limits = f", {len(beyond)} beyond what we can judge" if beyond else ""
    console.say(f"  tests:     {sound} tasks are sound, {len(broken)} broken{limits}")
    console.listed(beyond, "is beyond us")
    _say_modes(policy, [task for task in task_set.tasks if task.task_id not in broken.keys() | beyond.keys()])
    console.listed(broken, "is broken")
    without(task_set, broken)


def _say_modes(policy: JudgingPolicy, sound: Sequence[Task]) -> None:
    """Say how many tasks are judged outside of the program's process, and name the others with the reason."""
    found = modes(policy, sound[:MOST_TRIED])
    if not found:
        return
    counts = Counter(mode.name for mode in found.values())
    first = f" (of the first {MOST_TRIED})" if len(sound) > MOST_TRIED else ""
    console.say(f"  modes:     {', '.join(f'{name} {n}' for name, n in counts.most_common())}{first}")
    beside = {task_id: mode.reason for task_id, mode in found.items() if mode.name != OUTSIDE}
    console.listed(beside, "is judged in the program's process")
