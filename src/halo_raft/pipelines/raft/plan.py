"""Everything that can be wrong is looked at here, before an engine starts: the plan of a RAFT run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from halo_raft import models, prompts, tasks
from halo_raft.config import RaftConfig
from halo_raft.config.training import tied_settings
from halo_raft.errors import ConfigError
from halo_raft.fingerprint import Fingerprint
from halo_raft.judging import JudgingPolicy
from halo_raft.pipelines.plans import check_parts, fit_for, load_tasks, sampling_plan
from halo_raft.sampling import FUNCTION, Compute, SamplingPlan, drawn_as
from halo_raft.store import RunFolder
from halo_raft.tasks import TaskSet

log = logging.getLogger(__name__)

LEAST_TO_SPLIT = 50
"""Of fewer tasks none are held out: they would say little, and be missed."""
NOT_PART_OF_A_RUN = ("cycles", "output_dir", "tracking", "resources", "engine", "stop", "seed")
"""Settings that may change when a run goes on (where and how fast, and how much further), or count by themselves."""

SINCE = {
    "tasks": ("prompt_formats", "mix"),
    "sampling": ("repair", "hint", "hint_samples", "allot"),
    "selection": ("repaired_as", "max_hinted_share"),
}
"""Settings by section that folders of earlier versions do not name: at their defaults they are as if not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaftPlan:
    """A run that has been looked over: what is sampled and judged, cycle by cycle.

    Attributes:
        training: The training tasks, as the first cycle samples and judges them.
        heldout: The tasks that are measured on, and how.
        policies: By which each cycle's samples are judged, from cycle 1.
        mixed: Of the training tasks those that were mixed in: task id -> where it is from.
    """

    config: RaftConfig
    training: SamplingPlan
    heldout: SamplingPlan | None
    policies: tuple[JudgingPolicy, ...]
    mixed: Mapping[str, str] = field(default_factory=dict)

    @property
    def compute(self) -> Compute:
        """What generates, for training and measuring alike."""
        return self.training.compute

    @property
    def fingerprint(self) -> Fingerprint:
        """What a run folder is tied to."""
        checkpoint = self.config.model.checkpoint
        settings = self.config.model_dump(mode="json", exclude=set(NOT_PART_OF_A_RUN))
        settings["verifier"].pop("workers")
        settings |= {"training": tied_settings(self.config.training), "lora": tied_settings(self.config.lora)}
        for section, names in SINCE.items():  # folders of earlier versions do not name them
            defaults = getattr(RaftConfig(), section).model_dump(mode="json")
            for name in names:
                if settings[section][name] == defaults[name]:
                    settings[section].pop(name)
        settings["sampling"].pop("temperatures")  # as `cycles`, held by `cycle_plan` cycle by cycle
        if self.heldout:
            settings["heldout"] |= {name: getattr(self.heldout.sampling, name) for name in ("top_k", "top_p", "min_p")}
        return Fingerprint(
            model=models.fingerprint(self.config.model.name),
            checkpoint=models.fingerprint(str(checkpoint)) if checkpoint else None,
            training_tasks=self.training.tasks.sha256,
            heldout_tasks=self.heldout.tasks.sha256 if self.heldout else None,
            verifier=self.policies[0].verifier,
            settings=settings,
            seed=self.config.seed,
        )

    @property
    def task_sets(self) -> Mapping[str, TaskSet]:
        """The tasks by what they are for."""
        return {"training": self.training.tasks} | ({"heldout": self.heldout.tasks} if self.heldout else {})

    def may_change(self, folder: RunFolder) -> tuple[str, ...]:
        """Return the keys of the fingerprint that nothing in a run folder depends on yet."""
        return () if folder.has_adapter() else Fingerprint.UNTIL_TRAINED

    def on_tasks(self, training: TaskSet, heldout: TaskSet | None) -> RaftPlan:
        """Return the plan on other tasks."""
        measured = replace(self.heldout, tasks=heldout) if self.heldout and heldout else None
        return replace(self, training=replace(self.training, tasks=training), heldout=measured)


