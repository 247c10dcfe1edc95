"""What one cycle does, decided when it begins."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from halo_raft.config import CurriculumConfig, RaftConfig
from halo_raft.curriculum.allotting import allotted
from halo_raft.curriculum.choosing import choose_tasks
from halo_raft.curriculum.past import PastCycle
from halo_raft.records import Record, Task, Verdict

MOST_LENIENT = 2.0
"""What shaping multiplies partial credit by at its most lenient: half of the tests then reach the usual threshold."""
BELOW_SUCCESS = 0.99
"""Shaped partial credit stays below a success."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CyclePlan(Record):
    """What one cycle does, decided when it begins.

    Attributes:
        verifier: Name of the verifier.
        reward_threshold: Shaped reward that a sample needs to be kept.
        partial_credit: Factor on the rewards of samples that are no success.
        learning_rate: Peak rate of the cycle's training.
        task_ids: The prompts drawn, in the tasks' own order; None stands for all.
        samples: Task id -> its samples in the first round, where they are allotted; None: the settings' own number.
    """

    cycle: int
    verifier: str
    run_after_compile: bool
    reward_threshold: float
    keep_top_percent: float
    temperature: float
    learning_rate: float
    partial_credit: float = 1.0
    task_ids: list[str] | None = None
    samples: dict[str, int] | None = None


def settings_of(config: RaftConfig, cycle: int, verifier: str) -> CyclePlan:
    """Return what the config alone says of a cycle (from 1); `plan_cycle` adds what earlier cycles say."""
    change = config.for_cycle(cycle)
    listed = config.sampling.temperatures
    usual = listed[min(cycle, len(listed)) - 1] if listed else config.sampling.temperature

    def changed(value: float | bool | None, default: float | bool) -> float | bool:
        return default if value is None else value

    return CyclePlan(
        cycle=cycle,
        verifier=verifier,
        run_after_compile=bool(changed(change.run_after_compile, config.verifier.run_after_compile)),
        reward_threshold=changed(change.reward_threshold, config.selection.reward_threshold),
        keep_top_percent=changed(change.keep_top_percent, config.selection.keep_top_percent),
        temperature=changed(change.temperature, usual),
        learning_rate=config.training.learning_rate * config.training.lr_decay ** (cycle - 1),
    )


def plan_cycle(
    config: RaftConfig, cycle: int, verifier: str, tasks: Sequence[Task], past: Sequence[PastCycle]
) -> CyclePlan:
    """Decide what a cycle does.

    Args:
        config: The run's settings.
        cycle: From 1.
        verifier: Name of the cycle's verifier.
        tasks: All training tasks.
        past: Cycles 1 to `cycle` - 1.
    """
    drawn, samples = choose_tasks(config.curriculum, tasks, past, config.seed), None
    if config.sampling.allot == "posterior" and past:
        ids = [task.task_id for task in tasks] if drawn is None else drawn
        samples = allotted(ids, past, config.sampling.samples_per_prompt)
        drawn = [task_id for task_id in ids if task_id in samples]
    return dataclasses.replace(
        settings_of(config, cycle, verifier),
        partial_credit=partial_credit(config.curriculum, cycle, past[-1].pass_rate if past else None),
        task_ids=drawn,
        samples=samples,
    )


def partial_credit(config: CurriculumConfig, cycle: int, pass_rate: float | None) -> float:
    """Return the factor on the rewards of samples that are no success.

    Args:
        config: The shaping and its length in cycles.
        cycle: From 1.
        pass_rate: Of the cycle before, None in the first.
    """
    match config.reward_shaping:
        case "warmup":
            return MOST_LENIENT if cycle <= config.shaping_cycles else 1.0
        case "annealing":
            return MOST_LENIENT * max(0.0, 1 - (cycle - 1) / config.shaping_cycles)
        case "adaptive":
            return MOST_LENIENT * (1 - min(1.0, (pass_rate or 0.0) / config.target_pass_rate))
        case _:
            return 1.0


def shaped(verdict: Verdict, factor: float) -> Verdict:
    """Return the verdict with partial credit times `factor`; a success, and infra, stay as they are."""
    if verdict.success or verdict.reward is None:
        return verdict
    return dataclasses.replace(verdict, reward=min(BELOW_SUCCESS, verdict.reward * factor))
