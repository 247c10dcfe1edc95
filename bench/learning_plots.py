"""The plots of a learning study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Series:
    """A rate by cycle, with its interval; all in [0, 1]. Cycle 0 is the base model."""

    name: str
    cycles: list[int]
    mean: list[float]
    low: list[float]
    high: list[float]


def plot(series: Sequence[Series], label: str, path: Path) -> None:
    """Write a figure with a line and a band for each series."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for one in series:
        (line,) = axes.plot(one.cycles, one.mean, marker="o", label=one.name)
        axes.fill_between(one.cycles, one.low, one.high, alpha=0.15, color=line.get_color())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set(xlabel="cycle (0 is the base model)", ylabel=label, ylim=(0, None))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
