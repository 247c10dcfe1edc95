"""Are the samples that would be trained on right twice? Each is judged once more, in a fresh sandbox.

A program that passes by luck, by the time of day or by what an earlier one left behind is not worth
learning: it is left out and the next best takes its place, until all that is kept was right twice.
Nothing is copied from identical programs here.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from halo_raft.judging import Answer, JudgingPolicy
from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.sampling import Session
from halo_raft.select import Selection
from halo_raft.store import Drawn, JsonlWriter, RunFolder
from halo_raft.terminal import console
from halo_raft.terminal.progress import counted

STAGE = "recheck"
"""Name of the stage whose verdicts these are, in the run folder."""

MOST_AT_ONCE = 20_000
"""Samples whose texts are held."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """By what samples are judged: the policy of each cycle, from cycle 1, and the tasks by id."""

    policies: Sequence[JudgingPolicy]
    tasks: Mapping[str, Task]


def rechecked(
    cycle: int,
    choose: Callable[[frozenset[str]], Selection],
    folder: RunFolder,
    terms: Terms,
    session: Session,
) -> Selection:
    """Return a selection whose samples are all as good the second time.

    Verdicts are on disk as they come, and hold for later cycles too: a sample is judged again once. Where
    we fail to judge it, it is left out this time, and may be judged by a later run or cycle.

    Args:
        cycle: The cycle that would train on them.
        choose: Selects among all samples but those with the ids it is given.
        folder: Where first and second verdicts are.
        terms: By what each cycle's samples are judged.
        session: Where to judge.
    """
    first: dict[str, Verdict] = {}
    second = {v.sample_id: v for n in range(1, cycle + 1) for v in folder.each_verdict(n, STAGE)}
    out: dict[str, Drawn] = {}
    with JsonlWriter(folder.verdicts_path(cycle, STAGE)) as writer:
        while True:
            selection = choose(frozenset(out))
            first |= _first_verdicts(folder, [s for s in selection.kept if s.sample_id not in first])
            for verdicts in _judged([s for s in selection.kept if s.sample_id not in second], terms, session):
                writer.append([v for v in verdicts if v.kind is not VerdictKind.INFRA])
                second |= {v.sample_id: v for v in verdicts}
            failed = {
                s.sample_id: s
                for s in selection.kept
                if not _confirmed(first[s.sample_id], second[s.sample_id], selection.threshold)
            }
            if not failed:
                break
            out |= failed
    _say(out, second)
    return replace(
        selection,
        removed={**selection.removed, STAGE: len(out)},
        earlier={**selection.earlier, STAGE: sum(s.cycle < cycle for s in out.values())},
    )


def _first_verdicts(folder: RunFolder, samples: Sequence[Drawn]) -> dict[str, Verdict]:
    """Return the verdicts that samples got when they were drawn."""
    wanted = {s.sample_id for s in samples}
    of_cycles = (folder.each_verdict(n) for n in sorted({s.cycle for s in samples}))
    return {v.sample_id: v for verdicts in of_cycles for v in verdicts if v.sample_id in wanted}


def _judged(samples: Sequence[Drawn], terms: Terms, session: Session) -> Iterator[Sequence[Verdict]]:
    """Judge samples again, each by the policy of its own cycle, and yield verdicts as they come."""
    if not samples:
        return
    console.say(f"Checking {len(samples)} kept samples once more...")
    by_cycle: dict[int, list[Drawn]] = defaultdict(list)
    for sample in samples:
        by_cycle[sample.cycle].append(sample)
    with counted(len(samples), "checked") as advance:
        for of_cycle, group in by_cycle.items():
            for start in range(0, len(group), MOST_AT_ONCE):
                answers = [Answer.of(sample) for sample in group[start : start + MOST_AT_ONCE]]
                for verdicts in session.judge(terms.policies[of_cycle - 1], terms.tasks, answers, remember=False):
                    advance(len(verdicts))
                    yield verdicts


def _confirmed(first: Verdict, second: Verdict, threshold: float) -> bool:
    """Return whether the second verdict would have kept the sample too, as a success if it was one."""
    needed = min(threshold, first.reward or 0.0)  # less than the threshold where a curriculum shaped the reward
    return second.reward is not None and second.reward >= needed and second.success >= first.success


def _say(out: Iterable[str], second: Mapping[str, Verdict]) -> None:
    """Say what the second look left out, and why."""
    verdicts = [second[sample_id] for sample_id in sorted(out)]
    for verdict in verdicts:
        log.info(
            "sample %s of task %s is not kept: the second time %s (%s)",
            *(verdict.sample_id, verdict.task_id, verdict.kind, verdict.details),
        )
    unknown = sum(v.kind is VerdictKind.INFRA for v in verdicts)
    if worse := len(verdicts) - unknown:
        console.say(f"  Not as good the second time: {worse} samples, left out")
    if unknown:
        console.say(f"  Not judged the second time: {unknown} samples, left out (see logs/raft.log)")
