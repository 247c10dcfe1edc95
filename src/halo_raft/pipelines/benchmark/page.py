"""What the page of a comparison shows: models, contrasts, and completions side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from halo_raft import tasks
from halo_raft.errors import HaloRaftError
from halo_raft.pipelines.benchmark.compare import Comparison, differing_sampling, verdict_text
from halo_raft.pipelines.benchmark.result import BenchmarkResult, Files
from halo_raft.records import PassRate, Sample
from halo_raft.report import Answer, ComparisonView, Contrast, ModelRow, SideBySide
from halo_raft.store import read_records, read_verdicts

MAX_SIDE_BY_SIDE = 24
"""Tasks whose completions are shown side by side: the most changed ones."""


def comparison_view(
    paths: Sequence[Path], results: Sequence[BenchmarkResult], comparisons: Sequence[Comparison], k: int
) -> ComparisonView:
    """Return what the comparison's page shows."""
    changed = [change for c in comparisons for change in (*c.changes.better, *c.changes.worse)]
    changed.sort(key=lambda change: -abs(change.gap))
    shown = list(dict.fromkeys(change.task_id for change in changed))[:MAX_SIDE_BY_SIDE]
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
        side_by_side=tuple(side_by_side(shown, names, paths, results[0].prompts)),
    )


def distinct_names(paths: Sequence[Path], results: Sequence[BenchmarkResult]) -> list[str]:
    """Name each result by its model, with its file where two have the same."""
    names = [result.shown for result in results]
    return [f"{n} ({p.stem})" if names.count(n) > 1 else n for n, p in zip(names, paths, strict=True)]


def side_by_side(shown: Sequence[str], names: Sequence[str], paths: Sequence[Path], prompts: str) -> list[SideBySide]:
    """Return the first completion of each result for each task, with its verdict."""
    try:
        questions = {task.task_id: task.prompt for task in tasks.load(prompts).tasks}
    except HaloRaftError:  # the file has moved since: the completions are worth showing without it
        questions = {}
    answers = [_first_answers(Files.of(path)) for path in paths]
    return [
        SideBySide(
            task_id=task_id,
            prompt=questions.get(task_id, ""),
            answers=tuple(
                (name, found[task_id]) for name, found in zip(names, answers, strict=True) if task_id in found
            ),
        )
        for task_id in shown
    ]


def _first_answers(files: Files) -> dict[str, Answer]:
    """Return one answer a task: the first that passed, else the first."""
    verdicts = read_verdicts(files.verdicts)
    judged = [s for s in read_records(files.samples, Sample) if s.sample_id in verdicts]
    judged.sort(key=lambda s: (not verdicts[s.sample_id].success, s.index))
    found: dict[str, Answer] = {}
    for sample in judged:
        verdict = verdicts[sample.sample_id]
        answer = Answer(sample.completion, str(verdict.kind), verdict.details)
        found.setdefault(sample.task_id, answer)
    return found
