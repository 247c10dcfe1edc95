"""Everything that can be wrong is looked at here, before an engine starts: the plan of a RAFT run.

`prepare` loads what a run needs and refuses what cannot work; `describe` says what would happen,
with nothing downloaded, for `--dry-run`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from halo_raft import models, prompts, sandbox, tasks, verifiers
from halo_raft.cluster.session import describe_devices
from halo_raft.config import RaftConfig, SftConfig, SweepConfig
from halo_raft.engines import REGISTRY as ENGINES
from halo_raft.errors import ConfigError, DataError
from halo_raft.records import Task, stable_hash
from halo_raft.tasks import TaskSet
from halo_raft.verifiers import VerifierOptions

log = logging.getLogger(__name__)

C = TypeVar("C", RaftConfig, SftConfig, SweepConfig)

NOT_PART_OF_A_RUN = ("cycles", "output_dir", "tracking", "resources", "engine", "stop")
"""Settings that may change when a run goes on: where and how fast, and how much further."""


UNTIL_TRAINED = ("selection settings", "lora settings", "training settings")
"""Parts of the fingerprint that may change until an adapter is trained: nothing that was drawn depends on them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that has been looked over.

    Attributes:
        verifiers: Name of the verifier of each cycle, from cycle 1.
        heldout_verifier: Name of the verifier of the held-out tasks.
    """

    config: RaftConfig
    train: TaskSet
    heldout: TaskSet | None
    verifiers: tuple[str, ...]
    heldout_verifier: str | None

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What a run folder is tied to."""
        checkpoint = self.config.model.checkpoint
        settings = self.config.model_dump(mode="json", exclude=set(NOT_PART_OF_A_RUN))
        settings["verifier"].pop("workers")
        settings["sampling"].pop("temperatures")  # as `cycles`, held by `cycle_plan` cycle by cycle
        return {
            "model": models.fingerprint(self.config.model.name),
            "checkpoint": models.fingerprint(str(checkpoint)) if checkpoint else None,
            "training tasks": self.train.sha256,
            "held-out tasks": self.heldout.sha256 if self.heldout else None,
            "verifier": self.verifiers[0],
            **{f"{section} settings": value for section, value in settings.items() if section != "seed"},
            "seed": self.config.seed,
        }

    @property
    def sampling_key(self) -> str:
        """16 hex digits of what samples depend on: the fingerprint without `UNTIL_TRAINED`."""
        return stable_hash({key: value for key, value in self.fingerprint.items() if key not in UNTIL_TRAINED})

    @property
    def short_fingerprint(self) -> str:
        """16 hex digits of `fingerprint`."""
        return stable_hash(self.fingerprint)


def prepare(config: RaftConfig) -> Plan:
    """Load tasks and check everything a run depends on.

    Raises:
        HaloRaftError: Something is missing or contradicts; one line.
    """
    _check_parts(config)
    suite = config.verifier.test_file
    train = tasks.with_suite(tasks.load(config.tasks.train, limit=config.tasks.limit), suite)
    names = _verifier_names(config, train.verifier)
    train = _with_tests(_in_language_of(names[0], train), config.tasks.tests, names)
    heldout, heldout_verifier = None, None
    if config.tasks.heldout:
        heldout = tasks.with_suite(tasks.load(config.tasks.heldout, limit=config.tasks.heldout_limit), suite)
        heldout_verifier = config.verifier.name or heldout.verifier
        heldout = _in_language_of(heldout_verifier, heldout)
        heldout = _with_tests(heldout, config.tasks.tests, (heldout_verifier,))
        tasks.refuse_overlap(train, heldout)
        verifiers.create(heldout_verifier, verifier_options(config)).check()
    return Plan(config, train, heldout, names, heldout_verifier)


