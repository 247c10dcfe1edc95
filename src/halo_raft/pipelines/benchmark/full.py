"""Base model, RAFT run, trained model and report in one command; each part resumes where it stopped.

The output folder holds `base.json`, `raft/` (the run folder), `final.json`, `comparison.json` and
`report/`, and `tasks_train.jsonl` with `tasks_heldout.jsonl` where the tasks had to be split.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from halo_raft import tasks
from halo_raft.config import RaftConfig
from halo_raft.errors import DataError
from halo_raft.pipelines.benchmark import compare
from halo_raft.pipelines.benchmark.measure import benchmark
from halo_raft.pipelines.benchmark.page import comparison_view
from halo_raft.pipelines.benchmark.result import Files
from halo_raft.pipelines.benchmark.settings import discard
from halo_raft.pipelines.benchmark.tracked import RUN_ID, known_run, log_comparison, tracked
from halo_raft.records import Sample
from halo_raft.report.write import write_report
from halo_raft.store import read_records, write_atomically
from halo_raft.terminal import console

HELDOUT_SPLITS = ("heldout", "validation")
"""Splits of a task source that are measured on when its training split is trained on."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a full benchmark are."""

    folder: Path

    @property
    def raft(self) -> Path:
        """The run folder."""
        return self.folder / "raft"

    @property
    def base(self) -> Files:
        """The result before training."""
        return Files.of(self.folder / "base.json")

    @property
    def final(self) -> Files:
        """The result of the best cycle's adapter."""
        return Files.of(self.folder / "final.json")


def full(config: RaftConfig, samples: int, ks: tuple[int, ...], layout: Layout, *, fresh: bool = False) -> int:
    """Measure the base model, train, measure the best adapter, compare, report; return the exit code.

    Args:
        config: The RAFT run, its tasks and its `heldout` tasks, on which both models are measured.
        samples: Samples a task in both measurements, drawn afresh: those that chose the best cycle are not counted.
        ks: The k of pass@k.
        layout: Where everything goes.
        fresh: Discard what is there.

    Raises:
        HaloRaftError: Something a user can mend; nothing that is on disk is lost.
    """
    from halo_raft.pipelines import raft

    if fresh:
        for files in (layout.base, layout.final):
            discard(files.result, files.samples, files.verdicts)
    before = measuring(config, samples, layout.folder)
    console.heading("BASE MODEL: BENCHMARK")
    benchmark(before, ks, layout.base)
    raft.train(config, fresh=fresh)
    best = (layout.raft / "best").resolve()
    console.heading(f"TRAINED MODEL ({best.name}): BENCHMARK")
    _discard_other_adapters(layout.final, best)
    after = before.model_copy(update={"model": config.model.model_copy(update={"checkpoint": best})})
    benchmark(after, ks, layout.final)
    console.heading("COMPARISON")
    paths = (layout.base.result, layout.final.result)
    results, comparisons = compare.compare(paths, 1)
    compare.say(results, comparisons, 1)
    written = layout.folder / "comparison.json"
    with tracked(before.tracking, written, f"compare: {layout.folder.name}", known_run(written)) as run:
        found = compare.as_json(paths, comparisons, 1) | ({RUN_ID: run.run_id} if run else {})
        write_atomically(written, json.dumps(found, indent=2) + "\n")
        view = comparison_view(paths, results, comparisons, 1)
        page = write_report([layout.folder], layout.folder / "report", view)
        if run:
            log_comparison(run.log, paths, results, comparisons, 1, [written, page])
    console.say(f"Wrote {console.shown(page)}")
    return 0


def with_heldout(config: RaftConfig, folder: Path) -> RaftConfig:
    """Return the config with tasks to measure on: a source's own split, or a fifth of the tasks, taken out.

    Raises:
        DataError: There are too few tasks to split.
    """
    if config.tasks.heldout is not None:
        return config
    source, _, split = config.tasks.train.partition(":")
    splits = tasks.REGISTRY.load(source).splits if source in tasks.REGISTRY.names() else {}
    if fitting := next((known for known in HELDOUT_SPLITS if known in splits and known != split), None):
        return _with_tasks(config, {"heldout": f"{source}:{fitting}"})
    train, heldout = tasks.split(
        tasks.load(config.tasks.train, limit=config.tasks.limit), config.tasks.heldout_share or 0.2
    )
    paths = folder / "tasks_train.jsonl", folder / "tasks_heldout.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, part in zip(paths, (train, heldout), strict=True):
            write_atomically(path, "".join(task.to_json() + "\n" for task in part.tasks))
    except OSError as error:
        raise DataError(f"--output: {folder} cannot be written ({error.strerror})") from None
    console.say(
        f"Of {len(train.tasks) + len(heldout.tasks)} tasks, {len(heldout.tasks)} are held out to measure on "
        f"({console.shown(paths[1])}); name others with --heldout"
    )
    changed = {"train": str(paths[0]), "heldout": str(paths[1]), "limit": None}
    verifier = config.verifier.model_copy(update={"name": config.verifier.name or train.verifier})
    return _with_tasks(config, changed).model_copy(update={"verifier": verifier})


def _with_tasks(config: RaftConfig, changed: dict[str, str | None]) -> RaftConfig:
    return config.model_copy(update={"tasks": config.tasks.model_copy(update=changed)})


def measuring(config: RaftConfig, samples: int, folder: Path) -> RaftConfig:
    """Return the settings that both models are measured with: the held-out tasks, sampled as the run samples them."""
    measured = config.tasks.model_copy(
        update={
            "train": config.tasks.heldout,
            "heldout": None,
            "limit": config.tasks.heldout_limit,
            "heldout_limit": None,
        }
    )
    drawn = {"samples_per_prompt": samples, "temperature": config.heldout.temperature}
    update = {"tasks": measured, "sampling": config.sampling.model_copy(update=drawn), "output_dir": folder}
    update["tracking"] = config.tracking.model_copy(update={"run_name": None})  # that is the training's
    return config.model_copy(update=update)


def _discard_other_adapters(files: Files, best: Path) -> None:
    """Drop what was measured of another cycle: more cycles since may have made a better one."""
    if any(sample.adapter != best.name for sample in read_records(files.samples, Sample)):
        console.say(f"Another cycle is the best now; measuring {best.name} instead")
        discard(files.result, files.samples, files.verdicts)
