"""Which samples are trained on: pure functions from samples and verdicts to the kept ones.

The order is: leave out infra and truncated samples, apply the threshold, drop duplicates, rank, cap
each prompt, keep a share. Within a prompt the higher reward goes first, then the program that differs
most from those chosen already, then the shorter one. The share is taken in rounds over the prompts
(every prompt's best first), so no prompt is favoured for its place in the file, and rarely solved
prompts go first. Where that leaves fewer than `min_samples`, what the share left out is taken first, then
what a lower threshold admits, the best first, and no more than are missing. The choice depends on the set
of samples alone, never on their order.

The control arm is `Pool.select_at_random`: as many samples of the same pool, whatever the verifier said.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

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
        earlier: Step -> those of them that an earlier cycle drew.
        threshold: The threshold in force, lower than asked for when `min_samples` required it; all that
            pass the one asked for, under the cap, are then kept.
    """

    kept: tuple[Sample, ...]
    removed: dict[str, int]
    threshold: float
    earlier: dict[str, int] = field(default_factory=dict)

    @property
    def prompts(self) -> int:
        """How many prompts the kept samples answer."""
        return len({sample.task_id for sample in self.kept})

    @property
    def cycles(self) -> list[int]:
        """The cycles that the kept samples are from."""
        return sorted({sample.cycle for sample in self.kept})


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A judged sample with what ranking looks at."""

    sample: Sample
    verdict: Verdict

    @property
    def reward(self) -> float:
        """The verdict's reward, 0 where it has none."""
        return self.verdict.reward or 0.0


