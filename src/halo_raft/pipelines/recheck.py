"""Are the samples that would be trained on right twice? Each is judged once more, in a fresh sandbox.

A program that passes by luck, by the time of day or by what an earlier one left behind is not worth
learning. Nothing is copied from identical programs here.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping

from halo_raft.pipelines import console
from halo_raft.pipelines.judge import Answer, Judge
from halo_raft.pipelines.stages import Session
from halo_raft.records import Sample, Verdict
from halo_raft.select import Selection
from halo_raft.store import JsonlWriter, RunFolder

STAGE = "recheck"
"""Name of the stage whose verdicts these are, in the run folder."""

log = logging.getLogger(__name__)


def rechecked(
    cycle: int, selection: Selection, folder: RunFolder, judge_of: Callable[[int], Judge], session: Session
) -> Selection:
    """Return the selection without the samples that are not as good the second time.

    Verdicts are on disk as they come, and hold for later cycles too: a sample is judged again once.

    Args:
        cycle: The cycle that would train on them.
        selection: Its samples, of this cycle or earlier ones, and the threshold in force.
        folder: Where first and second verdicts are.
        judge_of: Returns the judge of a cycle's samples.
        session: Where to judge.
    """
    second = {v.sample_id: v for n in range(1, cycle + 1) for v in folder.verdicts(n, STAGE)}
    left: dict[int, list[Answer]] = defaultdict(list)
    for sample in selection.kept:
        if sample.sample_id not in second:
            left[sample.cycle].append(Answer(sample.sample_id, sample.task_id, sample.completion))
    if left:
        console.say(f"Checking {sum(map(len, left.values()))} kept samples once more...")
    with JsonlWriter(folder.verdicts_path(cycle, STAGE)) as writer:
        for of_cycle, answers in left.items():
            for verdicts in session.judge(judge_of(of_cycle), answers, remember=False):
                writer.append(verdicts)
                second |= {v.sample_id: v for v in verdicts}
    first = {v.sample_id: v for n in {s.cycle for s in selection.kept} for v in folder.verdicts(n)}
    kept = tuple(s for s in selection.kept if _confirmed(s, first, second[s.sample_id], selection.threshold))
    removed = {**selection.removed, STAGE: len(selection.kept) - len(kept)}
    if removed[STAGE]:
        console.say(f"  Not as good the second time: {removed[STAGE]} samples, left out")
    return Selection(kept, removed, selection.threshold)


def _confirmed(sample: Sample, first: Mapping[str, Verdict], second: Verdict, threshold: float) -> bool:
    """Return whether the second verdict would have kept the sample too, as a success if it was one."""
    before = first[sample.sample_id]
    needed = min(threshold, before.reward or 0.0)  # less than the threshold where a curriculum shaped the reward
    confirmed = second.reward is not None and second.reward >= needed and second.success >= before.success
    if not confirmed:
        log.info(
            "sample %s of task %s is not kept: first %s, then %s (%s)",
            *(sample.sample_id, sample.task_id, before.kind, second.kind, second.details),
        )
    return confirmed
