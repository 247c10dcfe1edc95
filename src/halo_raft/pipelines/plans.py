"""From the sections of a config to what is sampled: tasks as their verifiers need them, policy, wording, devices."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from halo_raft import models, tasks, verifiers
from halo_raft.cluster.connection import describe_devices, refuse_quantized
from halo_raft.config import RaftConfig
from halo_raft.config.judging import VerifierConfig
from halo_raft.config.schema import TasksConfig
from halo_raft.engines import REGISTRY as ENGINES
from halo_raft.errors import DataError, HaloRaftError
from halo_raft.judging import JudgingPolicy
from halo_raft.records import Task
from halo_raft.sampling import Compute, SamplingPlan, Wording, drawn_as
from halo_raft.store import check_writable
from halo_raft.tasks import TaskSet

log = logging.getLogger(__name__)


def load_tasks(spec: str, limit: int | None, config: VerifierConfig) -> TaskSet:
    """Load tasks, with the suite that `verifier.test_file` may put in place of their own tests.

    Raises:
        ConfigError, DataError: They cannot be had.
    """
    task_set = tasks.with_suite(tasks.load(spec, limit=limit), config.test_file)
    if config.name in (None, "auto"):
        _refuse_unknown_verifiers(task_set)
    return task_set


def _refuse_unknown_verifiers(task_set: TaskSet) -> None:
    """Check that every verifier that a row names is one of ours, where the rows choose."""
    known = verifiers.REGISTRY.names()
    for task in task_set.tasks:
        if task.verifier is not None and task.verifier not in known:
            raise DataError(
                f"{tasks.place(task_set.name, task.task_id)}: task {task.task_id} names the verifier "
                f"{task.verifier!r}, which does not exist; there are: {', '.join(known)}"
            )


def sampling_plan(config: RaftConfig, task_set: TaskSet, policy: JudgingPolicy) -> SamplingPlan:
    """Return what the sections of a config say of sampling some tasks."""
    return SamplingPlan(
        tasks=task_set,
        policy=policy,
        wording=Wording(config.tasks.system_prompt, config.tasks.show_tests),
        sampling=drawn_as(config.sampling),
        samples_per_prompt=config.sampling.samples_per_prompt,
        compute=Compute(
            model=config.model,
            engine=config.engine,
            resources=config.resources,
            lora_rank=config.lora.r,
            verify_workers=config.verifier.workers,
            seed=config.seed,
        ),
    )


def check_parts(config: RaftConfig) -> None:
    """Check model, engine, devices and output folder.

    Raises:
        HaloRaftError: One of them cannot be used.
    """
    models.check(config.model.name)
    ENGINES.check(config.engine.name)
    describe_devices(config.resources)
    refuse_quantized(config.training.quantize, config.resources)
    check_writable(config.output_dir, "output_dir")


def fit_for(task_set: TaskSet, names: Sequence[str], config: TasksConfig) -> TaskSet:
    """Return the tasks as verifiers need them.

    Args:
        task_set: As they were read.
        names: The verifiers, the first one first in time.
        config: Where a prompts-only file finds its tests.

    Raises:
        DataError: A task has no tests, and a verifier needs them.
    """
    return _with_tests(_in_language_of(names[0], task_set), config.tests, names)


def _in_language_of(verifier: str, task_set: TaskSet) -> TaskSet:
    """Ask tasks of another language in one that the verifier judges, without their tests.

    So a file of bare prompts, whose tasks count as Python, trains C++ with `--verifier gcc`.
    """
    plugin = verifiers.REGISTRY.load(verifier)
    languages = plugin.languages
    foreign = [task for task in task_set.tasks if languages and task.language not in languages]
    if plugin.needs_tests or not foreign:
        return task_set
    log.warning("%s: %d tasks are asked in %s, which %s judges, and their tests left out",
                task_set.name, len(foreign), languages[0], verifier)  # fmt: skip
    asked = [
        task if task.language in languages else Task(task_id=task.task_id, prompt=task.prompt, language=languages[0])
        for task in task_set.tasks
    ]
    return TaskSet.of(task_set.name, asked, verifier)


def _with_tests(task_set: TaskSet, tests: str | None, names: Sequence[str]) -> TaskSet:
    """Give a prompts-only file its tests when one of the verifiers needs them."""
    needing = [name for name in names if verifiers.REGISTRY.load(name).needs_tests]
    if not needing or all(task.has_tests for task in task_set.tasks):
        return task_set
    if source := tests or tasks.tests_beside(task_set.name):
        return tasks.join_tests(task_set, tasks.load(str(source)))
    task = next(t for t in task_set.tasks if not t.has_tests)
    testless = (
        f"{tasks.place(task_set.name, task.task_id)}: task {task.task_id} has no tests, which the verifier "
        f"{needing[0]} needs; name a file or source that has them with tasks.tests"
    )
    if needing[0] not in tasks.REGISTRY.names() or any(t.has_tests for t in task_set.tasks):
        raise DataError(testless)
    try:
        source_of_name = tasks.load(needing[0])
    except HaloRaftError as error:
        raise DataError(f"{testless} ({error})") from None
    return tasks.join_tests(task_set, source_of_name)
