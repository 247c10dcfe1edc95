"""The look of all figures: size, style, colours, axes of shares, counts and cycles."""

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
MOST_DOTS = 30
"""Points of a line that are still marked one by one."""

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


def from_zero(panels: Sequence[Axes], label: str, *, percent: bool = False, whole: bool = False) -> None:
    """Let the y axes of panels begin at 0; called once all are drawn, for a limit that is set ends their growth.

    Args:
        panels: All panels of a figure, which share the axis.
        label: What the axis shows, with its unit.
        percent: Show shares as percent.
        whole: Show whole numbers alone, for counts.
    """
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    for axes in panels:
        axes.set_ylabel(label)
        if percent:
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        if whole:
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].set_ylim(bottom=0)


def cycle_ticks(axes: Axes, last: int) -> None:
    """Label at most a dozen cycles on the x axis; 0 is the base model."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, last) if last <= 12 * step)
    numbers = range(0, last + 1, step)
    axes.set_xticks(numbers, [str(n) if n else "base" for n in numbers])
    axes.set_xlabel("cycle")


def marker(points: int) -> str:
    """Return a dot for each of a few points, nothing for many."""
    return "o" if points <= MOST_DOTS else ""


def _grid(columns: int, rows: int) -> tuple[Figure, list[Axes]]:
    """Return a figure made without pyplot: nothing is global, and nothing needs a display."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        width = WIDTH if columns == 1 else PANEL_WIDTH * columns
        figure = Figure(figsize=(width, HEIGHT * rows), layout="constrained")
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    return figure, list(panels.flat)
