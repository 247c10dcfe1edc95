"""Views -> one self-contained HTML page: images inline, no network, and no script but our own.

What a model wrote is escaped. Were that ever forgotten, the page's own policy would still let nothing run but the one
script whose hash it names, and let nothing be asked for or sent.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from halo_raft import __version__
from halo_raft.evaluate import texts
from halo_raft.report import tables
from halo_raft.report.canvas import WIDTH
from halo_raft.report.view import ComparisonView, RunView, SweepView

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
    return _render("run.html.j2", title=title, runs=runs, images=_inline(images), comparison=comparison)


def comparison_page(view: ComparisonView) -> str:
    """Return the page of a comparison."""
    title = " · ".join(model.name for model in view.models)
    return _render("comparison.html.j2", title=title, comparison=view)


def sweep_page(view: SweepView, images: Mapping[str, tuple[str, bytes]]) -> str:
    """Return the page of a sweep; `images` as in `run_page`."""
    return _render("sweep.html.j2", title=view.name, sweep=view, images=_inline(images))


def _inline(images: Mapping[str, tuple[str, bytes]]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "title": heading,
            "data": base64.b64encode(data).decode("ascii"),
            "is_wide": int.from_bytes(data[16:20], "big") > WIDTH * DPI,  # where a PNG says so
        }
        for name, (heading, data) in images.items()
    ]


def _render(template: str, **values: Any) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("halo_raft", "report/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = environment.get_template("page.js.j2").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals |= {"tables": tables, "texts": texts, "version": __version__}
    environment.globals |= {"script": Markup(script), "script_hash": f"sha256-{digest}"}
    return environment.get_template(template).render(**values)
