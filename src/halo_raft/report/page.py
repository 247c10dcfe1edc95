"""Views -> one self-contained HTML page: images inline, no script, no network."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from halo_raft import __version__
from halo_raft.evaluate import texts
from halo_raft.report import tables
from halo_raft.report.view import ComparisonView, RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


def run_page(
    runs: Sequence[RunView], images: Mapping[str, tuple[str, bytes]], comparison: ComparisonView | None = None
) -> str:
    """Return the page of one run, or of several side by side.

    Args:
        runs: One or more.
        images: File name -> (title, PNG).
        comparison: The benchmark of the model before and after, if it was made.
    """
    title = runs[0].name if len(runs) == 1 else " · ".join(run.name for run in runs)
    pictures = [
        {"name": name, "title": heading, "data": base64.b64encode(data).decode("ascii")}
        for name, (heading, data) in images.items()
    ]
    return _render("run.html.j2", title=title, runs=runs, images=pictures, comparison=comparison)


def comparison_page(view: ComparisonView) -> str:
    """Return the page of a comparison."""
    title = " · ".join(model.name for model in view.models)
    return _render("comparison.html.j2", title=title, comparison=view)


def _render(template: str, **values: Any) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("halo_raft", "report/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"tables": tables, "texts": texts, "version": __version__}
    return environment.get_template(template).render(**values)
