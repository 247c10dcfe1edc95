"""What the page of a comparison shows: models, contrasts, and completions side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from halo_raft import tasks
from halo_raft.errors import HaloRaftError
from halo_raft.pipelines.benchmark.compare import Comparison, differing_sampling, verdict_text
from halo_raft.pipelines.benchmark.result import BenchmarkResult, Files
from halo_raft.records import PassRate, Task
from halo_raft.report import Answers, ComparisonView, Contrast, ModelRow
from halo_raft.report.answers import answers_by_task, side_by_side
from halo_raft.store import read_verdicts, stored_samples


def comparison_view(
    paths: Sequence[Path], results: Sequence[BenchmarkResult], comparisons: Sequence[Comparison], k: int
) -> ComparisonView:
    """Return what the comparison's page shows."""
    names = distinct_names(paths, results)
    return ComparisonView(
        k=k,
        tasks=results[0].prompts,
        note=differing_sampling(results),
        models=tuple(
            ModelRow(
                name=name,
                rates={key: PassRate.from_dict(rate) for key, rate in result.intervals.items()},
                kinds=result.kinds,
                lengths=result.lengths,
                tokens_per_s=result.tokens_per_s,
                wall_s=result.wall_s,
            )
            for name, result in zip(names, results, strict=True)
        ),
        contrasts=tuple(
            Contrast(name=name, difference=c.difference, changes=c.changes, verdict=verdict_text(c.difference))
            for name, c in zip(names[1:], comparisons, strict=True)
        ),
        side_by_side=side_by_side(
            [change for c in comparisons for change in c.changes.tasks],
            _questions(results[0].prompts),
            results[0].wording,
            [_answers(name, Files.of(path)) for name, path in zip(names, paths, strict=True)],
        ),
    )


def distinct_names(paths: Sequence[Path], results: Sequence[BenchmarkResult]) -> list[str]:
    """Name each result by its model, with its file where two have the same."""
    names = [result.shown for result in results]
    return [f"{n} ({p.stem})" if names.count(n) > 1 else n for n, p in zip(names, paths, strict=True)]


def _questions(prompts: str) -> dict[str, Task]:
    try:
        return {task.task_id: task for task in tasks.load(prompts).tasks}
    except HaloRaftError:  # the file has moved since: the completions are worth showing without it
        return {}


def _answers(name: str, files: Files) -> dict[str, Answers]:
    return answers_by_task(name, stored_samples(files.samples), read_verdicts(files.verdicts))
