"""Which samples are trained on: pure functions from samples and verdicts to the kept ones.

The order is: leave out infra and truncated samples, apply the threshold, drop duplicates, rank, cap
each prompt, keep a share. Within a prompt the higher reward goes first, then the program that differs
most from those chosen already, then the shorter one. The share is taken in rounds over the prompts
(every prompt's best first), so no prompt is favoured for its place in the file, and rarely solved
prompts go first. Where that leaves fewer than `min_samples`, what the share left out is taken first, then
what a lower threshold admits, the best first, and no more than are missing. The choice depends on the set
of samples alone, never on their order.

`select_at_random` is the control arm: as many samples of the same pool, whatever the verifier said.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from halo_raft.config import SelectionConfig
from halo_raft.programs import normalised_program, shingles, similarity
from halo_raft.records import Sample, Task, Verdict, VerdictKind, stable_hash

LADDER = (0.7, 0.5, 0.3, 0.1)
"""Thresholds tried in turn to reach `min_samples`; the last still means that it compiled, or that a test passed."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The kept samples, best first, and what each step removed.

    Attributes:
        removed: Step -> samples that it removed, in the order of the steps.
        threshold: The threshold in force, lower than asked for when `min_samples` required it; all that
            pass the one asked for, under the cap, are then kept.
    """

    kept: tuple[Sample, ...]
    removed: dict[str, int]
    threshold: float

    @property
    def prompts(self) -> int:
        """How many prompts the kept samples answer."""
        return len({sample.task_id for sample in self.kept})

    @property
    def cycles(self) -> list[int]:
        """The cycles that the kept samples are from."""
        return sorted({sample.cycle for sample in self.kept})


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A usable sample with what ranking looks at."""

    sample: Sample
    reward: float
    program: str


@dataclass(frozen=True, slots=True)
class _Pool:
    """What may be trained on, and what is left out whatever its reward."""

    candidates: list[_Candidate]
    success: Mapping[str, float]
    infra: int
    truncated: int


def select(
    samples: Iterable[Sample], verdicts: Iterable[Verdict], tasks: Mapping[str, Task], config: SelectionConfig
) -> Selection:
    """Choose the samples to train on.

    Args:
        samples: Any number per task, of one cycle or several.
        verdicts: Those without a sample, and samples without one, are left out.
        tasks: By `task_id`; gives language and entry point.
        config: Threshold, cap, share and minimum.
    """
    pool = _pool(samples, verdicts, tasks)
    asked, wanted = config.reward_threshold, 0
    threshold, above, distinct, capped = asked, [], [], []
    for threshold in (asked, *(rung for rung in LADDER if rung < asked)):
        above = [c for c in pool.candidates if c.reward >= threshold]
        distinct = _distinct(above)
        capped = [c for round_ in _rounds(distinct, pool.success, config.max_per_prompt) for c in round_]
        wanted = wanted or max(math.ceil(config.keep_top_percent * len(capped)), config.min_samples)
        if len(capped) >= wanted:
            break
    capped.sort(key=lambda c: -min(c.reward, asked))  # what a lower threshold admits goes last
    kept = capped[:wanted]
    removed = {
        "infra": pool.infra,
        "truncated": pool.truncated,
        "below_threshold": len(pool.candidates) - len(above),
        "duplicate": len(above) - len(distinct),
        "over_prompt_cap": len(distinct) - len(capped),
        "over_keep_percent": len(capped) - len(kept),
    }
    return Selection(tuple(c.sample for c in kept), removed, threshold)


