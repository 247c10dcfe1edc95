"""Run folders -> a folder with one page, and its figures as PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from halo_raft import tasks
from halo_raft.errors import DataError, HaloRaftError
from halo_raft.records import Task
from halo_raft.report.gather import Settings, gather
from halo_raft.report.page import run_page
from halo_raft.report.view import ComparisonView, RunView
from halo_raft.store import read_yaml, write_atomically


def write_report(paths: Sequence[Path], output: Path, comparison: ComparisonView | None = None) -> Path:
    """Write `report.html` and one PNG a figure; return the page's path.

    Args:
        paths: Run folders, or folders of `benchmark full`.
        output: Folder to write, made where it is missing.
        comparison: Of benchmarks before and after, to be shown too.

    Raises:
        DataError: A folder holds no run, or the output cannot be written.
    """
    from halo_raft.report.figures import FIGURES
    from halo_raft.report.page import png

    runs = distinct([read_run(path) for path in paths])
    drawn = {name: (title, draw(runs)) for name, (title, draw) in FIGURES.items()}
    images = {name: (title, png(figure)) for name, (title, figure) in drawn.items() if figure is not None}
    page = output / "report.html"
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, (_, data) in images.items():
            (output / f"{name}.png").write_bytes(data)
        write_atomically(page, run_page(runs, images, comparison))
    except OSError as error:
        raise DataError(f"--output: {output} cannot be written ({error.strerror})") from None
    return page


def read_run(path: Path) -> RunView:
    """Read a run folder, or the one inside a folder of `benchmark full`.

    Raises:
        DataError: There is none.
    """
    inner = path / "raft"
    folder = inner if (inner / "run.json").is_file() and not (path / "run.json").is_file() else path
    training, heldout = tasks_of(folder)
    view = gather(folder, training, heldout=heldout)
    return replace(view, name=path.name) if folder is inner else view


def tasks_of(folder: Path) -> tuple[Mapping[str, Task], Mapping[str, Task]]:
    """Return the training and the held-out tasks of a run as far as they are to be had without the network."""
    try:
        section = read_yaml(folder / "config.yaml", Settings).get("tasks", {})
    except DataError:  # `gather` says what is damaged
        return {}, {}
    training = _loaded(section.get("train"), section.get("tests"))
    for spec in section.get("mix") or ():
        training = {**_loaded(spec, None), **training}
    heldout = section.get("heldout")
    return training, _loaded(heldout, section.get("tests")) if heldout else training  # a share of them was held out


def _loaded(spec: Any, tests: Any) -> Mapping[str, Task]:
    try:
        if spec is None or tasks.describe(str(spec)).downloads:
            return {}
        loaded = tasks.load(str(spec))
        joined = tasks.join_tests(loaded, tasks.load(str(tests))) if tests else loaded
        return {task.task_id: task for task in joined.tasks}
    except (OSError, ValueError, HaloRaftError):
        return {}  # moved or changed since: the report goes without prompts


def distinct(runs: Sequence[RunView]) -> list[RunView]:
    """Give runs of the same name the folder above as well."""
    names = [run.name for run in runs]
    return [
        replace(run, name="/".join(Path(run.path).parts[-2:])) if names.count(run.name) > 1 else run for run in runs
    ]
