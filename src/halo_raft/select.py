"""Which samples are trained on: pure functions from samples and verdicts to the kept ones.

The order is: leave out infra and truncated samples, apply the threshold, drop duplicates, rank, cap
each prompt, keep a share. Within a prompt the higher reward goes first, then the program that differs
most from those chosen already, then the shorter one; what the model found by itself goes before what it
repaired. The share is taken in rounds over the prompts
(every prompt's best first), so no prompt is favoured for its place in the file, and rarely solved
prompts go first. Where that leaves fewer than `min_samples`, what the share left out is taken first, then
what a lower threshold admits, the best first, and no more than are missing. The choice depends on the set
of samples alone, never on their order.

Samples that saw the reference (hinted) are chosen apart: those that passed come on top of what the model found by
itself, at most a share of all, copies of the reference last.

The control arm is `Pool.select_at_random`: as many samples of the same pool, whatever the verifier said.

What is held of a sample is what ranking looks at. Its text is read when its program is looked at, task by task.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from halo_raft.config import SelectionConfig
from halo_raft.programs import normalised_program, normalised_reference
from halo_raft.records import HINT, Task, Verdict, VerdictKind, stable_hash
from halo_raft.store import Drawn
from halo_raft.variety import PROGRAMS_PER_JOB, Job, Looked, Spread, chunks, hashed, look

LADDER = (0.7, 0.5, 0.3, 0.1)
"""Thresholds tried in turn to reach `min_samples`; the last still means that it compiled, or that a test passed."""

MOST_PROGRAMS = 20_000
"""Programs that are remembered as texts, of one or two thousand letters each."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The kept samples, best first, and what each step removed.

    Attributes:
        removed: Step -> samples that it removed, in the order of the steps.
        earlier: Step -> those of them that an earlier cycle drew.
        threshold: The threshold in force, lower than asked for when `min_samples` required it; all that
            pass the one asked for, under the cap, are then kept.
        copied: Ids of the kept hinted samples whose program is the reference itself.
    """

    kept: tuple[Any, ...]
    removed: dict[str, int]
    threshold: float
    earlier: dict[str, int] = field(default_factory=dict)
    copied: frozenset[str] = frozenset()

    @property
    def prompts(self) -> int:
        """How many prompts the kept samples answer."""
        return len({sample.task_id for sample in self.kept})

    @property
    def cycles(self) -> list[int]:
        """The cycles that the kept samples are from."""
        return sorted({sample.cycle for sample in self.kept})


@dataclass(slots=True, eq=False)
class _Candidate:
    """A judged sample with what ranking looks at.

    Attributes:
        reward: The verdict's, 0 where it has none.
        program: Hash of its program, None until that was looked at.
    """

    sample: Drawn
    reward: float
    success: bool
    infra: bool
    program: bytes | None = None

    @property
    def aided(self) -> bool:
        """Whether it saw more than the task: a failed answer, or the reference."""
        return self.sample.round is not None


class Pool:
    """Judged samples, to choose from more than once: what a choice finds out about programs serves the next one.

    Args:
        samples: Any number per task, of one cycle or several.
        verdicts: Those without a sample, and samples without one, are left out.
        tasks: By `task_id`; gives language and entry point.
        spread: Has other processes look at programs, where there are many.
    """

    def __init__(
        self,
        samples: Iterable[Drawn],
        verdicts: Iterable[Verdict],
        tasks: Mapping[str, Task],
        spread: Spread | None = None,
    ) -> None:
        outcomes: dict[tuple[float, bool, bool], tuple[float, bool, bool]] = {}  # few, and held once each
        judged: dict[str, tuple[float, bool, bool]] = {}
        for verdict in verdicts:
            outcome = verdict.reward or 0.0, verdict.success, verdict.kind is VerdictKind.INFRA
            judged[verdict.sample_id] = outcomes.setdefault(outcome, outcome)
        self._judged = [
            _Candidate(sample, *judged.pop(sample.sample_id))
            for sample in samples
            if sample.task_id in tasks and sample.sample_id in judged
        ]
        self._tasks = tasks
        self._spread = spread
        self._cycle = max((c.sample.cycle for c in self._judged), default=0)
        self._references: dict[str, bytes | None] = {}
        self._programs: dict[tuple[str, bytes, str | None], str] = {}
        self._chosen: dict[tuple[tuple[_Candidate, ...], int], list[_Candidate]] = {}

    def __len__(self) -> int:
        return len(self._judged)

    @property
    def unique_ratio(self) -> float | None:
        """Distinct programs per whole sample of the last cycle that passed unaided; None where not known."""
        own = (c for c in self._judged if not c.aided and not c.sample.truncated and c.sample.cycle == self._cycle)
        passed = [c for c in own if c.success]
        if not passed or any(c.program is None for c in passed):
            return None
        return len({(c.sample.task_id, c.program) for c in passed}) / len(passed)

    def select(self, config: SelectionConfig, left_out: Collection[str] = ()) -> Selection:
        """Choose the samples to train on.

        Args:
            config: The threshold, cap, share and minimum.
            left_out: Ids of samples that are chosen from as if they were not there.
        """
        usable, success, steps = self._usable(left_out)
        candidates = [c for c in usable if c.sample.round != HINT]
        asked, wanted = config.reward_threshold, 0
        threshold, above, distinct, capped = asked, [], [], []
        for threshold in (asked, *(rung for rung in LADDER if rung < asked)):
            above = [c for c in candidates if c.reward >= threshold]
            groups = self._groups(above, config.max_per_prompt)
            distinct = [c for group in groups for c in _distinct(group)]
            capped = [c for round_ in self._rounds(groups, success, config.max_per_prompt) for c in round_]
            wanted = wanted or max(math.ceil(config.keep_top_percent * len(capped)), config.min_samples)
            if len(capped) >= wanted:
                break
        capped.sort(key=lambda c: -min(c.reward, asked))  # what a lower threshold admits goes last
        kept = capped[:wanted]
        passed = [c for c in usable if c.sample.round == HINT and c.success]
        new, hinted = self._hinted(passed, distinct, kept, success, config.max_per_prompt)
        steps |= {
            "below_threshold": above + passed,
            "duplicate": distinct + new,
            "over_prompt_cap": capped + hinted,
            "over_keep_percent": kept + hinted,
        }
        if passed:
            steps["over_hinted_share"] = kept + hinted[: _most_hinted(len(kept), config.max_hinted_share)]
        return self._selection(steps, threshold)

    def _hinted(
        self,
        passed: list[_Candidate],
        own: Iterable[_Candidate],
        kept: Iterable[_Candidate],
        success: Mapping[str, float],
        cap: int,
    ) -> tuple[list[_Candidate], list[_Candidate]]:
        """Return those of hinted samples that are programs of their own, and of these what the cap leaves, in order.

        Args:
            passed: The hinted samples.
            own: What the model found by itself, one of each program.
            kept: Of these what is trained on, which counts for the cap.
            success: As in `_rounds`.
            cap: Of all samples of a task.
        """
        groups = self._groups(passed, cap)
        known = {(c.sample.task_id, c.program) for c in own}
        new = {id(c): c for group in groups for c in _distinct(group) if (c.sample.task_id, c.program) not in known}
        taken, capped = Counter(c.sample.task_id for c in kept), list[_Candidate]()
        for candidate in (c for round_ in self._rounds(groups, success, cap) for c in round_ if id(c) in new):
            if taken[candidate.sample.task_id] < cap:
                taken[candidate.sample.task_id] += 1
                capped.append(candidate)
        return list(new.values()), sorted(capped, key=self._copied)

    def _copied(self, candidate: _Candidate) -> bool:
        """Return whether a hinted sample's program is the reference of its task."""
        task_id = candidate.sample.task_id
        if task_id not in self._references:
            reference = normalised_reference(self._tasks[task_id])
            self._references[task_id] = None if reference is None else hashed(reference)
        return candidate.program == self._references[task_id]

    def select_at_random(self, config: SelectionConfig, *, count: int, seed: int) -> Selection:
        """Choose `count` samples at random among all that are neither infra nor truncated.

        Duplicates and the cap per prompt are treated as in `select`, so that the two arms differ in the
        verifier alone. A sample's lot is drawn from the seed and its id: it does not depend on the others.
        """
        candidates, _, steps = self._usable()
        self._groups(candidates, 0)
        distinct = _distinct(sorted(candidates, key=lambda c: stable_hash(seed, c.sample.sample_id)))
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
        copied = frozenset(c.sample.sample_id for c in left[-1] if c.sample.round == HINT and self._copied(c))
        return Selection(tuple(c.sample for c in left[-1]), removed(lambda cycle: True), threshold, earlier, copied)

    def _usable(
        self, left_out: Collection[str] = ()
    ) -> tuple[list[_Candidate], dict[str, float], dict[str, list[_Candidate]]]:
        """Return what may be trained on, each task's share of successes, and what the first steps left of all."""
        there = [c for c in self._judged if c.sample.sample_id not in left_out]
        usable = [c for c in there if not c.infra]
        whole = [c for c in usable if not c.sample.truncated]
        outcomes: dict[str, list[bool]] = defaultdict(list)
        for candidate in usable:
            outcomes[candidate.sample.task_id] += [candidate.success] if candidate.sample.round is None else []
        success = {task_id: sum(o) / max(1, len(o)) for task_id, o in outcomes.items()}
        return whole, success, {"all": there, "infra": usable, "truncated": whole}

    def _groups(self, candidates: Iterable[_Candidate], count: int) -> list[tuple[_Candidate, ...]]:
        """Return each task's candidates, the best first, their programs looked at and `count` of them chosen."""
        by_task: dict[str, list[_Candidate]] = defaultdict(list)
        for candidate in candidates:
            by_task[candidate.sample.task_id].append(candidate)
        groups = [tuple(sorted(group, key=_rank)) for group in by_task.values()]
        new = [group for group in groups if (group, count) not in self._chosen]
        for group, looked in zip(new, self._look(new, count), strict=True):
            for candidate, program in zip(group, looked.programs, strict=True):
                candidate.program = program
            self._chosen[group, count] = [group[place] for place in looked.chosen]
        return groups

    def _look(self, groups: Sequence[tuple[_Candidate, ...]], count: int) -> Iterator[Looked]:
        """Yield what comes of looking at the programs of each group."""
        jobs = (
            Job(
                self._tasks[group[0].sample.task_id],
                [(c.reward, c.sample.completion, c.sample.form) for c in group],
                count,
            )
            for group in groups
        )
        if self._spread and sum(map(len, groups)) > 2 * PROGRAMS_PER_JOB:
            for some in self._spread(look, chunks(jobs)):
                yield from some
        else:
            for job in jobs:
                yield from look([job], self._program)

    def _program(self, completion: str, task: Task, form: str | None) -> str:
        """Return a normalised program; of few, each is worked out once."""
        text = hashlib.blake2b(completion.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if (key := (task.task_id, text, form)) not in self._programs:
            if len(self._programs) >= MOST_PROGRAMS:
                self._programs.clear()
            self._programs[key] = normalised_program(completion, task, form)
        return self._programs[key]

    def _rounds(
        self, groups: Iterable[tuple[_Candidate, ...]], success: Mapping[str, float], cap: int
    ) -> list[list[_Candidate]]:
        """Split what was chosen of each group into at most `cap` rounds: each task's best, each task's second, ...

        Within a round, higher rewards go first, then what needed no repair, then tasks that are rarely solved.
        """
        chosen = [self._chosen[group, cap] for group in groups]
        deepest = max(map(len, chosen), default=0)
        rounds = [[group[i] for group in chosen if i < len(group)] for i in range(deepest)]
        for round_ in rounds:
            round_.sort(key=lambda c: (-c.reward, c.aided, success[c.sample.task_id], c.sample.sample_id))
        return rounds


def _distinct(ordered: Iterable[_Candidate]) -> list[_Candidate]:
    """Keep the first of each task's candidates that are the same program."""
    first: dict[tuple[str, bytes | None], _Candidate] = {}
    for candidate in ordered:
        first.setdefault((candidate.sample.task_id, candidate.program), candidate)
    return list(first.values())


def _most_hinted(own: int, share: float) -> int | None:
    """Return how many hinted samples beside so many of the model's own are at most a share of all; None: any number."""
    return None if share == 1 else math.floor(own * share / (1 - share) + 1e-9)


def _rank(candidate: _Candidate) -> tuple[float, bool, int, str]:
    """Order the samples of one task: reward, then unaided, then shorter, then an arbitrary but fixed order."""
    return -candidate.reward, candidate.aided, candidate.sample.tokens, candidate.sample.sample_id
