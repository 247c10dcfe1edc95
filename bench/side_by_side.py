"""What the benchmarks share: contenders in turn in one run, medians, ratios, and what is kept of them.

A result is `NAME.json` and the same as a table, `NAME.md`, with the machine and the versions that it was seen on. Only
ratios are worth comparing between two runs (`check.py` does): rates are those of one machine in one hour.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parent
RESULTS = BENCH / "results"
CORES = len(os.sched_getaffinity(0))


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One question, asked of several contenders in turn.

    Attributes:
        title: What was done.
        unit: Of the rates, such as `samples/s`; more is better.
        rates: Contender -> its rate in each round; the first one is ours.
        notes: Contender -> what else is to be known of it, such as how many samples passed.
    """

    title: str
    unit: str
    rates: dict[str, list[float]]
    notes: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def medians(self) -> dict[str, float]:
        """Contender -> the median of its rates."""
        return {name: statistics.median(rates) for name, rates in self.rates.items()}

    @property
    def ratios(self) -> dict[str, float]:
        """Contender -> how many times its rate ours is."""
        ours, *others = self.medians.items()
        return {name: ours[1] / rate for name, rate in others}

    def table(self) -> str:
        """Return the figures as Markdown."""
        lines = [f"## {self.title}", "", f"| | {self.unit} | lowest to highest | ours is | |"]
        lines.append("| --- | --- | --- | --- | --- |")
        for name, rate in self.medians.items():
            spread = f"{min(self.rates[name]):,.1f} to {max(self.rates[name]):,.1f}"
            ratio = f"{self.ratios[name]:.2f}x" if name in self.ratios else ""
            lines.append(f"| {name} | {rate:,.1f} | {spread} | {ratio} | {self.notes.get(name, '')} |")
        return "\n".join([*lines, ""])

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON takes them."""
        return dataclasses.asdict(self) | {"medians": self.medians, "ratios": self.ratios}


Measured = float | tuple[float, str]
"""A rate, or a rate and a note."""


def in_turn(title: str, unit: str, contenders: Mapping[str, Callable[[], Measured]], rounds: int) -> Comparison:
    """Ask the contenders one after the other, some rounds; ours is the first one."""
    found = Comparison(title, unit, {name: [] for name in contenders})
    for number in range(rounds):
        for name, contender in contenders.items():
            measured = contender()
            rate, found.notes[name] = measured if isinstance(measured, tuple) else (measured, "")
            found.rates[name].append(rate)
            print(f"round {number + 1}: {name}: {rate:,.1f} {unit}", file=sys.stderr, flush=True)
    return found


def facts() -> dict[str, Any]:
    """Return what a figure depends on: the machine, the versions, the commit, the day."""
    from halo_raft import devices
    from halo_raft.tracking.versions import versions

    cpu = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in cpu if line.startswith("model name")), "")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=BENCH, capture_output=True, text=True)
    return {
        "cpu": model or platform.machine(),
        "cores": CORES,
        "gpus": [str(gpu) for gpu in devices.local_gpus()],
        "load_before": os.getloadavg()[0],
        "commit": commit.stdout.strip(),
        "day": date.today().isoformat(),
        "versions": versions(),
    }


def write(name: str, heading: str, comparisons: list[Comparison], seen_on: dict[str, Any], folder: Path) -> None:
    """Write `NAME.json` and `NAME.md`, and print the latter.

    Args:
        name: Of the benchmark.
        heading: What is compared, in one line.
        comparisons: What was found.
        seen_on: `facts()`, as they were before the first round.
        folder: Where to.
    """
    machine = ", ".join([seen_on["cpu"], f"{seen_on['cores']} cores", *seen_on["gpus"]])
    when = f"{seen_on['day']}, commit {seen_on['commit']}, load {seen_on['load_before']:.1f} before"
    text = "\n".join([f"# {heading}\n", f"{machine}; {when}.\n", *(c.table() for c in comparisons)])
    print(text)
    folder.mkdir(parents=True, exist_ok=True)
    result = {"name": name, "seen_on": seen_on, "comparisons": [c.to_dict() for c in comparisons]}
    (folder / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
