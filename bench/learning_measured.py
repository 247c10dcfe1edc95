"""What one arm of a study did with one seed: read from its run folder, and kept in a file that is easy to carry.

Nothing is run here. The file has, task by task, how many samples were drawn and passed, and what each cycle took.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from halo_raft import tasks as task_sources
from halo_raft.evaluate import GREEDY_INDEX, Outcomes, TaskOutcome, pass_at_k, pass_at_k_rate, tally
from halo_raft.programs import normalised_program
from halo_raft.records import CycleStats, Sample, Task, Verdict
from halo_raft.store import RunFolder, read_records, write_atomically
from learning_plan import Plan, stem

FINAL = "final_model"
"""SFT's adapter, which counts as cycle 1."""


@dataclass(frozen=True)
class Result:
    """One model on one task set.

    Attributes:
        outcomes: Samples and passes by task; greedy ones left out.
        unique: Different programs among those that passed, per task.
    """

    outcomes: Outcomes
    unique: float

    def values(self, k: int) -> dict[str, float]:
        """Return pass@k by task, for tasks with at least k samples."""
        return {t.task_id: pass_at_k(t.samples, t.passed, k) for t in self.outcomes.tasks if t.samples >= k}

    @property
    def k(self) -> int:
        """The largest k that most tasks have samples for."""
        return int(np.median([t.samples for t in self.outcomes.tasks]))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"unique": self.unique, "tasks": {t.task_id: [t.samples, t.passed] for t in self.outcomes.tasks}}

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Result:
        """Read what `to_dict` wrote."""
        counts = tuple(TaskOutcome(task_id=t, samples=n, passed=passed) for t, (n, passed) in row["tasks"].items())
        return cls(Outcomes(tasks=counts, infra_samples=0, infra_tasks=0), row["unique"])


