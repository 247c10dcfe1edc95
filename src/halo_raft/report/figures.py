"""Views -> matplotlib figures. One function a question; with several runs, one line or one panel each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from halo_raft.records import PassRate
from halo_raft.report.canvas import MOST_DOTS, cycle_ticks, from_zero, line_colour, marker, one_panel, panel_each
from halo_raft.report.view import CycleView, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREY = "#9ca3af"
FAINT = "#d1d5db"
KIND_COLOURS = {
    "passed": "#059669",
    "wrong": "#f59e0b",
    "runtime": "#dc2626",
    "compile": "#7c3aed",
    "timeout": "#92400e",
    "memory": "#db2777",
    "output_limit": "#64748b",
    "violation": "#111827",
    "infra": "#d1d5db",
}
STAGES = ("sample", "train", "heldout")
"""Stages in the order of a cycle."""
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600}
MOST_NAMED = 6
"""Cycles that have a colour and a name of their own in one panel; the others are grey."""

Band = list[tuple[int, PassRate]]


def pass_rates(runs: Sequence[RunView]) -> Figure | None:
    """Draw the pass rate by cycle with 95% bands: of samples, of prompts solved, and on held-out tasks."""
    figure, axes = one_panel()
    drawn = False
    for number, run in enumerate(runs):
        if len(runs) == 1:
            curves = {
                "held-out pass@1": _band(run.cycles, _heldout_pass_at_1),
                "training samples": _band(run.trained, lambda c: c.passed),
                "training prompts solved": _band(run.trained, lambda c: c.solved),
            }
            for place, (label, band) in enumerate(curves.items()):
                drawn |= _draw_band(axes, band, line_colour(place), label)
        else:
            drawn |= _draw_band(
                axes, _band(run.cycles, _heldout_pass_at_1), line_colour(number), f"{run.name}: held-out"
            )
            trained = _band(run.trained, lambda c: c.passed)
            drawn |= _draw_band(axes, trained, line_colour(number), f"{run.name}: training", dotted=True)
    if not drawn:
        return None
    from_zero([axes], "pass rate", percent=True)
    cycle_ticks(axes, _last_cycle(runs))
    axes.legend()
    return figure


def pass_at_k(runs: Sequence[RunView]) -> Figure | None:
    """Draw pass@k of each cycle over k on the held-out tasks; the base model is dashed."""
    runs = [run for run in runs if any(_curve(cycle) for cycle in run.cycles)]
    if not runs:
        return None
    figure, panels = panel_each([run.name for run in runs])
    for run, axes in zip(runs, panels, strict=True):
        measured = [cycle for cycle in run.cycles if _curve(cycle)]
        for cycle, colour in zip(measured, _colours(measured, run.best), strict=True):
            ks, rates = zip(*_curve(cycle), strict=True)
            is_base = cycle.stats.cycle == 0
            style = "--" if is_base else "-"
            axes.plot(ks, [r.mean for r in rates], style + "o", markersize=4, **_named(cycle, colour, run.best))
            if is_base or cycle.stats.cycle == run.best:
                axes.fill_between(ks, [r.low for r in rates], [r.high for r in rates], color=colour, alpha=0.13, lw=0)
        most = [k for k, _ in max((_curve(cycle) for cycle in measured), key=len)]
        axes.set_xscale("log", base=2)
        axes.set_xticks(most, [str(k) for k in most])
        axes.set_xlabel("k")
        axes.legend()
    from_zero(panels, "held-out pass@k", percent=True)
    return figure


def losses(runs: Sequence[RunView]) -> Figure | None:
    """Draw the loss over optimizer steps: one curve a cycle, or those of supervised fine-tuning."""
    from matplotlib.ticker import MaxNLocator

    runs = [run for run in runs if run.losses or any(cycle.loss for cycle in run.trained)]
    if not runs:
        return None
    figure, panels = panel_each([run.name for run in runs])
    for run, axes in zip(runs, panels, strict=True):
        drawn = [cycle for cycle in run.trained if cycle.loss]
        for cycle, colour in zip(drawn, _colours(drawn, run.best), strict=True):
            steps, values = zip(*cycle.loss, strict=True)
            axes.plot(steps, values, marker="o" if len(steps) == 1 else "", **_named(cycle, colour, run.best))
        for number, (name, curve) in enumerate(run.losses.items()):
            axes.plot(*zip(*curve, strict=True), marker=marker(len(curve)), color=line_colour(number), label=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("optimizer step")
        axes.legend()
    from_zero(panels, "loss per completion token")
    return figure


def rewards(runs: Sequence[RunView]) -> Figure | None:
    """Draw the histogram of training rewards, the first cycle beside the last."""
    runs = [run for run in runs if any(cycle.rewards for cycle in run.trained)]
    if not runs:
        return None
    figure, panels = panel_each([run.name for run in runs])
    for run, axes in zip(runs, panels, strict=True):
        shown = [cycle for cycle in dict.fromkeys((0, len(run.trained) - 1))]
        cycles = [run.trained[place] for place in shown]
        axes.hist(
            [list(cycle.rewards) for cycle in cycles],
            bins=[place / 10 - 0.05 for place in range(12)],
            weights=[[n / sum(cycle.rewards.values()) for n in cycle.rewards.values()] for cycle in cycles],
            color=[line_colour(cycle.stats.cycle - 1) for cycle in cycles],
            label=[f"cycle {cycle.name}" for cycle in cycles],
        )
        axes.set_xlabel("reward")
        axes.legend()
    from_zero(panels, "share of samples", percent=True)
    return figure


def kinds(runs: Sequence[RunView]) -> Figure | None:
    """Draw the kinds of verdicts by cycle, stacked to 100%."""
    runs = [run for run in runs if any(cycle.stats.kinds for cycle in run.trained)]
    if not runs:
        return None
    present = [kind for kind in KIND_COLOURS if any(c.stats.kinds.get(kind) for run in runs for c in run.trained)]
    return _stacked(
        runs,
        {kind: KIND_COLOURS[kind] for kind in present},
        lambda cycle, kind: cycle.stats.kinds.get(kind, 0) / max(sum(cycle.stats.kinds.values()), 1),
        "share of verdicts",
        percent=True,
    )


def kept_per_prompt(runs: Sequence[RunView]) -> Figure | None:
    """Draw how many samples were kept of how many prompts, by cycle; of many cycles a few."""
    from matplotlib.ticker import MaxNLocator

    runs = [run for run in runs if any(cycle.kept for cycle in run.trained)]
    if not runs:
        return None
    figure, panels = panel_each([run.name for run in runs])
    most = max(max(cycle.kept, default=0) for run in runs for cycle in run.trained)
    for run, axes in zip(runs, panels, strict=True):
        cycles = _shown([cycle for cycle in run.trained if cycle.kept], run.best)
        axes.hist(
            [list(cycle.kept) for cycle in cycles],
            weights=[list(cycle.kept.values()) for cycle in cycles],
            bins=[place + 0.5 for place in range(most + 1)],
            color=[line_colour(number) for number in range(len(cycles))],
            label=[f"cycle {cycle.name}" for cycle in cycles],
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlim(0.5, most + 0.5)
        axes.set_xlabel("samples kept of a prompt")
        axes.legend()
    from_zero(panels, "prompts", whole=True)
    return figure


def unique_ratios(runs: Sequence[RunView]) -> Figure | None:
    """Draw the share of distinct programs among the samples that passed, by cycle: falls as a model narrows."""
    figure, axes = one_panel()
    drawn = False
    for number, run in enumerate(runs):
        points = [(c.stats.cycle, c.unique_ratio) for c in run.trained if c.unique_ratio is not None]
        if points:
            cycles, ratios = zip(*points, strict=True)
            axes.plot(cycles, ratios, marker=marker(len(cycles)), color=line_colour(number), label=run.name)
            drawn = True
    if not drawn:
        return None
    from_zero([axes], "distinct programs per passed sample", percent=True)
    cycle_ticks(axes, _last_cycle(runs))
    if len(runs) > 1:
        axes.legend()
    return figure


def seconds(runs: Sequence[RunView]) -> Figure | None:
    """Draw the wall time of each stage by cycle, stacked, in seconds, minutes or hours."""
    runs = [run for run in runs if any(cycle.stats.seconds for cycle in run.cycles)]
    if not runs:
        return None
    stages = list(dict.fromkeys(stage for run in runs for cycle in run.cycles for stage in cycle.stats.seconds))
    stages.sort(key=lambda stage: STAGES.index(stage) if stage in STAGES else len(STAGES))
    colours = {stage: line_colour(number) for number, stage in enumerate(stages)}
    longest = max(sum(cycle.stats.seconds.values()) for run in runs for cycle in run.cycles)
    unit, size = next((name, size) for name, size in UNITS.items() if longest < 180 * size or size == 3600)
    return _stacked(runs, colours, lambda cycle, stage: cycle.stats.seconds.get(stage, 0) / size, unit, base=True)


FIGURES: dict[str, tuple[str, Callable[[Sequence[RunView]], Figure | None]]] = {
    "pass_rate": ("Pass rate by cycle", pass_rates),
    "pass_at_k": ("Held-out pass@k against the base", pass_at_k),
    "loss": ("Training loss", losses),
    "rewards": ("Rewards of the training samples", rewards),
    "kinds": ("Kinds of verdicts", kinds),
    "kept_per_prompt": ("Kept per prompt", kept_per_prompt),
    "unique_ratio": ("Unique solutions", unique_ratios),
    "seconds": ("Time by stage", seconds),
}
"""File name -> (title, drawing function); a function returns None where there is nothing to draw."""


def _last_cycle(runs: Sequence[RunView]) -> int:
    return max((cycle.stats.cycle for run in runs for cycle in run.cycles), default=0)


def _band(cycles: Sequence[CycleView], rate: Callable[[CycleView], PassRate | None]) -> Band:
    pairs = [(cycle.stats.cycle, rate(cycle)) for cycle in cycles]
    return [(cycle, found) for cycle, found in pairs if found is not None]


def _draw_band(axes: Axes, band: Band, colour: str, label: str, *, dotted: bool = False) -> bool:
    """Draw a line with its interval; return whether there was anything to draw."""
    if not band:
        return False
    cycles, rates = [cycle for cycle, _ in band], [rate for _, rate in band]
    style = (":" if dotted else "-") + marker(len(cycles))
    axes.plot(cycles, [r.mean for r in rates], style, color=colour, markersize=4, label=label)
    axes.fill_between(cycles, [r.low for r in rates], [r.high for r in rates], color=colour, alpha=0.13, lw=0)
    return True


def _shown(cycles: Sequence[CycleView], best: int | None) -> list[CycleView]:
    """Return the cycles to name: the first, the best, the last, and some between."""
    if len(cycles) <= MOST_NAMED:
        return list(cycles)
    last, wanted = len(cycles) - 1, {place for place, c in enumerate(cycles) if c.stats.cycle == best}
    wanted |= {round(place * last / (MOST_NAMED - 2)) for place in range(MOST_NAMED - 1)}
    return [cycles[place] for place in sorted(wanted)]


def _colours(cycles: Sequence[CycleView], best: int | None) -> list[str]:
    """Return a colour for each cycle: its own where it is named, else a light grey; the base model's is grey."""
    named = [cycle.stats.cycle for cycle in _shown(cycles, best) if cycle.stats.cycle]
    own = {number: line_colour(place) for place, number in enumerate(named)} | {0: GREY}
    return [own.get(cycle.stats.cycle, FAINT) for cycle in cycles]


