"""Results and comparisons in MLflow: each a run of its own, with its samples."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from halo_raft import __version__, tracking
from halo_raft.config.schema import TrackingConfig
from halo_raft.evaluate import difference_text, odds_text, pass_at_k_rate, rate_text
from halo_raft.pipelines.benchmark.compare import Comparison, verdict_text
from halo_raft.pipelines.benchmark.page import distinct_names
from halo_raft.pipelines.benchmark.result import BenchmarkResult, Files
from halo_raft.records import PassRate, Verdict
from halo_raft.store import last_verdicts, read_records, stored_samples
from halo_raft.tracking import Tracker
from halo_raft.tracking.provenance import NOTE_TAG

RUN_ID = "tracking_run_id"
"""Key of a result's and a comparison's JSON: its run."""

MOST_ROWS = 500
"""Samples in the table that MLflow's pages show; all of them are in the files beside it."""


_NO_NAME = re.compile(r"[^A-Za-z0-9.]+")


class Tracked(NamedTuple):
    """An open run in MLflow, and its id."""

    log: Tracker
    run_id: str


@contextmanager
def tracked(config: TrackingConfig, output: Path, name: str, known: str | None) -> Iterator[Tracked | None]:
    """Open the run of a measurement, the one of an earlier try again; without MLflow there is none.

    Args:
        config: The `tracking:` section.
        output: The JSON file that is written.
        name: Of the run, where the settings have none.
        known: Id of the run of an earlier try.

    Raises:
        ConfigError: MLflow cannot be used.
    """
    if not config.mlflow:
        yield None
        return
    tracker = tracking.create(config, output.with_name(f".{output.stem}"))
    tags = {"halo_raft.version": __version__, "halo_raft.kind": "benchmark", NOTE_TAG: "A measurement, begun."}
    run_id = tracker.start(config.run_name or name, {}, tags, run_id=known)
    try:
        yield Tracked(tracker, run_id)
    except BaseException as error:
        tracker.finish(tracking.status_after(error))
        raise
    tracker.finish()


def known_run(output: Path) -> str | None:
    """Return the run of the result or comparison that is there, None without one."""
    try:
        known = json.loads(output.read_text(encoding="utf-8")).get(RUN_ID)
    except (OSError, ValueError, AttributeError):
        return None
    return known if isinstance(known, str) else None


def log_result(tracker: Tracker, result: BenchmarkResult, files: Files) -> None:
    """Log a result with its samples and verdicts."""
    rates = {k: PassRate.from_dict(rate) for k, rate in result.intervals.items()}
    tracker.log_params(
        {
            "model": {"name": result.model, "checkpoint": result.adapter},
            "tasks": {"prompts": result.prompts, "verifier": result.verifier},
            "sampling": {"samples_per_prompt": result.samples_per_prompt, **result.sampling},
            "seed": result.seed,
        }
    )
    tracker.log_metrics(
        {
            **{f"heldout/pass_at_{k}": rate.mean for k, rate in rates.items()},
            "tokens_per_s": result.tokens_per_s,
            "seconds/benchmark": result.wall_s,
            **{f"verdicts/{kind}": float(count) for kind, count in result.kinds.items()},
        },
        0,
    )
    shown = {f"pass_at_{k}": rate_text(rate) for k, rate in rates.items()}
    lines = [f"- **{name.replace('pass_at_', 'pass@')}**: {text}" for name, text in shown.items()]
    note = f"Benchmark of `{result.shown}` on {result.prompts}: {len(result.tasks):,} tasks."
    tracker.set_tags({**shown, NOTE_TAG: "\n".join([note, "", *lines])})
    tracker.log_dataset(result.prompts, result.prompts, result.prompts_sha256, "benchmark", rows=len(result.tasks))
    tracker.log_table(sample_rows(files), "samples.json")
    for path in (files.result, files.samples, files.verdicts):
        tracker.log_artifact(path)


def sample_rows(files: Files) -> list[dict[str, str]]:
    """Return completions with their verdicts as rows of a table, the first sample of each task before the second."""
    judged = {verdict.sample_id for verdict in read_records(files.verdicts, Verdict)}
    drawn = (sample for sample in stored_samples(files.samples) if sample.sample_id in judged)
    shown = heapq.nsmallest(MOST_ROWS, drawn, key=lambda sample: sample.index)
    ids = {sample.sample_id for sample in shown}
    verdicts = {v.sample_id: v for v in last_verdicts(files.verdicts) if v.sample_id in ids}
    return [
        {
            "task_id": sample.task_id,
            "verdict": str(verdicts[sample.sample_id].kind),
            "completion": sample.completion,
            "details": verdicts[sample.sample_id].details,
        }
        for sample in shown
    ]


def log_comparison(
    tracker: Tracker,
    paths: Sequence[Path],
    results: Sequence[BenchmarkResult],
    comparisons: Sequence[Comparison],
    k: int,
    written: Sequence[Path],
) -> None:
    """Log a comparison: differences, changed tasks, the page, and the results' samples."""
    names = distinct_names(paths, results)
    base, last = (rate_text(pass_at_k_rate(result.outcomes, k)) for result in (results[0], results[-1]))
    lines = [
        f"- **{name}**: {difference_text(c.difference)}, {odds_text(c.difference)}. {verdict_text(c.difference)}"
        for name, c in zip(names[1:], comparisons, strict=True)
    ]
    note = f"pass@{k} on {results[0].prompts}, against `{names[0]}`:"
    tracker.log_params({"model": {"name": names[-1]}, "base": names[0], "k": k})
    plain = [_NO_NAME.sub("-", name) for name in names]  # what MLflow takes in names of metrics and files
    tracker.log_metrics({f"difference/{n}": c.difference.mean for n, c in zip(plain[1:], comparisons, strict=True)}, 0)
    tags: dict[str, Any] = {"pass_at_1_base": base, "pass_at_1": last} if k == 1 else {}
    gain = comparisons[-1].difference
    tags[f"pass_at_{k}_gain"] = f"{difference_text(gain)}, {odds_text(gain)}"
    tracker.set_tags({**tags, NOTE_TAG: "\n".join([note, "", *lines])})
    tracker.log_table([row for c in comparisons for row in _changed_rows(c)], "changed_tasks.json")
    for name, path in zip(plain, paths, strict=True):
        tracker.log_table(sample_rows(Files.of(path)), f"samples/{name}.json")
    for path in written:
        tracker.log_artifact(path)


def _changed_rows(comparison: Comparison) -> list[Mapping[str, Any]]:
    return [
        {
            "task_id": change.task_id,
            "candidate": comparison.candidate.shown,
            "became": change.became,
            "passed_before": f"{change.base.passed}/{change.base.samples}",
            "passed_after": f"{change.candidate.passed}/{change.candidate.samples}",
        }
        for change in comparison.changes.tasks
        if change.gap
    ]
