"""Which answers to one task are the same program, and which differ most from each other. Pure functions.

What goes in and comes out may travel to other processes: of a million samples this is the most that selection does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from halo_raft.programs import normalised_program, shingles, similarity
from halo_raft.records import Task

PROGRAMS_PER_JOB = 1000
"""Programs that are looked at together, where several processes look."""


class Job(NamedTuple):
    """Answers to one task, the best first, whose programs are to be looked at.

    Attributes:
        answers: Reward, completion and form of each.
        most: How many are to be chosen.
    """

    task: Task
    answers: list[tuple[float, str, str | None]]
    most: int


class Looked(NamedTuple):
    """What comes of a `Job`.

    Attributes:
        programs: A hash of each answer's program.
        chosen: Places of the chosen answers, in their order.
    """

    programs: list[bytes]
    chosen: list[int]


Spread = Callable[[Callable[[list[Job]], list[Looked]], Iterable[list[Job]]], Iterable[list[Looked]]]
"""Calls a function for each of some jobs, in several processes, say; yields the results in their order."""


def chunks(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    """Yield some jobs at a time, with about `PROGRAMS_PER_JOB` programs."""
    some, programs = list[Job](), 0
    for job in jobs:
        some.append(job)
        programs += len(job.answers)
        if programs >= PROGRAMS_PER_JOB:
            yield some
            some, programs = [], 0
    if some:
        yield some


def look(jobs: Iterable[Job], program_of: Callable[[str, Task, str | None], str] | None = None) -> list[Looked]:
    """Look at the programs of some tasks' answers.

    Args:
        jobs: One a task.
        program_of: In place of `programs.normalised_program`.
    """
    return [_looked(job, program_of or normalised_program) for job in jobs]


def _looked(job: Job, program_of: Callable[[str, Task, str | None], str]) -> Looked:
    known: dict[tuple[str, str | None], str] = {}  # models say the same thing again and again
    for _, completion, form in job.answers:
        if (completion, form) not in known:
            known[completion, form] = program_of(completion, job.task, form)
    programs = [known[completion, form] for _, completion, form in job.answers]
    first: dict[str, int] = {}
    for place, program in enumerate(programs):
        first.setdefault(program, place)
    rewards = {place: job.answers[place][0] for place in first.values()}
    return Looked(
        [hashed(program) for program in programs], _most_diverse({p: programs[p] for p in rewards}, rewards, job.most)
    )


def hashed(program: str) -> bytes:
    """Return what a program is told by."""
    return hashlib.blake2b(program.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _most_diverse(programs: Mapping[int, str], rewards: Mapping[int, float], count: int) -> list[int]:
    """Return the places of at most `count` of one task's ranked programs, best first.

    Of equal rewards it takes the one least like its nearest neighbour among those taken before.
    """
    if len(programs) < 2 or not count:
        return list(programs)[:count]
    features = {place: shingles(program) for place, program in programs.items()}
    nearest, rest, chosen = dict.fromkeys(programs, 0.0), list(programs), list[int]()
    while rest and len(chosen) < count:
        best = min(rest, key=lambda place: (-rewards[place], nearest[place], place))
        rest.remove(best)
        chosen.append(best)
        for place in rest:
            nearest[place] = max(nearest[place], similarity(features[place], features[best]))
    return chosen