def _named(cycle: CycleView, colour: str, best: int | None) -> dict[str, Any]:
    """Return colour, label and depth of a cycle's line; faint ones are behind, and have no label."""
    if colour == FAINT:
        return {"color": colour, "lw": 0.8, "zorder": 1}
    name = "base model" if cycle.stats.cycle == 0 else f"cycle {cycle.name}"
    return {"color": colour, "label": name + (" (best)" if best and cycle.stats.cycle == best else "")}


def _heldout_pass_at_1(cycle: CycleView) -> PassRate | None:
    return cycle.heldout.get("pass_at_1") or cycle.heldout.get("greedy")


def _curve(cycle: CycleView) -> list[tuple[int, PassRate]]:
    """Return (k, pass@k) in order of k."""
    named = {name.removeprefix("pass_at_"): rate for name, rate in cycle.heldout.items()}
    return sorted((int(k), rate) for k, rate in named.items() if k.isdigit())


def _stacked(
    runs: Sequence[RunView],
    colours: dict[str, str],
    value: Callable[[CycleView, str], float],
    label: str,
    *,
    percent: bool = False,
    base: bool = False,
) -> Figure:
    """Draw stacked bars, one a cycle; the legend is in the order of the stack."""
    figure, panels = panel_each([run.name for run in runs])
    for run, axes in zip(runs, panels, strict=True):
        cycles = run.cycles if base else run.trained
        numbers, bottom = [cycle.stats.cycle for cycle in cycles], [0.0] * len(cycles)
        for part, colour in colours.items():
            heights = [value(cycle, part) for cycle in cycles]
            width = 0.6 if len(cycles) <= MOST_DOTS else 1.0
            axes.bar(numbers, heights, bottom=bottom, color=colour, label=part, width=width)
            bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
        axes.grid(axis="x", visible=False)
        cycle_ticks(axes, max(numbers))
        axes.set_xlim(min(numbers) - 0.6, max(numbers) + 0.6)
    from_zero(panels, label, percent=percent)
    panels[-1].legend(loc="upper left", bbox_to_anchor=(1, 1), reverse=True)
    return figure