def prepare(config: RaftConfig) -> RaftPlan:
    """Load tasks and check everything a run depends on.

    Raises:
        HaloRaftError: Something is missing or contradicts; one line.
    """
    check_parts(config)
    train = load_tasks(config.tasks.train, config.tasks.limit, config.verifier)
    others = {spec: load_tasks(spec, None, config.verifier) for spec in config.tasks.mix}
    policies = policies_of(config, tasks.judge_of(task_set.verifier for task_set in (train, *others.values())))
    names = [policy.verifier for policy in policies]
    train, others = fit_for(train, names, config.tasks), {s: fit_for(o, names, config.tasks) for s, o in others.items()}
    for policy in policies:
        policy.check([task for task_set in (train, *others.values()) for task in task_set.tasks])
    train, measured = _taken_out(train, config)
    train, mixed = tasks.mixed(train, others, config.tasks.mix)
    _say_mixed(config, mixed, len(train.tasks))
    if mixed and measured is not None:
        tasks.refuse_overlap(train, measured)
    heldout = None
    if config.tasks.heldout:
        measured = load_tasks(config.tasks.heldout, config.tasks.heldout_limit, config.verifier)
    if measured is not None:
        policy = JudgingPolicy.of(config.verifier.name or measured.verifier, config.verifier, config.sandbox)
        measured = fit_for(measured, [policy.verifier], config.tasks)
        tasks.refuse_overlap(train, measured)
        policy.check(measured.tasks)
        drawn = drawn_as(config.sampling, temperature=config.heldout.temperature)
        heldout = sampling_plan(config, measured, policy)
        heldout = replace(heldout, sampling=drawn, samples_per_prompt=config.heldout.samples)
    if config.sampling.hint and not any(task.solution for task in train.tasks):
        raise ConfigError(
            f"sampling.hint: no task of {train.name} has a reference solution; give some, or leave it out"
        )
    _check_forms(train, config)
    training = replace(sampling_plan(config, train, policies[0]), formats=config.tasks.prompt_formats)
    return RaftPlan(config=config, training=training, heldout=heldout, policies=policies, mixed=mixed)


def _say_mixed(config: RaftConfig, mixed: Mapping[str, str], count: int) -> None:
    """Say how many of all tasks were mixed in, and from where."""
    for name, share in config.tasks.mix.items():
        added = sum(source == name for source in mixed.values())
        fewer = f", not {share:.0%}: it has no more" if added < int(share * count) else ""
        log.info("Of %d training tasks, %d are from %s (%.0f%%%s)", count, added, name, 100 * added / count, fewer)


def _check_forms(train: TaskSet, config: RaftConfig) -> None:
    """Say which tasks have no function to complete, where such are asked for.

    Raises:
        ConfigError: None has.
    """
    if FUNCTION not in config.tasks.prompt_formats:
        return
    without = [task for task in train.tasks if not prompts.is_code(task) and prompts.function_stub(task) is None]
    if len(without) == len(train.tasks):
        raise ConfigError(
            f"tasks.prompt_formats: no task of {train.name} can be asked as a function, which takes Python, an "
            "entry_point, and a reference or shown tests that call it; leave it out"
        )
    if without:
        log.info("%d of %d tasks have no form as a function, and are asked in words", len(without), len(train.tasks))


def takes_out(config: RaftConfig, count: int) -> bool:
    """Return whether a run on so many training tasks, where none are named to measure on, holds some of them out."""
    return config.tasks.heldout_share > 0 and count >= LEAST_TO_SPLIT


def _taken_out(train: TaskSet, config: RaftConfig) -> tuple[TaskSet, TaskSet | None]:
    """Hold out a share of the training tasks where none are named to measure on, and there are enough."""
    measures = config.heldout.samples or config.heldout.greedy
    if config.tasks.heldout or not config.tasks.heldout_share or not measures:
        return train, None
    if not takes_out(config, len(train.tasks)):
        log.info("%s: %d tasks are too few to hold some out, so nothing is measured on; name others with --heldout",
                 train.name, len(train.tasks))  # fmt: skip
        return train, None
    left, measured = tasks.split(train, config.tasks.heldout_share)
    measured = replace(measured, tasks=measured.tasks[: config.tasks.heldout_limit], name=f"held out of {train.name}")
    log.info("Of %d tasks, %d are held out to measure on (tasks.heldout_share; name others with --heldout)",
             len(train.tasks), len(train.tasks) - len(left.tasks))  # fmt: skip
    return left, measured


def policies_of(config: RaftConfig, fitting: str) -> tuple[JudgingPolicy, ...]:
    """Return the policy of each cycle; checks that its verifier exists and has its toolchain.

    Args:
        config: The run.
        fitting: The verifier that fits the tasks, where the config names none.

    Raises:
        ConfigError: Something is missing, or the curriculum has no entry for each cycle.
    """
    if config.curriculum.strategy == "progressive" and isinstance(config.cycles, int):
        raise ConfigError("curriculum.strategy: progressive needs `cycles` to be a list with one entry a cycle")
    cycles = [config.for_cycle(number) for number in range(1, config.num_cycles + 1)]
    default = config.verifier.name or fitting
    policies = tuple(
        JudgingPolicy.of(
            cycle.verifier or default, config.verifier, config.sandbox, run_after_compile=cycle.run_after_compile
        )
        for cycle in cycles
    )
    for policy in {policy.verifier: policy for policy in policies}.values():
        policy.check()
    return policies