class Pool:
    """Judged samples, to choose from more than once: what a choice finds out about programs serves the next one.

    Args:
        samples: Any number per task, of one cycle or several.
        verdicts: Those without a sample, and samples without one, are left out.
        tasks: By `task_id`; gives language and entry point.
    """

    def __init__(self, samples: Iterable[Sample], verdicts: Iterable[Verdict], tasks: Mapping[str, Task]) -> None:
        judged, once = {v.sample_id: v for v in verdicts}, {s.sample_id: s for s in samples}
        self._judged = [_Candidate(s, judged[i]) for i, s in once.items() if i in judged and s.task_id in tasks]
        self._tasks = tasks
        self._cycle = max((c.sample.cycle for c in self._judged), default=0)
        self._programs: dict[tuple[str, str], str] = {}
        self._diverse: dict[tuple[tuple[_Candidate, ...], int], list[_Candidate]] = {}

    def select(self, config: SelectionConfig, left_out: Collection[str] = ()) -> Selection:
        """Choose the samples to train on.

        Args:
            config: The threshold, cap, share and minimum.
            left_out: Ids of samples that are chosen from as if they were not there.
        """
        candidates, success, steps = self._usable(left_out)
        asked, wanted = config.reward_threshold, 0
        threshold, above, distinct, capped = asked, [], [], []
        for threshold in (asked, *(rung for rung in LADDER if rung < asked)):
            above = [c for c in candidates if c.reward >= threshold]
            distinct = self._distinct(sorted(above, key=_rank))
            capped = [c for round_ in self._rounds(distinct, success, config.max_per_prompt) for c in round_]
            wanted = wanted or max(math.ceil(config.keep_top_percent * len(capped)), config.min_samples)
            if len(capped) >= wanted:
                break
        capped.sort(key=lambda c: -min(c.reward, asked))  # what a lower threshold admits goes last
        kept = capped[:wanted]
        steps |= {
            "below_threshold": above,
            "duplicate": distinct,
            "over_prompt_cap": capped,
            "over_keep_percent": kept,
        }
        return self._selection(steps, threshold)

    def select_at_random(self, config: SelectionConfig, *, count: int, seed: int) -> Selection:
        """Choose `count` samples at random among all that are neither infra nor truncated.

        Duplicates and the cap per prompt are treated as in `select`, so that the two arms differ in the
        verifier alone. A sample's lot is drawn from the seed and its id: it does not depend on the others.
        """
        candidates, _, steps = self._usable()
        distinct = self._distinct(sorted(candidates, key=lambda c: stable_hash(seed, c.sample.sample_id)))
        taken: dict[str, int] = defaultdict(int)
        capped = []
        for candidate in distinct:
            if taken[candidate.sample.task_id] < config.max_per_prompt:
                taken[candidate.sample.task_id] += 1
                capped.append(candidate)
        steps |= {"duplicate": distinct, "over_prompt_cap": capped, "not_drawn": capped[:count]}
        return self._selection(steps, 0.0)

    def _selection(self, steps: dict[str, list[_Candidate]], threshold: float) -> Selection:
        """Return what the last of the steps left, and what each removed of what the one before it left."""
        left = list(steps.values())

        def removed(cycles: Callable[[int], bool]) -> dict[str, int]:
            sizes = [sum(cycles(c.sample.cycle) for c in candidates) for candidates in left]
            return {step: sizes[i] - sizes[i + 1] for i, step in enumerate(list(steps)[1:])}

        earlier = removed(lambda cycle: cycle < self._cycle)
        return Selection(tuple(c.sample for c in left[-1]), removed(lambda cycle: True), threshold, earlier)

    def _usable(
        self, left_out: Collection[str] = ()
    ) -> tuple[list[_Candidate], dict[str, float], dict[str, list[_Candidate]]]:
        """Return what may be trained on, each task's share of successes, and what the first steps left of all."""
        there = [c for c in self._judged if c.sample.sample_id not in left_out]
        usable = [c for c in there if c.verdict.kind is not VerdictKind.INFRA]
        whole = [c for c in usable if not c.sample.truncated]
        outcomes: dict[str, list[bool]] = defaultdict(list)
        for candidate in usable:
            outcomes[candidate.sample.task_id].append(candidate.verdict.success)
        success = {task_id: sum(o) / len(o) for task_id, o in outcomes.items()}
        return whole, success, {"all": there, "infra": usable, "truncated": whole}

    def _program(self, candidate: _Candidate) -> str:
        """Return the normalised program of a candidate, worked out once for all that say the same."""
        sample = candidate.sample
        key = sample.task_id, sample.completion
        if key not in self._programs:
            self._programs[key] = normalised_program(sample.completion, self._tasks[sample.task_id])
        return self._programs[key]

    def _distinct(self, ordered: Iterable[_Candidate]) -> list[_Candidate]:
        """Keep the first of each task's candidates that are the same program."""
        first: dict[tuple[str, str], _Candidate] = {}
        for candidate in ordered:
            first.setdefault((candidate.sample.task_id, self._program(candidate)), candidate)
        return list(first.values())

    def _rounds(self, ranked: Iterable[_Candidate], success: Mapping[str, float], cap: int) -> list[list[_Candidate]]:
        """Split ranked candidates into at most `cap` rounds: each task's best, each task's second, ...

        Within a round, higher rewards go first, then tasks that are rarely solved.
        """
        by_task: dict[str, list[_Candidate]] = defaultdict(list)
        for candidate in ranked:
            by_task[candidate.sample.task_id].append(candidate)
        chosen = [self._most_diverse(tuple(group), cap) for group in by_task.values()]
        deepest = max(map(len, chosen), default=0)
        rounds = [[group[i] for group in chosen if i < len(group)] for i in range(deepest)]
        for round_ in rounds:
            round_.sort(key=lambda c: (-c.reward, success[c.sample.task_id], c.sample.sample_id))
        return rounds

    def _most_diverse(self, ranked: tuple[_Candidate, ...], count: int) -> list[_Candidate]:
        """Return at most `count` of one task's ranked candidates, best first.

        Of equal rewards it takes the one least like its nearest neighbour among those taken before.
        """
        if len(ranked) < 2:
            return list(ranked)
        if (ranked, count) not in self._diverse:
            features = {c: shingles(self._program(c)) for c in ranked}
            nearest, rest, chosen = dict.fromkeys(ranked, 0.0), list(ranked), list[_Candidate]()
            while rest and len(chosen) < count:
                best = min(rest, key=lambda c: (-c.reward, nearest[c], *_rank(c)))
                rest.remove(best)
                chosen.append(best)
                for c in rest:
                    nearest[c] = max(nearest[c], similarity(features[c], features[best]))
            self._diverse[ranked, count] = chosen
        return self._diverse[ranked, count]


def _rank(candidate: _Candidate) -> tuple[float, int, str]:
    """Order the samples of one task: reward, then shorter, then an arbitrary but fixed order."""
    return -candidate.reward, len(candidate.sample.token_ids), candidate.sample.sample_id
