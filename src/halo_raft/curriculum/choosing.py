"""Which prompts a cycle draws, and which of them it draws again."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from halo_raft.config import CurriculumConfig
from halo_raft.curriculum.past import PastCycle
from halo_raft.records import Task, Verdict, stable_hash


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
        case "almost":
            chosen = _almost_solved(
                tasks, min(1.0, config.start_share + config.step * len(past)), PastCycle.together(past)
            )
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
    so_far = PastCycle.together(past)
    samples, passed = Counter(so_far.samples), Counter(so_far.passed)
    never = [t.task_id for t in tasks if samples[t.task_id] and not passed[t.task_id]]
    lots = sorted(never, key=lambda task_id: stable_hash(seed, len(past), task_id))
    again = set(lots[: math.ceil(config.explore * len(never))])
    always = {t.task_id for t in tasks if samples[t.task_id] and passed[t.task_id] == samples[t.task_id]}
    return {t.task_id for t in tasks} - always - (set(never) - again)


def _almost_solved(tasks: Sequence[Task], share: float, past: PastCycle) -> set[str]:
    """Return a share of the tasks, those that earned most first; those that always passed last.

    New ones, the easiest first, go between those that earned something and those that never did.
    """

    def place(task: Task) -> tuple[int, float, int, str]:
        drawn, earned = past.samples.get(task.task_id, 0), past.credit.get(task.task_id, 0.0)
        always = drawn and past.passed.get(task.task_id, 0) == drawn
        group = 3 if always else 0 if earned else 2 if drawn else 1
        return group, -earned / max(1, drawn), complexity(task), task.task_id

    ranked = sorted(tasks, key=place)
    return {t.task_id for t in ranked[: math.ceil(share * len(ranked))]}
