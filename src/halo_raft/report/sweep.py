"""A sweep's folder -> its page: trials in a table, and what became better by which setting.

Read from `study.json`, which a sweep writes after each trial, so that neither its storage nor Optuna has to be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from halo_raft.errors import DataError
from halo_raft.report.canvas import line_colour, one_panel, panel_each
from halo_raft.report.page import png, sweep_page
from halo_raft.report.view import SweepView, TrialView
from halo_raft.store import read_as, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY_FILE = "study.json"


def write_sweep_report(folder: Path, output: Path) -> Path:
    """Write the page of a sweep; return its path.

    Raises:
        DataError: The folder holds no sweep, or the output cannot be written.
    """
    view = read_sweep(folder, output)
    drawn = {name: (f"{name} by trial", history(view, name)) for name in view.objective}
    drawn |= {f"{name}, settings": (f"{name} by setting", slices(view, name)) for name in view.objective}
    images = {name: (title, png(figure)) for name, (title, figure) in drawn.items() if figure is not None}
    page = output / "report.html"
    try:
        output.mkdir(parents=True, exist_ok=True)
        write_atomically(page, sweep_page(view, images))
    except OSError as error:
        raise DataError(f"--output: {output} cannot be written ({error.strerror})") from None
    return page


def read_sweep(folder: Path, output: Path) -> SweepView:
    """Read a sweep's folder.

    Args:
        folder: The folder that `halo-raft sweep` wrote.
        output: Where its page will be, for links to the pages of trials.

    Raises:
        DataError: It holds no sweep, or another version's.
    """

    def view(known: dict[str, Any]) -> SweepView:
        config = folder / "sweep.yaml"
        return SweepView(
            name=known["study"],
            path=str(folder),
            objective=known["objective"],
            dimensions=tuple(known["dimensions"]),
            trials=tuple(_trial(row, folder, output) for row in known["trials"]),
            bests=tuple(known["best"]),
            config=config.read_text(encoding="utf-8") if config.is_file() else "",
        )

    found = read_as(folder / STUDY_FILE, view, mend="run the sweep again, which keeps its trials")
    if found is None:
        raise DataError(f"{folder}: is no sweep's folder (it has no {STUDY_FILE}); give one that `sweep` wrote")
    return found


def _trial(row: Mapping[str, Any], folder: Path, output: Path) -> TrialView:
    page = folder / f"trial_{row['number']}" / "report" / "report.html"
    near = output.absolute().parent == folder.absolute()  # else the link would not last
    return TrialView(
        number=row["number"],
        state=row["state"],
        settings=row["settings"],
        values=row["values"],
        reason=row["reason"],
        tokens=row["tokens"],
        page=f"../trial_{row['number']}/report/report.html" if near and page.is_file() else "",
    )


def history(view: SweepView, objective: str) -> Figure | None:
    """Draw an objective by trial, and the best so far."""
    from matplotlib.ticker import MaxNLocator

    done = [trial for trial in view.trials if objective in trial.values]
    if not done:
        return None
    figure, axes = one_panel()
    numbers, values = [trial.number for trial in done], [trial.values[objective] for trial in done]
    pick = max if view.objective[objective] == "maximize" else min
    axes.plot(numbers, values, "o", color=line_colour(0), markersize=5, label="a trial")
    so_far = [pick(values[: place + 1]) for place in range(len(values))]
    axes.step(numbers, so_far, where="post", color=line_colour(1), label="best so far")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("trial")
    axes.set_ylabel(objective)
    axes.legend()
    return figure


def slices(view: SweepView, objective: str) -> Figure | None:
    """Draw an objective over each setting that was varied."""
    done = [trial for trial in view.trials if objective in trial.values]
    if len(done) < 2 or not view.dimensions:
        return None
    figure, panels = panel_each(list(view.dimensions))
    for key, axes in zip(view.dimensions, panels, strict=True):
        known = [trial for trial in done if trial.settings.get(key) is not None]
        settings = [trial.settings[key] for trial in known]
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in settings):
            settings = [str(value) for value in settings]
        axes.plot(settings, [trial.values[objective] for trial in known], "o", color=line_colour(0), markersize=5)
        axes.set_xlabel(key.rpartition(".")[2])
        axes.set_ylabel(objective)
    return figure
