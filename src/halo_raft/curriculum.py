"""What a cycle does differently from the one before: prompts, verifier, threshold, temperature, rewards, rate.

Pure functions: the config, the tasks and what earlier cycles measured go in, a `CyclePlan` comes out.
The pipeline keeps that plan in the run folder, so a resumed cycle goes on as it began. Settings are
by cycle number, never by the number of cycles: a run that is made longer keeps the cycles it has.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from halo_raft.config import CurriculumConfig, RaftConfig
from halo_raft.records import Record, Task, Verdict, VerdictKind, stable_hash

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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PastCycle:
    """How the prompts of an earlier cycle fared; infra verdicts are left out.

    Attributes:
        samples: Samples judged, by task.
        passed: Samples that passed, by task.
    """

    samples: Mapping[str, int]
    passed: Mapping[str, int]

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> PastCycle:
        """Count verdicts."""
        samples, passed = Counter[str](), Counter[str]()
        for verdict in verdicts:
            if verdict.kind is not VerdictKind.INFRA:
                samples[verdict.task_id] += 1
                if verdict.success:
                    passed[verdict.task_id] += 1
        return cls(samples=samples, passed=passed)

    @property
    def pass_rate(self) -> float:
        """Share of the samples that passed; 0 without samples."""
        return sum(self.passed.values()) / max(1, sum(self.samples.values()))


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
    return dataclasses.replace(
        settings_of(config, cycle, verifier),
        partial_credit=partial_credit(config.curriculum, cycle, past[-1].pass_rate if past else None),
        task_ids=choose_tasks(config.curriculum, tasks, past, config.seed),
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


def choose_tasks(
    config: CurriculumConfig, tasks: Sequence[Task], past: Sequence[PastCycle], seed: int
) -> list[str] | None:
    """Return the ids of the prompts to draw in their own order, None for all of them."""
    match config.strategy:
        case "complexity":
            chosen = _easiest(tasks, min(1.0, config.start_share + config.step * len(past)))
        case "adaptive":
            chosen = _easiest(tasks, _adapted_share(config, past))
        case "historical":
            chosen = _worth_another_try(config, tasks, past, seed)
        case _:
            return None
    return [t.task_id for t in tasks if t.task_id in chosen] if 0 < len(chosen) < len(tasks) else None


def complexity(task: Task) -> int:
    """Return how hard a task looks: tokens of its reference solution, or of the question where there is none."""
    return len(re.findall(r"\w+|[^\w\s]", task.solution or task.prompt))


def second_round(verdicts: Iterable[Verdict], max_rate: float) -> list[str]:
    """Return the ids, sorted, of the tasks that passed sometimes, but in at most `max_rate` of their samples.

    Source:
        Xiong et al. 2025, arXiv:2504.11343: what is always wrong teaches nothing, what is always right little.
    """
    counted = PastCycle.of(verdicts)
    return sorted(t for t, passed in counted.passed.items() if 0 < passed <= max_rate * counted.samples[t])


def _easiest(tasks: Sequence[Task], share: float) -> set[str]:
    ranked = sorted(tasks, key=lambda t: (complexity(t), t.task_id))
    return {t.task_id for t in ranked[: math.ceil(share * len(ranked))]}


def _adapted_share(config: CurriculumConfig, past: Sequence[PastCycle]) -> float:
    """Return the share after a step up for each cycle that reached the target, and down for each that did not."""
    share = config.start_share
    for cycle in past:
        step = config.step if cycle.pass_rate >= config.target_pass_rate else -config.step
        share = min(1.0, max(config.start_share, share + step))
    return share


def _worth_another_try(
    config: CurriculumConfig, tasks: Sequence[Task], past: Sequence[PastCycle], seed: int
) -> set[str]:
    """Return the tasks that were solved sometimes, new ones, and a lot drawn among the never solved."""
    samples: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for cycle in past:
        samples.update(cycle.samples)
        passed.update(cycle.passed)
    never = [t.task_id for t in tasks if samples[t.task_id] and not passed[t.task_id]]
    lots = sorted(never, key=lambda task_id: stable_hash(seed, len(past), task_id))
    again = set(lots[: math.ceil(config.explore * len(never))])
    always = {t.task_id for t in tasks if samples[t.task_id] and passed[t.task_id] == samples[t.task_id]}
    return {t.task_id for t in tasks} - always - (set(never) - again)
