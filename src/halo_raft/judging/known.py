"""What is known of an answer before it is judged: the verdict of an identical program.

Identical means: the same extracted code, the same tests, the same verifier with the same settings, found in
the same sandbox tier with the same toolchain, packages and code of ours, as the worker that judged reports.
Of a user's own verifier nothing is known, unless its class says by `version` when its verdicts change.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from halo_raft import models
from halo_raft.errors import ConfigError
from halo_raft.extract import language_of
from halo_raft.judging.answer import Answer, Judged
from halo_raft.judging.ledger import Ledger, as_copy
from halo_raft.judging.policy import JudgingPolicy, knows_its_verdicts
from halo_raft.records import Task, Verdict, VerdictKind, stable_hash

NOT_JUDGED_BY = ("task_id",)
"""Fields of a task that no verdict depends on; its solution decides how it is judged."""


def ledger_folder() -> Path | None:
    """Return where verdicts are kept across runs: `HALO_RAFT_LEDGER` (a folder, or `off`), else in the cache."""
    named = os.environ.get("HALO_RAFT_LEDGER")
    if named == "off":
        return None
    return Path(named).absolute() if named else models.cache_dir() / "verdicts"


@dataclasses.dataclass(frozen=True, slots=True)
class Offer:
    """What becomes of answers that were offered; those in neither list wait for the verdict of an identical one.

    Attributes:
        to_judge: Answers that have to be judged, with their keys.
        settled: Verdicts that were known.
    """

    to_judge: list[Answer]
    settled: list[Verdict]


class Keys:
    """What identical programs have in common.

    Args:
        policy: By which answers are judged.
        tasks: Task id -> task.
    """

    def __init__(self, policy: JudgingPolicy, tasks: Mapping[str, Task]) -> None:
        self._verifier = policy.create()
        self._tasks = tasks
        self._task_keys: dict[str, str] = {}
        self.tell = knows_its_verdicts(self._verifier)

    def identified(self, answer: Answer) -> Answer:
        """Return the answer with its key; as it is where it can have none."""
        if answer.key or not self.tell:
            return answer
        try:
            task = self._tasks[answer.task_id]
            code = self._verifier.extract(answer.judged_as(task), task)
        except Exception:  # the same will happen when it is judged, and be said there
            return answer
        text = f"{self._task_key(answer.task_id)}\0{language_of(code, '')}\0{code}"
        return dataclasses.replace(answer, key=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32])

    def _task_key(self, task_id: str) -> str:
        if task_id not in self._task_keys:
            self._task_keys[task_id] = task_key(self._tasks[task_id])
        return self._task_keys[task_id]


class Known:
    """The verdicts that are known, the programs that are being judged, and the answers that wait for them.

    One for all that is judged together: whoever claims a program's verdict has to be the one that learns it.

    Args:
        policy: By which answers are judged.
        tasks: Task id -> task.
        folder: Where verdicts are kept across runs; None knows those of this run alone.
        remember: False knows nothing: each answer is judged by itself.
    """

    def __init__(
        self, policy: JudgingPolicy, tasks: Mapping[str, Task], folder: Path | None, *, remember: bool = True
    ) -> None:
        self._folder = folder
        self._keys = Keys(policy, tasks)
        self._remember = remember and self._keys.tell
        self._ledgers: dict[str, Ledger] = {}
        self._waiting: dict[str, list[Answer]] = defaultdict(list)
        self._claimed: set[str] = set()
        if self._remember:
            try:
                station = policy.station().identity
            except ConfigError:  # this machine may not judge: what may says itself what it is
                return
            self._ledger(station)

    def offer(self, answers: Iterable[Answer], *, share: bool = True, keyed: bool = False) -> Offer:
        """Sort answers into those to be judged, those whose verdict is known, and those that wait for another's.

        Args:
            answers: What is to be judged.
            share: False has everything judged by itself.
            keyed: They have their keys, as far as they can have any.
        """
        offer = Offer([], [])
        answers = list(answers if keyed or not self._remember else map(self._keys.identified, answers))
        verdicts = self._verdicts(answers) if share else {}
        for answer in answers:
            if verdict := verdicts.get(answer.key):
                offer.settled.append(as_copy(verdict, answer.sample_id, answer.task_id))
            elif share and answer.key in self._claimed:
                self._waiting[answer.key].append(answer)
            else:
                offer.to_judge.append(answer)
                if answer.key:
                    self._claimed.add(answer.key)
        return offer

    def learn(self, judged: Iterable[Judged]) -> list[Verdict]:
        """Keep what lasts of new verdicts; return them, and the copies that others waited for."""
        judged = list(judged)
        lasting = [j for j in judged if j.key and self._lasts(j.verdict)]
        for station in {j.station for j in lasting}:
            self._ledger(station).put({j.key: j.verdict for j in lasting if j.station == station})
        copies = [
            as_copy(j.verdict, answer.sample_id, answer.task_id)
            for j in lasting
            for answer in self._waiting.pop(j.key, ())
        ]
        return [j.verdict for j in judged] + copies

    def forget_claims(self) -> None:
        """Let answers be judged whose twin's verdict never came, or does not last."""
        self._claimed.clear()
        self._waiting.clear()

    def _verdicts(self, answers: Iterable[Answer]) -> dict[str, Verdict]:
        """Return what is known by key."""
        found: dict[str, Verdict] = {}
        keys = [answer.key for answer in answers if answer.key]
        for ledger in self._ledgers.values():
            found |= ledger.find([key for key in keys if key not in found])
        return found

    def _lasts(self, verdict: Verdict) -> bool:
        """Return whether an identical program would get the same verdict at any other time."""
        return verdict.kind is not VerdictKind.INFRA and not verdict.starved

    def _ledger(self, station: str) -> Ledger:
        """Return the ledger of what stations like this one find; without an identity, it lasts as long as this."""
        if station not in self._ledgers:
            self._ledgers[station] = Ledger(self._folder, station)
        return self._ledgers[station]


def task_key(task: Task) -> str:
    """Return a hash of all of a task that a verdict depends on."""
    return stable_hash({k: v for k, v in task.to_dict().items() if k not in NOT_JUDGED_BY})
