"""References and cheats are run against the tests of their tasks: what cannot be relied on, as it is found."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from halo_raft.cluster.connection import verification_workers
from halo_raft.config import ResourcesConfig, SandboxConfig
from halo_raft.config.judging import VerifierConfig
from halo_raft.judging import JudgingPolicy, beyond_us
from halo_raft.judging.answer import Answer
from halo_raft.judging.known import Known, ledger_folder
from halo_raft.judging.validation import REFERENCE, Check, checks_of, objection
from halo_raft.judging.verdicts import judge_all
from halo_raft.records import Task, Verdict
from halo_raft.terminal.progress import programs_tried

FEW, FEW_COMPILED = 2000, 60
"""So many programs are judged in this process: Ray takes longer to start than they do."""


@dataclass(slots=True)
class Tried:
    """What was found.

    Attributes:
        tasks: How many tasks have tests, and were tried.
        passing: Task id -> what passes its tests without solving it.
        failing: Task id -> why its reference does not pass.
        flaky: Task id -> how often its reference passed.
        beyond: Task id -> why no verifier of ours can judge it.
    """

    tasks: int = 0
    passing: dict[str, str] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)
    flaky: dict[str, str] = field(default_factory=dict)
    beyond: dict[str, str] = field(default_factory=dict)

    @property
    def broken(self) -> dict[str, str]:
        """Task id -> the reason why its tests cannot be relied on."""
        return self.passing | self.failing | self.flaky

    @property
    def sound(self) -> int:
        """Tasks that nothing tells against."""
        return self.tasks - len(self.broken) - len(self.beyond)


def policy_for(verifier: str | None) -> JudgingPolicy:
    """Return the policy that a verifier's name and the default settings say; `auto` for None."""
    return JudgingPolicy.of(verifier or "auto", VerifierConfig(), SandboxConfig())


def try_tasks(
    policy: JudgingPolicy,
    tasks: Sequence[Task],
    *,
    runs: int = 1,
    found: Callable[[str, str, str], None] = lambda kind, task_id, reason: None,
) -> Tried:
    """Run every reference `runs` times, and every cheat once.

    Args:
        policy: By which answers will be judged.
        tasks: Unique by their ids; those without tests are passed over.
        runs: From 2 on, references whose verdicts differ are found.
        found: Is told (kind, task id, reason) as soon as something is known of a task, once a task and kind.

    Raises:
        ConfigError: A compiler is missing, or the sandbox.
    """
    by_id = {task.task_id: task for task in tasks if task.has_tests or task.our_limit}
    policy.check(by_id.values())
    tried = Tried(len(by_id), beyond=beyond_us(policy, by_id))
    for task_id, limit in tried.beyond.items():
        found("beyond_us", task_id, limit)
    checks = [check for i, task in by_id.items() if i not in tried.beyond for check in checks_of(task)]
    references = [check for check in checks if check.role == REFERENCE]
    passed: dict[str, Counter[bool]] = defaultdict(Counter)
    with ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="halo-raft-data-")))
        advance = stack.enter_context(programs_tried(len(checks) + (runs - 1) * len(references)))

        def workers(answers: int) -> int:
            most = FEW if all(task.language == "python" for task in tasks) else FEW_COMPILED
            asked = 0 if answers <= most else None
            return stack.enter_context(verification_workers(ResourcesConfig(), answers, asked, logs))

        for number in range(runs):
            known = Known(policy, by_id, ledger_folder() if number == 0 else None, remember=number == 0)
            for check, verdict in _judged(policy, by_id, references if number else checks, known, workers):
                advance(1)
                reason = objection(check, verdict)
                if check.role == REFERENCE:
                    passed[check.task_id][verdict.success] += 1
                kind, known_of = ("reference_fails", tried.failing) if check.role == REFERENCE else (
                    "passes_without_solution", tried.passing)  # fmt: skip
                if reason and check.task_id not in known_of:
                    known_of[check.task_id] = reason
                    found(kind, check.task_id, reason)
    for task_id, counts in passed.items():
        if counts[True] and counts[False]:
            tried.failing.pop(task_id, None)
            tried.flaky[task_id] = f"its reference passed in {counts[True]} of {counts.total()} runs"
            found("flaky", task_id, tried.flaky[task_id])
    return tried


def _judged(
    policy: JudgingPolicy,
    tasks: dict[str, Task],
    checks: Sequence[Check],
    known: Known,
    workers: Callable[[int], int],
) -> Iterator[tuple[Check, Verdict]]:
    by_name = {check.sample_id: check for check in checks}
    answers = [Answer(check.sample_id, check.task_id, check.completion) for check in checks]
    for verdicts in judge_all(policy, tasks, answers, known=known, workers=workers):
        yield from ((by_name[verdict.sample_id], verdict) for verdict in verdicts)
