"""Compare results task by task: is the difference real, and which tasks make it?

The first result is the base that the others are compared with. Results of different tasks, verifiers
or too few samples are refused; different sampling is allowed and said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from halo_raft import evaluate
from halo_raft.errors import DataError
from halo_raft.evaluate import Changes, Difference, TaskChange
from halo_raft.pipelines.benchmark.result import BenchmarkResult
from halo_raft.records import PassRate
from halo_raft.terminal import console


@dataclass(frozen=True, slots=True)
class Comparison:
    """One candidate against the base."""

    candidate: BenchmarkResult
    difference: Difference
    changes: Changes


def compare(paths: Sequence[Path], k: int) -> tuple[list[BenchmarkResult], list[Comparison]]:
    """Load results and compare each with the first.

    Raises:
        DataError: They cannot be compared.
    """
    results = [BenchmarkResult.load(path) for path in paths]
    for path, result in zip(paths[1:], results[1:], strict=True):
        refuse_unlike(paths[0], results[0], path, result)
    for path, result in zip(paths, results, strict=True):
        if result.samples_per_prompt < k:
            raise DataError(f"{path}: has {result.samples_per_prompt} samples a task, which gives no pass@{k}")
    base = results[0].outcomes
    return results, [
        Comparison(r, evaluate.compare(base, r.outcomes, k=k), evaluate.changes(base, r.outcomes)) for r in results[1:]
    ]


def refuse_unlike(base_path: Path, base: BenchmarkResult, path: Path, other: BenchmarkResult) -> None:
    """Check that two results measure the same thing.

    Raises:
        DataError: Other tasks, or another verifier.
    """
    if base.prompts_sha256 != other.prompts_sha256:
        raise DataError(
            f"{base_path} and {path}: measure different tasks ({base.prompts}: {len(base.tasks)}, "
            f"{other.prompts}: {len(other.tasks)}); run both with the same --prompts and --limit"
        )
    if base.verifier != other.verifier:
        raise DataError(f"{base_path} and {path}: judged by different verifiers ({base.verifier}, {other.verifier})")


def differing_sampling(results: Sequence[BenchmarkResult]) -> str:
    """Say in which sampling settings results differ; an empty string where in none."""
    rows = [{**result.sampling, "samples": result.samples_per_prompt} for result in results]
    names = [name for name in rows[0] if len({json.dumps(row.get(name)) for row in rows}) > 1]
    return ", ".join(f"{name} {' / '.join(json.dumps(row.get(name)) for row in rows)}" for name in names)


def say(results: Sequence[BenchmarkResult], comparisons: Sequence[Comparison], k: int) -> None:
    """Print the comparison."""
    if found := differing_sampling(results):
        console.say(f"Note: sampled differently ({found})")
    base = results[0]
    console.say(f"{base.shown} (base): {rate_text(evaluate.pass_at_k_rate(base.outcomes, k), k)}")
    for comparison in comparisons:
        difference, changed = comparison.difference, comparison.changes
        console.say(
            f"{comparison.candidate.shown}: {rate_text(evaluate.pass_at_k_rate(comparison.candidate.outcomes, k), k)}"
        )
        console.say(f"  {difference_text(difference)}")
        console.say(f"  {verdict_text(difference)}")
        console.say(f"  gained ({len(changed.gained)}): {_names(changed.gained)}")
        console.say(f"  lost ({len(changed.lost)}): {_names(changed.lost)}")
        console.say(f"  {len(changed.better)} tasks better, {len(changed.worse)} worse, {changed.same} the same")


def rate_text(rate: PassRate, k: int) -> str:
    """Return `pass@1 34.2% [30.1, 38.0] (120 tasks)`."""
    if math.isnan(rate.mean):
        return f"pass@{k} does not exist"
    return f"pass@{k} {evaluate.rate_text(rate)} ({rate.tasks} tasks)"


def difference_text(difference: Difference) -> str:
    """Return the paired difference with its interval and p-value as text."""
    return f"difference {evaluate.difference_text(difference)}, {evaluate.p_text(difference)}"


def verdict_text(difference: Difference) -> str:
    """Say in words whether the difference is one."""
    if math.isnan(difference.p_value):
        return "Too few tasks to compare."
    if not difference.is_real:
        return "No difference can be told from chance."
    return f"A real {'gain' if difference.mean > 0 else 'loss'}: chance alone rarely makes one this large."


def _names(changed: Sequence[TaskChange], limit: int = 12) -> str:
    names = [
        f"{c.task_id} {c.base.passed}/{c.base.samples} → {c.candidate.passed}/{c.candidate.samples}" for c in changed
    ]
    more = f", and {len(names) - limit} more (in the files)" if len(names) > limit else ""
    return (", ".join(names[:limit]) + more) or "none"


def as_json(paths: Sequence[Path], comparisons: Sequence[Comparison], k: int) -> dict[str, Any]:
    """Return the comparison as it is written to disk; every changed task by name."""

    def listed(changed: Sequence[TaskChange]) -> list[dict[str, Any]]:
        return [{"task_id": c.task_id, "base": c.base.pass_rate, "candidate": c.candidate.pass_rate} for c in changed]

    def number(value: Any) -> Any:
        return None if isinstance(value, float) and math.isnan(value) else value

    return {
        "schema_version": 1,
        "k": k,
        "base": str(paths[0]),
        "comparisons": [
            {
                "candidate": str(path),
                **{name: number(value) for name, value in asdict(comparison.difference).items()},
                "real": comparison.difference.is_real,
                "gained": listed(comparison.changes.gained),
                "lost": listed(comparison.changes.lost),
                "better": listed(comparison.changes.better),
                "worse": listed(comparison.changes.worse),
                "same": comparison.changes.same,
            }
            for path, comparison in zip(paths[1:], comparisons, strict=True)
        ],
    }
