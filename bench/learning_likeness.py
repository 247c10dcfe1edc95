"""Which tasks are worded like one that is trained on: what is learned there may be the task, and not how to program."""

from __future__ import annotations

from collections.abc import Mapping

from halo_raft import tasks
from halo_raft.tasks.likeness import words_of

LIKE = 0.6
"""Share of the different words of two prompts that both have (Jaccard index)."""


def worded_alike(task_set: str, trained: str) -> Mapping[bool, frozenset[str]]:
    """Return the ids of a set's tasks: those worded like one that is trained on, and the others."""
    known = [_words(task.prompt) for task in tasks.load(trained).tasks]
    groups: dict[bool, set[str]] = {True: set(), False: set()}
    for task in tasks.load(task_set).tasks:
        groups[_nearest(_words(task.prompt), known) >= LIKE].add(task.task_id)
    return {alike: frozenset(ids) for alike, ids in groups.items()}


def _words(prompt: str) -> frozenset[str]:
    return frozenset(words_of(prompt).split())


def _nearest(words: frozenset[str], known: list[frozenset[str]]) -> float:
    return max((len(words & other) / len(words | other) for other in known if other), default=0.0)
