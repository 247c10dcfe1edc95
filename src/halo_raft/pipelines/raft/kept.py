"""The selected samples as they are trained on: what saw a failed answer or the reference answers the task alone."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from halo_raft.records import HINT, REPAIR, CycleStats, KeptSample, Sample
from halo_raft.select import Selection
from halo_raft.store import RunFolder, StoredSample

ANSWER, DIALOGUE = "answer", "dialogue"

log = logging.getLogger(__name__)

Place = tuple[int, str, int]
"""Cycle, task and index of a sample."""


def rows(folder: RunFolder, selection: Selection, repaired_as: str) -> Iterator[Sample | StoredSample]:
    """Yield what is trained on, in the order of the selection.

    Args:
        folder: Where the samples are.
        selection: Of the cycle.
        repaired_as: As `selection.repaired_as`.
    """
    prompts = _prompts(folder, [s for s in selection.kept if s.round])
    for sample in selection.kept:
        if not sample.round:
            yield sample
            continue
        whole = sample.whole()
        learnt = (ANSWER, DIALOGUE) if repaired_as == "both" else (repaired_as,)
        for way in learnt if sample.round == REPAIR else (ANSWER,):
            row = asdict(whole) | {"trained_as": way}
            if way == ANSWER:
                place = whole.cycle, whole.task_id, whole.of or 0
                if place not in prompts:  # somebody took a damaged line out of its file
                    log.warning("a kept sample of task %s is left out: its prompt is not there any more", whole.task_id)
                    continue
                row["prompt_token_ids"] = prompts[place]
            if sample.round == HINT:
                row["copied"] = sample.sample_id in selection.copied
            yield KeptSample(**row)


def aided(stats: CycleStats, selection: Selection) -> dict[str, Any]:
    """Return a cycle's statistics of samples that saw more than their task, with how many of them are kept."""
    kept = Counter(sample.round for sample in selection.kept)
    repair = stats.repair | ({"kept": kept[REPAIR]} if stats.repair or kept[REPAIR] else {})
    hint = stats.hint | ({"kept": kept[HINT], "copied": len(selection.copied)} if stats.hint or kept[HINT] else {})
    return {"repair": repair, "hint": hint}


def _prompts(folder: RunFolder, samples: list[Any]) -> dict[Place, list[int]]:
    """Return the token ids of the prompts that samples answer, which are those of first samples of their tasks."""
    wanted = {(s.cycle, s.task_id, s.of) for s in samples}
    found = (
        (place, s)
        for cycle in sorted({cycle for cycle, *_ in wanted})
        for s in folder.stored(cycle)
        if s.round is None and (place := (s.cycle, s.task_id, s.index)) in wanted
    )
    return {place: s.whole().prompt_token_ids for place, s in found}
