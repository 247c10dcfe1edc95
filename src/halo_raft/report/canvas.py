"""The look of all figures: size, style, colours, axes of shares and of cycles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = ("#2563eb", "#d97706", "#059669", "#9333ea", "#dc2626", "#0891b2", "#65a30d", "#be185d")
HEIGHT = 3.6
WIDTH = 6.4
PANEL_WIDTH = 4.2
"""Inches; a figure is this many wide for each of its panels when it has several."""

STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e5e7eb",
    "axes.edgecolor": "#9ca3af",
    "legend.frameon": False,
    "font.size": 10,
    "text.color": "#1f2937",
    "axes.labelcolor": "#1f2937",
}


def line_colour(number: int) -> str:
    """Return the colour of the line, cycle or stage `number`, from 0."""
    return LINES[number % len(LINES)]


def one_panel() -> tuple[Figure, Axes]:
    """Return a figure with one panel."""
    figure, panels = _grid(1, 1)
    return figure, panels[0]


def panel_each(titles: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Return a figure with one panel a title, at most three side by side; a single one has no title."""
    columns = min(len(titles), 3)
    figure, panels = _grid(columns, -(-len(titles) // columns))
    for spare in panels[len(titles) :]:
        spare.remove()
    for title, axes in zip(titles, panels, strict=False):
        if len(titles) > 1:
            axes.set_title(title, fontsize=10)
    return figure, panels[: len(titles)]


def percent_axis(axes: Axes, label: str) -> None:
    """Show the y axis in percent, from 0."""
    from matplotlib.ticker import PercentFormatter

    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)


def cycle_ticks(axes: Axes, last: int) -> None:
    """Label the cycles on the x axis; 0 is the base model."""
    axes.set_xticks(range(last + 1), ["base", *(str(n) for n in range(1, last + 1))])
    axes.set_xlabel("cycle")


def _grid(columns: int, rows: int) -> tuple[Figure, list[Axes]]:
    """Return a figure made without pyplot: nothing is global, and nothing needs a display."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        width = WIDTH if columns == 1 else PANEL_WIDTH * columns
        figure = Figure(figsize=(width, HEIGHT * rows), layout="constrained")
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    return figure, list(panels.flat)
