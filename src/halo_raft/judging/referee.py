"""One judge at work in one process: an answer in, its verdict out, by the policy."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from halo_raft.judging.answer import Answer, Judged
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.records import Task, VerdictKind

log = logging.getLogger(__name__)


class Referee:
    """Judges answers one at a time. What may be our fault is judged once more, with twice the patience.

    A program that sleeps until its wall limit costs that limit once: it was not kept waiting.

    Raises:
        ConfigError: The policy does not let this machine judge.
    """

    def __init__(self, policy: JudgingPolicy, tasks: Mapping[str, Task]) -> None:
        self.station = policy.station()
        self._tasks = tasks
        limits = policy.options.limits
        self._verifier = policy.create()
        patient = replace(policy.options, limits=replace(limits, wall_s=2 * limits.wall_s))
        self._patient_verifier = replace(policy, options=patient).create()

    def judge(self, answer: Answer) -> Judged:
        """Judge an answer; never raises but for an interrupt."""
        task = self._tasks[answer.task_id]
        completion = answer.judged_as(task)
        verdict = self._verifier.judge(answer.sample_id, completion, task)
        if verdict.kind is VerdictKind.INFRA or verdict.starved:
            log.debug("sample %s: %s (%s); judging it once more", answer.sample_id, verdict.kind, verdict.details)
            verdict = self._patient_verifier.judge(answer.sample_id, completion, task)
        return Judged(answer.key, verdict, self.station.identity)