def select_at_random(
    samples: Iterable[Sample],
    verdicts: Iterable[Verdict],
    tasks: Mapping[str, Task],
    config: SelectionConfig,
    *,
    count: int,
    seed: int,
) -> Selection:
    """Choose `count` samples at random among all that are neither infra nor truncated.

    Duplicates and the cap per prompt are treated as in `select`, so that the two arms differ in the
    verifier alone. A sample's lot is drawn from the seed and its id: it does not depend on the others.
    """
    pool = _pool(samples, verdicts, tasks)
    drawn = sorted(pool.candidates, key=lambda c: stable_hash(seed, c.sample.sample_id))
    distinct: dict[tuple[str, str], _Candidate] = {}
    for candidate in drawn:
        distinct.setdefault((candidate.sample.task_id, candidate.program), candidate)
    taken: dict[str, int] = defaultdict(int)
    capped = []
    for candidate in distinct.values():
        if taken[candidate.sample.task_id] < config.max_per_prompt:
            taken[candidate.sample.task_id] += 1
            capped.append(candidate)
    removed = {
        "infra": pool.infra,
        "truncated": pool.truncated,
        "duplicate": len(drawn) - len(distinct),
        "over_prompt_cap": len(distinct) - len(capped),
        "not_drawn": len(capped) - min(count, len(capped)),
    }
    return Selection(tuple(c.sample for c in capped[:count]), removed, 0.0)


def _pool(samples: Iterable[Sample], verdicts: Iterable[Verdict], tasks: Mapping[str, Task]) -> _Pool:
    """Leave out what was not judged, what we failed to judge, and what was cut off."""
    judged = {v.sample_id: v for v in verdicts}
    known = [s for s in {s.sample_id: s for s in samples}.values() if s.sample_id in judged and s.task_id in tasks]
    usable = [s for s in known if judged[s.sample_id].kind is not VerdictKind.INFRA]
    whole = [s for s in usable if not s.truncated]
    candidates = [
        _Candidate(s, judged[s.sample_id].reward or 0.0, normalised_program(s.completion, tasks[s.task_id]))
        for s in whole
    ]
    return _Pool(candidates, _success_rates(usable, judged), len(known) - len(usable), len(usable) - len(whole))


def _success_rates(samples: Iterable[Sample], judged: Mapping[str, Verdict]) -> dict[str, float]:
    """Return each task's share of successful samples."""
    outcomes: dict[str, list[bool]] = defaultdict(list)
    for sample in samples:
        outcomes[sample.task_id].append(judged[sample.sample_id].success)
    return {task_id: sum(o) / len(o) for task_id, o in outcomes.items()}


def _distinct(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Keep the best of each task's samples that are the same program."""
    best: dict[tuple[str, str], _Candidate] = {}
    for candidate in sorted(candidates, key=_rank):
        best.setdefault((candidate.sample.task_id, candidate.program), candidate)
    return list(best.values())


def _rank(candidate: _Candidate) -> tuple[float, int, str]:
    """Order the samples of one task: reward, then shorter, then an arbitrary but fixed order."""
    return -candidate.reward, len(candidate.sample.token_ids), candidate.sample.sample_id


def _rounds(candidates: Sequence[_Candidate], success: Mapping[str, float], cap: int) -> list[list[_Candidate]]:
    """Split candidates into at most `cap` rounds: each task's best, each task's second, ...

    Within a round, higher rewards go first, then tasks that are rarely solved.
    """
    by_task: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=_rank):
        by_task[candidate.sample.task_id].append(candidate)
    chosen = [_most_diverse(group, cap) for group in by_task.values()]
    deepest = max(map(len, chosen), default=0)
    rounds = [[group[i] for group in chosen if i < len(group)] for i in range(deepest)]
    for round_ in rounds:
        round_.sort(key=lambda c: (-c.reward, success[c.sample.task_id], c.sample.sample_id))
    return rounds


def _most_diverse(ranked: Sequence[_Candidate], count: int) -> list[_Candidate]:
    """Return at most `count` of one task's ranked candidates, best first.

    Of equal rewards it takes the one least like its nearest neighbour among those taken before.
    """
    if len(ranked) < 2:
        return list(ranked)
    features = {c.sample.sample_id: shingles(c.program) for c in ranked}
    nearest = dict.fromkeys(features, 0.0)
    chosen: list[_Candidate] = []
    rest = list(ranked)
    while rest and len(chosen) < count:
        best = min(rest, key=lambda c: (-c.reward, nearest[c.sample.sample_id], *_rank(c)))
        rest.remove(best)
        chosen.append(best)
        taken = features[best.sample.sample_id]
        for c in rest:
            known = nearest[c.sample.sample_id]
            nearest[c.sample.sample_id] = max(known, similarity(features[c.sample.sample_id], taken))
    return chosen
