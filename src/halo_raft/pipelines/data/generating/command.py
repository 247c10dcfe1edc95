"""The loop of `data generate`: ask, judge, write; what was asked is on disk, so that a run which was killed goes on."""

from __future__ import annotations

import argparse
import dataclasses
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from halo_raft import tasks
from halo_raft.errors import DataError, UsageError, VerificationError
from halo_raft.extract import canonical
from halo_raft.pipelines.data.generating.asking import Attempt, Generated, Refused
from halo_raft.pipelines.data.generating.backends import LOCAL, SERVICES, Answered, Backend, backend_of
from halo_raft.pipelines.data.generating.judge import Judge
from halo_raft.pipelines.data.generating.topics import TOPICS, Topic, topic_of
from halo_raft.record import Record
from halo_raft.store import JsonlWriter, read_records
from halo_raft.tasks.likeness import Measured
from halo_raft.terminal import console
from halo_raft.terminal.progress import counted

BACKENDS = (*SERVICES, LOCAL)
LEAST_ATTEMPTS, ATTEMPTS_A_TASK = 40, 10
"""A model that is asked so often, in all and for each task that is wanted, is given up."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Record):
    """What came of one request, beside the output so that no request is paid for twice.

    Attributes:
        outcome: `kept`, `refused` (no task in the answer), `unsound`, or `no answer`.
        reason: Why it was not kept.
    """

    attempt: int
    outcome: str
    reason: str
    tokens_in: int
    tokens_out: int


def run(arguments: argparse.Namespace) -> int:
    """Generate until enough sound tasks are written, or list the topics."""
    if arguments.list:
        for topic in TOPICS.values():
            console.say(
                f"{topic.name:<18} {topic.language:<7} {', '.join(topic.levels)}: {', '.join(topic.categories)}"
            )
        return 0
    if not (arguments.topic or arguments.topic_file) or not arguments.backend or not arguments.output:
        raise UsageError("data generate needs --topic (or --topic-file), --backend and --output, or --list")
    if arguments.count < 1:
        raise UsageError("--count must be at least 1")
    topic = topic_of(arguments.topic, arguments.topic_file)
    if arguments.language:
        topic = dataclasses.replace(topic, language=canonical(arguments.language))
    run = _Run(arguments, topic)
    if run.missing:
        backend = backend_of(arguments.backend, arguments.model, arguments.base_url)
        with run.engine_aside() if arguments.backend == LOCAL else nullcontext():
            run.go_on(backend)
    return run.end()


class _Run:
    """One output file, what was asked for it so far, and what is missing."""

    def __init__(self, arguments: argparse.Namespace, topic: Topic) -> None:
        self._topic, self._arguments = topic, arguments
        self.output: Path = arguments.output
        self._journal = self.output.with_name(f".{self.output.name}-asked")
        self.kept = list(read_records(self.output, Generated))
        if foreign := next((made for made in self.kept if made.topic != topic.name), None):
            raise DataError(f"--output: {self.output} holds tasks of topic {foreign.topic}; name another file")
        self.outcomes = {outcome.attempt: outcome for outcome in read_records(self._journal, Outcome)}
        public = ["humaneval", *arguments.against]
        self._measured = [Measured(spec, tasks.load(spec).tasks) for spec in public]
        if self.kept or self.outcomes:
            console.say(f"Going on: {len(self.kept)} tasks are written, {len(self.outcomes)} requests were answered")

    @contextmanager
    def engine_aside(self) -> Iterator[None]:
        """Keep what an engine in this process writes in a file beside the output; it is gone unless something fails."""
        path = self.output.with_name(f".{self.output.name}-engine.log")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with console.others_in(path):
                yield
        except Exception:
            console.say(f"What the engine wrote is in {path}")
            raise
        path.unlink()

    @property
    def missing(self) -> int:
        """Tasks that are still to be written."""
        return max(0, self._arguments.count - len(self.kept))

    @property
    def _most(self) -> int:
        return max(LEAST_ATTEMPTS, ATTEMPTS_A_TASK * self._arguments.count)

    def go_on(self, backend: Backend) -> None:
        """Ask in rounds, judge each answer as it comes, and write what is sound; each fruitless round doubles."""
        judge = Judge((made.task for made in self.kept), self._measured, self._topic.language)
        console.say(f"Asking {backend.model} for {self.missing} tasks of {self._topic.name}")
        with (
            JsonlWriter(self.output) as written,
            JsonlWriter(self._journal) as journal,
            counted(self._arguments.count, "tasks kept") as advance,
        ):
            advance(len(self.kept))
            fruitless = 0
            while self.missing and (
                round_ := list(self._next(min(backend.batch, backend.a_task * self.missing << fruitless)))
            ):
                fruitless = min(fruitless + 1, 8)
                for answered in backend.answers(round_):
                    outcome, made = self._outcome(answered, judge, backend.model)
                    if made:
                        written.append([made])
                        self.kept.append(made)
                        advance(1)
                        fruitless = 0
                    journal.append([outcome])
                    self.outcomes[outcome.attempt] = outcome
                    self._say(outcome)
                    if not self.missing:
                        break

    def _next(self, most: int) -> Iterator[Attempt]:
        """Yield the attempts of one round, those that were never answered."""
        known = self.outcomes.keys() | {made.attempt for made in self.kept}
        left = (number for number in range(self._most) if number not in known)
        for _, number in zip(range(most), left, strict=False):
            yield Attempt(number, self._topic, self._arguments.level, self._arguments.seed)

    def _outcome(self, answered: Answered, judge: Judge, model: str) -> tuple[Outcome, Generated | None]:
        made, outcome, reason = None, "no answer", answered.reason
        if answered.text is not None:
            try:
                made = answered.attempt.read(answered.text, model)
            except Refused as refused:
                outcome, reason = "refused", str(refused)
        if made:
            reason = judge.objection(made) or ""
            outcome = "unsound" if reason else "kept"
        tokens = {"tokens_in": answered.tokens_in, "tokens_out": answered.tokens_out}
        found = Outcome(attempt=answered.attempt.number, outcome=outcome, reason=reason, **tokens)
        return found, made if outcome == "kept" else None

    def _say(self, outcome: Outcome) -> None:
        why = f": {outcome.reason}" if outcome.reason else ""
        console.say(f"  {len(self.kept)}/{self._arguments.count} request {outcome.attempt} {outcome.outcome}{why}")

    def end(self) -> int:
        """Say what came out.

        Raises:
            VerificationError: Not one task is sound.
        """
        counts = Counter(outcome.outcome for outcome in self.outcomes.values())
        tokens = [sum(getattr(o, name) for o in self.outcomes.values()) for name in ("tokens_in", "tokens_out")]
        cost = ""
        if self._arguments.price:
            paid = sum(number * price / 1e6 for number, price in zip(tokens, self._arguments.price, strict=True))
            cost = f", {paid:.4f} at the prices given"
        console.say(f"{len(self.outcomes)} requests: {', '.join(f'{n} {name}' for name, n in counts.most_common())}; "
                    f"{tokens[0]} tokens in, {tokens[1]} out{cost}")  # fmt: skip
        if not self.kept:
            raise VerificationError(
                f"{self.output}: of {len(self.outcomes)} answers not one is a sound task; try a stronger model or "
                "another topic"
            )
        console.say(f"Wrote {len(self.kept)} tasks to {self.output}")
        if self.missing:
            console.say(f"  {self.missing} are missing: after {self._most} requests the model is given up")
        console.say(f"Next: halo-raft data validate {self.output}")
        return 0