@dataclass(frozen=True)
class Tokens:
    """What a model cost.

    Attributes:
        generated: Tokens of the completions drawn to train on, whoever drew them; measuring is left out.
        samples: How many completions.
        trained: Tokens trained on, each as often as it was seen, prompts included.
        seconds: Of generating, judging and training, as far as this run did it itself.
    """

    generated: int = 0
    samples: int = 0
    trained: int = 0
    seconds: float = 0.0

    def __add__(self, other: Tokens) -> Tokens:
        """Return both together."""
        return Tokens(
            self.generated + other.generated,
            self.samples + other.samples,
            self.trained + other.trained,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class Measured:
    """One arm with one seed.

    Attributes:
        after: The arm that it begins from; empty where that is the base model.
        cycles: Statistics, those of what it begins from first.
        tokens: What each cycle's model cost, from the base model on.
        results: Name of a task set in files -> cycle -> result, as far as it was measured.
    """

    arm: str
    seed: int
    cycles: list[CycleStats]
    tokens: list[Tokens]
    results: dict[str, dict[int, Result]]
    after: str = ""

    def on(self, task_set: str) -> dict[int, Result]:
        """Return the results on a task set, by cycle."""
        return self.results[stem(task_set)]

    @property
    def best(self) -> int:
        """The cycle with the best held-out pass@1, as the run itself chose it."""
        return max(range(1, len(self.cycles)), key=self._rank)

    def best_within(self, generated: int) -> int | None:
        """Return the best of the cycles that took no more than so many generated tokens, None where each took more."""
        within = [c for c in range(1, len(self.cycles)) if self.tokens[c].generated <= generated]
        return max(within, key=self._rank, default=None)

    def _rank(self, cycle: int) -> tuple[float, int]:
        return self.cycles[cycle].heldout["pass_at_1"]["mean"], -cycle


@dataclass(frozen=True)
class Files:
    """Where the files of one arm and seed are.

    Attributes:
        plan: What is compared.
        work: Where all runs are.
    """

    plan: Plan
    work: Path
    arm: str
    seed: int

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.work / f"{self.arm}-seed{self.seed}"

    @property
    def is_sft(self) -> bool:
        """Whether it has one adapter in place of cycles."""
        return self.plan.arms[self.arm].kind == "sft"

    def adapter(self, cycle: int) -> Path:
        """Return the adapter of a cycle, from 1."""
        return self.folder / (FINAL if self.is_sft else f"cycle_{cycle}_final")

    def result(self, cycle: int, task_set: str) -> Path:
        """Return the result file of a benchmark; of cycle 0 the base model's, which all arms share."""
        if not cycle:
            return self.work / f"base-seed{self.seed}_{stem(task_set)}.json"
        return self.folder / f"{self.adapter(cycle).name}_{stem(task_set)}.json"

    def heldout(self, cycle: int) -> tuple[Path, Path]:
        """Return samples and verdicts of a cycle on the tasks that are chosen on."""
        if self.is_sft:
            return _beside(self.result(cycle, self.plan.choose))
        run = RunFolder(self.folder)
        return run.samples_path(cycle, "heldout"), run.verdicts_path(cycle, "heldout")


def read_run(files: Files, before: Tokens | None = None, reported: Collection[int] = ()) -> Measured:
    """Read one arm with one seed from its folder.

    Args:
        files: The arm's.
        before: What the adapter cost that it begins from.
        reported: Cycles that were measured on what is reported.
    """
    after = files.plan.arms[files.arm].after or ""
    cycles = _sft_cycles(files) if files.is_sft else RunFolder(files.folder).history()
    chosen_on: dict[int, Result] = {}
    results = {stem(files.plan.choose): chosen_on}
    for number in range(1 if files.is_sft else 0, len(cycles)):
        chosen_on[number] = _result(*files.heldout(number), files.plan.choose)
    for name in files.plan.report:
        results[stem(name)] = {n: _result(*_beside(files.result(n, name)), name) for n in reported}
    if files.is_sft:
        cycles[1].heldout["pass_at_1"] = pass_at_k_rate(chosen_on[1].outcomes, 1).to_dict()
    tokens = list(_tokens(files, cycles, before or Tokens()))
    return Measured(files.arm, files.seed, cycles, tokens, results, after)


def with_result(run: Measured, files: Files, cycle: int, task_set: str) -> Measured:
    """Return the figures of a run with those of one more cycle, 0 for the base model, on a task set."""
    result = _result(*_beside(files.result(cycle, task_set)), task_set)
    return replace(run, results={**run.results, stem(task_set): {**run.on(task_set), cycle: result}})


def write_record(path: Path, key: str, run: Measured) -> None:
    """Keep the figures of a run.

    Args:
        path: File to write.
        key: What they depend on, hashed.
        run: The figures.
    """
    results = {name: {c: result.to_dict() for c, result in by.items()} for name, by in run.results.items()}
    row = {
        "key": key, "arm": run.arm, "seed": run.seed, "after": run.after,
        "cycles": [stats.to_dict() for stats in run.cycles], "tokens": [asdict(t) for t in run.tokens],
        "results": results,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(row) + "\n")


def read_record(path: Path) -> tuple[str, Measured] | None:
    """Return what `write_record` kept, with its key; None where there is nothing."""
    if not path.is_file():
        return None
    row = json.loads(path.read_text(encoding="utf-8"))
    results = {n: {int(c): Result.from_dict(r) for c, r in by.items()} for n, by in row["results"].items()}
    cycles = [CycleStats.from_dict(stats) for stats in row["cycles"]]
    tokens = [Tokens(**spent) for spent in row["tokens"]]
    return row["key"], Measured(row["arm"], row["seed"], cycles, tokens, results, row["after"])


def _tokens(files: Files, cycles: list[CycleStats], spent: Tokens) -> Iterator[Tokens]:
    """Yield what the model of each cycle cost, with what was spent before."""
    for stats in cycles:
        if stats.cycle:
            drawn = [sample.tokens for sample in _drawn(files, stats.cycle)]
            seconds = sum(s for stage, s in stats.seconds.items() if stage != "heldout")
            spent += Tokens(sum(drawn), len(drawn), stats.train_tokens, seconds)
        yield spent


def _drawn(files: Files, cycle: int) -> Iterator[Any]:
    """Yield all samples that a cycle drew to train on, of whatever round."""
    run = RunFolder(files.folder)
    for path in sorted(run.path.glob(f"cycle_{cycle}_*samples.jsonl")):
        stage = path.name.removeprefix(f"cycle_{cycle}_").removesuffix("samples.jsonl").rstrip("_")
        if stage != "heldout" and not stage.startswith("final_"):  # which are measurements
            yield from run.stored(cycle, stage)


def _sft_cycles(files: Files) -> list[CycleStats]:
    """Return statistics of a fine-tuning as those of a cycle."""
    facts = json.loads((files.folder / "sft_statistics.json").read_text(encoding="utf-8"))
    trained = CycleStats(
        cycle=1, arm="sft", kept=facts["rows"], trained=facts["examples"], train_steps=facts["steps"],
        train_tokens=facts["trained_tokens"], train_tokens_per_s=facts["tokens_per_s"],
        seconds={"train": facts["loop_seconds"]},
    )  # fmt: skip
    return [CycleStats(cycle=0), trained]


def _beside(result: Path) -> tuple[Path, Path]:
    """Return samples and verdicts of a benchmark."""
    return result.with_name(f"{result.stem}_samples.jsonl"), result.with_name(f"{result.stem}_verified.jsonl")


def _result(samples_path: Path, verdicts_path: Path, task_set: str) -> Result:
    samples = {s.sample_id: s for s in read_records(samples_path, Sample) if s.index != GREEDY_INDEX}
    verdicts = [v for v in read_records(verdicts_path, Verdict) if v.sample_id in samples]
    tasks: dict[str, Task] = {t.task_id: t for t in task_sources.load(task_set).tasks}
    programs = {
        (v.task_id, normalised_program(samples[v.sample_id].completion, tasks[v.task_id]))
        for v in verdicts
        if v.success
    }
    outcomes = tally(verdicts)
    return Result(outcomes, len(programs) / max(1, len(outcomes.tasks)))