def check_prompts_fit(plan: Plan) -> None:
    """Check that the context holds every prompt and at least one new token. Loads the model's tokenizer.

    Raises:
        DataError: It does not; names the first task, by the order of the file.
        ConfigError: The model or its tokenizer is not to be had.
    """
    model, context = plan.config.model, plan.config.engine.max_model_len
    tokenizer = models.load_tokenizer(model.name, model.checkpoint, trust_remote_code=model.trust_remote_code)
    for task_set in filter(None, (plan.train, plan.heldout)):
        for task in task_set.tasks:
            if (length := len(prompts.token_ids(chat(task, plan.config), tokenizer))) >= context:
                raise DataError(
                    f"{task_set.name}: the prompt of task {task.task_id} has {length} tokens, which do not fit in "
                    f"engine.max_model_len {context}; raise it or shorten the prompt"
                )


def chat(task: Task, config: RaftConfig) -> tuple[dict[str, str], ...]:
    """Return the messages that ask for a solution of `task`, as the config words them."""
    return prompts.messages(task, system=config.tasks.system_prompt, show_tests=config.tasks.show_tests)


def describe(config: RaftConfig) -> Iterator[tuple[str, str]]:
    """Yield (topic, what would happen), downloading and starting nothing.

    Raises:
        HaloRaftError: As `prepare`, as far as can be told without a download.
    """
    _check_parts(config)
    train = tasks.describe(config.tasks.train)
    names = _verifier_names(config, "pytest" if config.verifier.test_file else train.verifier)
    heldout = tasks.describe(config.tasks.heldout) if config.tasks.heldout else None
    if not train.downloads and not (heldout and heldout.downloads):
        prepare(config)
    prompts = min(train.tasks, config.tasks.limit or train.tasks)
    samples = prompts * config.sampling.samples_per_prompt
    yield "model", f"{config.model.name} ({models.check(config.model.name)})"
    if config.model.checkpoint:
        yield "checkpoint", str(config.model.checkpoint)
    yield "training tasks", f"{config.tasks.train}: {prompts} prompts{_download_note(train)}"
    if heldout:
        yield "held-out tasks", f"{config.tasks.heldout}: {_heldout_plan(config, heldout)}"
    per_prompt = config.sampling.samples_per_prompt
    yield "cycles", f"{config.num_cycles}, each {prompts} prompts × {per_prompt} samples = {samples} samples"
    if config.sampling.second_round:
        yield "second round", f"{config.sampling.second_round} more samples of prompts that pass now and then"
    if config.curriculum.strategy != "none" or config.curriculum.reward_shaping != "fixed":
        yield "curriculum", f"{config.curriculum.strategy}, rewards {config.curriculum.reward_shaping}"
    if config.ablate:
        yield "arm", "control: keeps as many samples as pass, at random"
    kept = int(prompts * config.selection.max_per_prompt * config.selection.keep_top_percent)
    batch = config.training.per_device_train_batch_size * config.training.gradient_accumulation_steps
    steps = -(-int(kept * config.training.num_train_epochs) // batch)
    yield "training", f"at most {kept} kept samples a cycle, {steps} steps of {batch}, LoRA r={config.lora.r}"
    yield "engine", f"{config.engine.name}, {config.engine.replicas} replica(s), adapters {config.engine.delivery}"
    yield "verifier", ", ".join(dict.fromkeys(names))
    tier = sandbox.probe()
    yield "sandbox", f"tier {tier.name}: {tier.reason}"
    yield "toolchains", _toolchains(names)
    yield "devices", describe_devices(config.resources)
    yield "output", str(config.output_dir.absolute())
    yield "tracking", _tracking_plan(config)


def verifier_options(config: RaftConfig, *, run_after_compile: bool | None = None) -> VerifierOptions:
    """Return the verifier's options, with what a cycle may override.

    Raises:
        ConfigError: Nothing but limits would hold the candidates, and the config does not allow that.
    """
    _refuse_unsafe(config)
    options = VerifierOptions.from_config(config.verifier, config.sandbox)
    return options if run_after_compile is None else replace(options, run_after_compile=run_after_compile)


def _refuse_unsafe(config: RaftConfig) -> None:
    try:
        tier = sandbox.probe()
    except sandbox.SandboxError as error:
        raise ConfigError(f"sandbox: {error}") from None
    if tier.name == "C" and not config.sandbox.allow_unsafe:
        raise ConfigError(f"sandbox: {tier.reason}; set sandbox.allow_unsafe=true to judge model code all the same")


def on_checkpoint_base(config: C) -> C:
    """Return the config with the model that the checkpoint's adapter was trained on.

    Raises:
        ConfigError: The checkpoint is no adapter, or another model is named beside it.
    """
    if config.model.checkpoint is None:
        return config
    base = models.base_of(config.model.checkpoint)
    named = config.model.name
    if named not in (base, type(config.model)().name):
        raise ConfigError(f"model.checkpoint: {config.model.checkpoint} is an adapter on {base}, not on {named}")
    # resolved: `best` may point at another cycle tomorrow
    update = {"name": base, "checkpoint": config.model.checkpoint.resolve()}
    return config.model_copy(update={"model": config.model.model_copy(update=update)})


def _check_parts(config: RaftConfig) -> None:
    """Check model, engine, devices, checkpoint and output folder."""
    models.check(config.model.name)
    ENGINES.check(config.engine.name)
    describe_devices(config.resources)
    if config.curriculum.strategy == "progressive" and isinstance(config.cycles, int):
        raise ConfigError("curriculum.strategy: progressive needs `cycles` to be a list with one entry a cycle")
    check_writable(config.output_dir, "output_dir")


def check_writable(folder: Path, key: str) -> None:
    """Check that `folder` is, or can be made, a folder that this user may write in; makes nothing.

    Raises:
        DataError: It cannot; names the setting `key`.
    """
    existing = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise DataError(f"{key}: {folder} cannot be written; choose another folder with --output")


def _verifier_names(config: RaftConfig, fitting: str) -> tuple[str, ...]:
    """Return the verifier of each cycle; checks that each exists and has its toolchain."""
    default = config.verifier.name or fitting
    names = tuple(config.for_cycle(n).verifier or default for n in range(1, config.num_cycles + 1))
    for name in dict.fromkeys(names):
        verifiers.create(name, verifier_options(config)).check()
    return names


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


def _with_tests(task_set: TaskSet, tests: str | None, names: tuple[str, ...]) -> TaskSet:
    """Give a prompts-only file its tests when one of the verifiers needs them."""
    needing = [name for name in names if verifiers.REGISTRY.load(name).needs_tests]
    if not needing or all(task.has_tests for task in task_set.tasks):
        return task_set
    source = tests or (needing[0] if needing[0] in tasks.REGISTRY.names() else None)
    if source is None:
        task = next(t for t in task_set.tasks if not t.has_tests)
        raise DataError(
            f"{task_set.name}: task {task.task_id} has no tests, which the verifier {needing[0]} needs; "
            "name a file or source that has them with tasks.tests"
        )
    return tasks.join_tests(task_set, tasks.load(source))


def _heldout_plan(config: RaftConfig, heldout: tasks.Description) -> str:
    count = min(heldout.tasks, config.tasks.heldout_limit or heldout.tasks)
    drawn = [f"{config.heldout.samples} samples a task"] if config.heldout.samples else []
    drawn += ["once greedily"] if config.heldout.greedy else []
    return f"{count} tasks, {' and '.join(drawn)}, before the first cycle and after each{_download_note(heldout)}"


def _download_note(described: tasks.Description) -> str:
    return " (downloaded at the first run)" if described.downloads else ""


def _toolchains(names: tuple[str, ...]) -> str:
    """Name the programs that the verifiers of a run need; all are there, or `check` had said so."""
    needed = {tool for name in names for tool in verifiers.REGISTRY.load(name).tools}
    return ", ".join(sorted(needed)) or "none needed but this Python"


def _tracking_plan(config: RaftConfig) -> str:
    from halo_raft import tracking

    return tracking.ui_command(config.tracking) if config.tracking.mlflow else "files in the output folder"


def tasks_by_id(task_set: TaskSet) -> Mapping[str, Task]:
    """Return the tasks of a set by their id."""
    return {task.task_id: task for task in task_set.tasks}
