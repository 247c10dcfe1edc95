"""One judge at work in one process: an answer in, its verdict out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from halo_raft.judging.answer import Answer
from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.verifiers import VerifierOptions
from halo_raft.verifiers import create as create_verifier

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judge:
    """Which verifier judges, with what limits, the answers to which tasks."""

    name: str
    options: VerifierOptions
    tasks: Mapping[str, Task]


class Referee:
    """Judges answers one at a time. What may be our fault is judged once more, with twice the patience."""

    def __init__(self, judge: Judge) -> None:
        self._tasks = judge.tasks
        self._cpu_limit_s = judge.options.limits.cpu_s
        self._verifier = create_verifier(judge.name, judge.options)
        limits = replace(judge.options.limits, wall_s=2 * judge.options.limits.wall_s)
        self._patient_verifier = create_verifier(judge.name, replace(judge.options, limits=limits))

    def verdict(self, answer: Answer) -> Verdict:
        """Judge an answer; never raises but for an interrupt."""
        task = self._tasks[answer.task_id]
        verdict = self._verifier.judge(answer.sample_id, answer.completion, task)
        starved = verdict.kind is VerdictKind.TIMEOUT and verdict.cpu_s < self._cpu_limit_s
        if verdict.kind is VerdictKind.INFRA or starved:
            log.debug("sample %s: %s (%s); judging it once more", answer.sample_id, verdict.kind, verdict.details)
            verdict = self._patient_verifier.judge(answer.sample_id, answer.completion, task)
        return verdict
