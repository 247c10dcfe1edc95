"""Views -> rows of text: the main table of a run, for pages, model cards and MLflow alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from halo_raft.evaluate import Difference, compare, difference_text, odds_text, rate_text
from halo_raft.records import CycleStats, PassRate
from halo_raft.report.view import RunView, SideBySide

Row = dict[str, str]

MOST_LISTED = 500
"""Tasks that a table of changes has, the most changed ones."""


def main_table(history: Sequence[CycleStats], best: int | None = None) -> list[Row]:
    """Return one row a cycle, the base model first: held-out rates, training pass rate, kept, loss, time."""
    names = list(dict.fromkeys(name for stats in history for name in stats.heldout))
    rows = []
    for stats in history:
        trained = stats.cycle > 0
        row = {"Cycle": ("base" if not trained else str(stats.cycle)) + (" (best)" if stats.cycle == best else "")}
        for name in names:
            rate = stats.heldout.get(name)
            row[heading(name)] = rate_text(PassRate.from_dict(rate)) if rate else ""
        row["Training pass rate"] = f"{stats.pass_rate:.1%}" if trained else ""
        row["Kept"] = f"{stats.kept:,}" if trained else ""
        losses = (stats.loss_first, stats.loss_last)
        row["Loss"] = " → ".join(f"{loss:.3f}" for loss in losses if loss is not None)
        row["Time"] = duration(sum(stats.seconds.values()))
        rows.append(row)
    return rows


def cycles_table(run: RunView) -> list[Row]:
    """Return the main table with the rates and intervals that the page makes of the verdicts, as in all its parts."""
    history = []
    for cycle in run.cycles:
        known = {name: rate.to_dict() for name, rate in cycle.heldout.items() if name in cycle.stats.heldout}
        history.append(replace(cycle.stats, heldout=cycle.stats.heldout | known))
    return main_table(history, run.best)


def rounds_table(run: RunView) -> list[Row]:
    """Return one row for each further round of a cycle, and for each other way that its prompts were asked."""
    rows = []
    for stats in (cycle.stats for cycle in run.trained):
        ways = {
            "second round": stats.second_round,
            "repair: a failed answer in view": stats.repair,
            "hint: the reference in view": stats.hint,
            **{f"asked as {form}": counts for form, counts in stats.forms.items()},
            **{f"mixed in: {source}": counts for source, counts in stats.mixed.items()},
        }
        for way, counts in ways.items():
            if counts.get("samples") or counts.get("kept"):  # of what earlier cycles drew
                passed = (
                    f"{counts['passed']:,} ({counts['passed'] / counts['samples']:.1%})" if counts["samples"] else ""
                )
                known = {name: f"{counts[name]:,}" if name in counts else "" for name in ("solved", "kept")}
                row = {"Cycle": str(stats.cycle), "Samples": way, "Prompts": f"{counts['prompts']:,}"}
                row |= {"Drawn": f"{counts['samples']:,}", "Passed": passed}
                rows.append(row | {"Prompts solved": known["solved"], "Trained on": known["kept"]})
    return rows


def arms_table(runs: Sequence[RunView]) -> list[Row]:
    """Return one row a run: the base, the best cycle, and their difference."""
    rows = []
    for run in runs:
        by_cycle = {cycle.stats.cycle: cycle for cycle in run.cycles}
        base, best = by_cycle.get(0), by_cycle.get(run.best or 0)
        difference = run.difference
        rows.append(
            {
                "Run": run.name,
                "Arm": run.arm,
                "Base": first_rate(base.heldout) if base else "",
                "Best cycle": str(run.best or ""),
                "Best": first_rate(best.heldout) if best and best is not base else "",
                "Difference": difference_text(difference) if difference else "",
                "p": p_cell(difference) if difference else "",
                "Gained / lost": f"{len(run.changes.gained)} / {len(run.changes.lost)}" if run.changes else "",
                "Time": duration(sum(sum(cycle.stats.seconds.values()) for cycle in run.cycles)),
            }
        )
    return rows


def contrasts_table(runs: Sequence[RunView]) -> list[Row]:
    """Return what the first run is better than each other one, paired by held-out task: best cycles, then each.

    Runs that were measured on other held-out tasks, or otherwise, are left out.
    """
    first, *others = runs
    rows = []
    for other in others:
        if not first.heldout_key or other.heldout_key != first.heldout_key:
            continue
        both = sorted((first.outcomes.keys() & other.outcomes.keys()) - {0})
        bests = ("best", first.best or 0, other.best or 0)
        for name, a, b in (bests, *((str(cycle), cycle, cycle) for cycle in both)):
            if a in first.outcomes and b in other.outcomes:
                difference = compare(other.outcomes[b], first.outcomes[a])
                rows.append(
                    {
                        "Runs": f"{first.name} ({first.arm}) less {other.name} ({other.arm})",
                        "Cycle": name if a == b else f"{name} ({a}, {b})",
                        "Difference": difference_text(difference),
                        "p": p_cell(difference),
                    }
                )
    return rows


def p_cell(difference: Difference) -> str:
    """Return the p-value with what it means: `0.100, could be chance: about 1 in 10`."""
    number = "" if math.isnan(difference.p_value) else f"{difference.p_value:.3f}, "
    return number + odds_text(difference)


def has_gaps(rows: Sequence[Row]) -> bool:
    """Return whether any cell is empty, which a page explains."""
    return any(value == "" for row in rows for value in row.values())


def places(shown: Sequence[SideBySide]) -> dict[str, int]:
    """Return where on the page the completions of a task are, from 1."""
    return {task.task_id: place for place, task in enumerate(shown, start=1)}


def first_rate(rates: Mapping[str, PassRate]) -> str:
    """Return sampled pass@1 as text, else greedy pass@1, else nothing."""
    rate = rates.get("pass_at_1") or rates.get("greedy")
    return rate_text(rate) if rate else ""


def heading(name: str) -> str:
    """Return `pass@4` for `pass_at_4`."""
    return f"Held-out {name.replace('pass_at_', 'pass@')}"


def duration(seconds: float) -> str:
    """Return `47 s`, `12 min`, `3.4 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
