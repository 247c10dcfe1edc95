"""Many answers in, their verdicts out as they come: over Ray Data, or in this process without it.

Identical programs are judged once; a verification worker that dies loses no answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from halo_raft.errors import HaloRaftError
from halo_raft.judging.answer import Answer, Judged
from halo_raft.judging.failures import collected_messages, log_messages
from halo_raft.judging.known import Known
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.judging.referee import Referee
from halo_raft.judging.workers import broke_off, judge_in_ray
from halo_raft.records import Task, Verdict

log = logging.getLogger(__name__)

PASSES = 3
"""How often answers are looked for that a dying worker or node took with it."""


def judge_all(
    policy: JudgingPolicy,
    tasks: Mapping[str, Task],
    answers: Iterable[Answer],
    *,
    known: Known,
    workers: Callable[[int], int],
    niceness: int = 0,
) -> Iterator[list[Verdict]]:
    """Yield the verdicts of all answers as they come, each answer's once.

    Args:
        policy: By which they are judged.
        tasks: Task id -> task.
        answers: What to judge; their `sample_id`s are unique.
        known: What is known already; learns what comes out.
        workers: Called once, if anything has to be judged, with how many answers: returns the number of
            verification workers, half a CPU each, on a Ray that is up then; 0 judges in this process.
        niceness: How far workers stand back behind other processes.

    Raises:
        ConfigError: The policy does not let a machine judge.
        HaloRaftError: Answers kept getting lost.
    """
    left = {a.sample_id: a for a in answers}
    number: int | None = None
    for share in (True, *[False] * PASSES):  # after the first pass nobody waits for an identical answer
        known.forget_claims()
        offer = known.offer(left.values(), share=share)
        if settled := _taken(offer.settled, left):
            yield settled
        if not left:
            return
        number = workers(len(offer.to_judge)) if number is None else number
        judged = (
            judge_in_ray((policy, tasks), offer.to_judge, number, niceness)
            if number
            else _judge_here(policy, tasks, offer.to_judge)
        )
        try:
            for some in judged:
                if new := _taken(known.learn(some), left):
                    yield new
        except Exception as error:
            if not number or not (why := broke_off(error)):
                raise
            log.warning("%s; others judge what is left", why)
    if left:  # the last pass may have brought them all
        raise HaloRaftError(f"{len(left)} samples kept getting lost on the way to the verifier; see logs/ray.log")


def _taken(verdicts: list[Verdict], left: dict[str, Answer]) -> list[Verdict]:
    """Take answers that have a verdict off the list; a block that Ray did twice brings no second one."""
    return [v for v in verdicts if left.pop(v.sample_id, None)]


def _judge_here(policy: JudgingPolicy, tasks: Mapping[str, Task], answers: Sequence[Answer]) -> Iterator[list[Judged]]:
    referee = Referee(policy, tasks)
    for answer in answers:
        with collected_messages() as messages:
            judged = referee.judge(answer)
        log_messages(messages.take())
        yield [judged]
