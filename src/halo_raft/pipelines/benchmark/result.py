"""What a result file holds, and where its samples and verdicts are.

A result is one JSON object; a rate that does not exist (n < k) is null there and NaN here.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from halo_raft import evaluate
from halo_raft.errors import DataError
from halo_raft.evaluate import Outcomes, TaskOutcome
from halo_raft.records import PassRate, Record, VerdictKind
from halo_raft.store import (
    DAMAGES,
    Drawn,
    checked,
    damaged,
    last_verdicts,
    read_as,
    record_of,
    stored_samples,
    write_atomically,
)

SCHEMA_VERSION = 2
"""1 had neither lengths nor versions, and `wall_s` without `timed_samples`."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where a benchmark is kept: the result, and samples and verdicts beside it."""

    result: Path
    samples: Path
    verdicts: Path

    @classmethod
    def of(cls, output: Path) -> Files:
        """Name the files that belong to `output`."""
        beside, stem = output.parent, output.stem
        return cls(output, beside / f"{stem}_samples.jsonl", beside / f"{stem}_verified.jsonl")


class _Counts(TypedDict):
    """What of a task is read back."""

    task_id: str
    samples: int
    passed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkResult(Record):
    """How well one model does on one set of tasks.

    Attributes:
        prompts: Task source or file, as it was named.
        prompts_sha256: Hash of the tasks; results with the same one can be compared.
        pass_at_k: k as text -> unbiased pass@k in [0, 1], mean over tasks; NaN where no task has k samples.
        intervals: k as text -> the same with its 95% interval over tasks and what it was made from.
        pass_rate: Share of the judged samples that passed.
        kinds: Verdicts by kind, infra included.
        infra_samples: Samples that we failed to judge; left out of every rate.
        lengths: `mean`, `median`, `p95`, `max` of the completions' tokens, and `truncated`, a count.
        tokens_per_s: Generated tokens per second, while `timed_samples` were drawn and judged.
        wall_s: Seconds that drawing and judging `timed_samples` took, loading left out.
        timed_samples: Fewer than all of them where a run that was cut off went on.
        tasks: `task_id`, `samples` (judged), `passed`, `kinds` of each task.
        wording: `system_prompt` and `show_tests` of the questions; empty in older results: the usual ones.
        tracking_run_id: Its run in MLflow; None without one.
    """

    model: str
    prompts: str
    prompts_sha256: str
    verifier: str
    samples_per_prompt: int
    sampling: dict[str, Any]
    seed: int
    pass_at_k: dict[str, float]
    intervals: dict[str, dict[str, float]]
    pass_rate: float
    kinds: dict[str, int]
    infra_samples: int
    lengths: dict[str, float]
    tokens_per_s: float
    wall_s: float
    timed_samples: int
    tasks: list[dict[str, Any]]
    versions: dict[str, str]
    device: str
    sandbox_tier: str
    adapter: str | None = None
    wording: dict[str, Any] = field(default_factory=dict)
    tracking_run_id: str | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def outcomes(self) -> Outcomes:
        """The counts per task, as `evaluate` takes them."""
        tasks = [t for t in self.tasks if t["samples"]]
        rows = [TaskOutcome(task_id=t["task_id"], samples=t["samples"], passed=t["passed"]) for t in tasks]
        return Outcomes(tasks=tuple(rows), infra_samples=self.infra_samples, infra_tasks=len(self.tasks) - len(rows))

    @property
    def shown(self) -> str:
        """The model as a short name: the adapter's folder with its parent, or the model."""
        return "/".join(Path(self.adapter).parts[-2:]) if self.adapter else self.model

    def save(self, path: Path) -> None:
        """Write the result as JSON that any reader takes: NaN becomes null."""
        row = self.to_dict() | {"adapter": self.adapter}  # every result has the same keys
        write_atomically(path, json.dumps(_without_nan(row), indent=2, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> BenchmarkResult:
        """Read a result file.

        Raises:
            DataError: It cannot be read, or holds something else.
        """
        if (row := read_as(path, lambda row: row, mend="give a file that `benchmark run` wrote")) is None:
            raise DataError(f"{path}: cannot be read (there is none); give a file that `benchmark run` wrote")
        version = row.get("schema_version") if isinstance(row, dict) else None
        if version != SCHEMA_VERSION:
            found = f"schema_version {version}" if version else "no schema_version"
            raise DataError(
                f"{path}: is no benchmark result of this version ({found}, not {SCHEMA_VERSION}); "
                "run its benchmark command again, which keeps its samples"
            )
        try:
            result = record_of(cls)(_with_nan(row))
            for task in result.tasks:
                checked(_Counts, {name: task[name] for name in ("task_id", "samples", "passed")})
            return result
        except DAMAGES as error:
            raise damaged(path, error, "run its benchmark command again") from None


def rates(outcomes: Outcomes, ks: Sequence[int]) -> dict[str, PassRate]:
    """Return pass@k with its interval by k as text."""
    return {str(k): evaluate.pass_at_k_rate(outcomes, k) for k in ks}


def measured(files: Files, ks: Sequence[int]) -> dict[str, Any]:
    """Return the fields of a result that follow from the samples and verdicts on disk."""
    outcomes = evaluate.tally(last_verdicts(files.verdicts))
    by_k = rates(outcomes, ks)
    kinds: dict[str, Counter[str]] = {}
    tiers: set[str] = set()
    for verdict in last_verdicts(files.verdicts):
        kinds.setdefault(verdict.task_id, Counter())[str(verdict.kind)] += 1
        if verdict.kind is not VerdictKind.INFRA:
            tiers.add(verdict.tier)
    counts = {task.task_id: task for task in outcomes.tasks}
    tasks = [
        {
            "task_id": task_id,
            "samples": counts[task_id].samples if task_id in counts else 0,
            "passed": counts[task_id].passed if task_id in counts else 0,
            "kinds": dict(found),
        }
        for task_id, found in kinds.items()
    ]
    passed = sum(task.passed for task in outcomes.tasks)
    return {
        "pass_at_k": {k: rate.mean for k, rate in by_k.items()},
        "intervals": {k: rate.to_dict() for k, rate in by_k.items()},
        "pass_rate": passed / outcomes.samples if outcomes.samples else math.nan,
        "kinds": dict(sum(kinds.values(), Counter())),
        "infra_samples": outcomes.infra_samples,
        "lengths": lengths(list(stored_samples(files.samples))),
        "tasks": tasks,
        "sandbox_tier": ", ".join(sorted(tiers)),
    }


def lengths(samples: Sequence[Drawn]) -> dict[str, float]:
    """Return how long the completions are, in tokens, and how many were cut off at the limit."""
    if not samples:
        return {}
    sizes = sorted(sample.tokens for sample in samples)
    return {
        "mean": statistics.fmean(sizes),
        "median": statistics.median(sizes),
        "p95": sizes[math.ceil(0.95 * len(sizes)) - 1],
        "max": sizes[-1],
        "truncated": sum(sample.truncated for sample in samples),
    }


def with_timing(timing: dict[str, float], before: Path) -> dict[str, float]:
    """Return the timing of this command; where it drew nothing, what was measured when they were drawn."""
    if timing["timed_samples"] or not before.is_file():
        return timing
    try:
        known = BenchmarkResult.load(before)
    except DataError:
        return timing
    return {name: getattr(known, name) for name in timing}


def _with_nan(row: dict[str, Any]) -> dict[str, Any]:
    """Return what `save` was given: rates that do not exist are null in the file."""

    def numbers(rates: dict[str, Any]) -> dict[str, Any]:
        return {name: math.nan if rate is None else rate for name, rate in rates.items()}

    read = {"pass_at_k": numbers(row["pass_at_k"]), "intervals": {k: numbers(v) for k, v in row["intervals"].items()}}
    return row | numbers({"pass_rate": row["pass_rate"]}) | read


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return [_without_nan(item) for item in value] if isinstance(value, list) else value
