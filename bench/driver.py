"""What a sample costs the driver, part by part, in a run whose engines answer at once and whose verdicts cost nothing.

Everything else is real: Ray, run folder, selection, second look, figures, report, MLflow in a local store, ledger.
Each side of each round is a process of its own; figures are the medians of the rounds. Time is CPU time, of the
driver and of the processes that work for it; memory is what the driver grew by at most, and what it took in all.

    python bench/driver.py --samples 10000 100000 --output bench/results/driver.md
    python bench/driver.py --samples 100000 --before ../checkout-of-an-older-commit --rounds 3
    python bench/driver.py --samples 1000000 --written

With `--written` samples and verdicts are written by the driver itself, without engines, verifiers and Ray: what is left
is what is done with them, on one core.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TITLES = {
    "ray::SampleSink": "the sink's process",
    "ray::MapWorker(MapBatches(Generate))": "generating end, its process",
    "ray::MapWorker(MapBatches(Verify))": "verification workers, all that they do",
    "ray::EngineActor": "engine, all that it does",
    "raylet": "Ray's own processes",
    "gcs_server": "Ray's own processes",
}
"""How a process calls itself -> what it does."""
DRIVER = (
    *("drafts", "what is outstanding", "sampling and judging", "the sink's process", "files of samples and verdicts"),
    *("statistics", "selection", "second look", "held-out measurement", "card", "MLflow and figures of a cycle"),
    *("report", "end of the run"),
)
"""Parts that make up what a run costs its driver."""
Figures = dict[str, dict[str, float]]


class Watcher(threading.Thread):
    """Looks every half a second at what the processes below one have used."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.over = pid, threading.Event()
        self.cpu: dict[int, tuple[str, float]] = {}
        self.resident: dict[str, float] = defaultdict(float)

    def run(self) -> None:
        """Look until it is over."""
        import psutil

        while not self.over.wait(0.5):
            try:
                found = psutil.Process(self.pid).children(recursive=True)
            except psutil.Error:
                return
            for process in found:
                try:
                    title, times = " ".join(process.cmdline()), process.cpu_times()
                    resident = process.memory_info().rss
                except psutil.Error:
                    continue
                name = next((name for start, name in TITLES.items() if start in title), "other processes")
                self.cpu[process.pid] = name, times.user + times.system
                self.resident[name] = max(self.resident[name], resident / (1 << 20))

    def totals(self) -> dict[str, float]:
        """Return the CPU seconds by what processes do."""
        sums: dict[str, float] = defaultdict(float)
        for name, seconds in self.cpu.values():
            sums[name] += seconds
        return sums


def one_side(tree: Path, samples: int, per_prompt: int, written: bool) -> dict[str, Any]:
    """Run one side in a folder of its own; return what it printed, with the processes beside it."""
    place = Path(tempfile.mkdtemp(prefix="halo-raft-driver-"))
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tree.resolve() / 'src'}{os.pathsep}{HERE}",
        "HALO_RAFT_LEDGER": str(place / "verdicts"),
        "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false",
    }
    command = [sys.executable, str(HERE / "driver_side.py"), str(place), str(samples), "--per-prompt", str(per_prompt)]
    command += ["--written"] * written
    try:
        begun = time.monotonic()
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            watcher = Watcher(process.pid)
            watcher.start()
            assert process.stdout is not None
            said = process.stdout.read()
        watcher.over.set()
        if process.returncode:
            raise SystemExit(f"{tree}: it ended with {process.returncode}")
        row: dict[str, Any] = json.loads(said.splitlines()[-1])
        for name, seconds in watcher.totals().items():
            row["parts"][name] = {"cpu_ms": 1000 * seconds / samples, "rss_mb": watcher.resident[name]}
        row["parts"]["driver in all"] = {
            "cpu_ms": sum(row["parts"].get(name, {}).get("cpu_ms", 0.0) for name in DRIVER),
            "rss_mb": row["rss_mb"],
        }
        row["disk_mb"] = sum(f.stat().st_size for f in (place / "run").glob("*.jsonl")) / 1e6
        print(f"{tree}: {samples} samples in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        return row
    finally:
        shutil.rmtree(place, ignore_errors=True)


def medians(rows: list[dict[str, Any]]) -> Figures:
    """Return the median of each figure of each part."""
    found: Figures = {}
    for name in dict.fromkeys(name for row in rows for name in row["parts"]):
        parts = [row["parts"][name] for row in rows if name in row["parts"]]
        found[name] = {figure: statistics.median(part[figure] for part in parts) for figure in parts[0]}
    return found


def table(samples: int, sides: dict[str, Figures]) -> str:
    """Return the sides beside each other as a Markdown table."""
    heads = [f"{side}: {what}" for side in sides for what in ("CPU ms a sample", "KiB a sample", "MB")]
    lines = [f"## {samples:,} samples", "", f"| | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
    names = list(dict.fromkeys(name for figures in sides.values() for name in figures))
    names.sort(key=lambda name: -max(figures.get(name, {}).get("cpu_ms", 0.0) for figures in sides.values()))
    for name in names:
        cells = []
        for figures in sides.values():
            part = figures.get(name, {})
            cells += [f"{part[figure]:.{digits}f}" if figure in part else "" for figure, digits in
                      (("cpu_ms", 4), ("kib", 3), ("rss_mb", 0))]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure and print; write table and JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--per-prompt", type=int, default=100)
    parser.add_argument("--written", action="store_true", help="without engines, verifiers and Ray")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, help="a checkout of another commit of ours, measured beside this one")
    parser.add_argument("--output", type=Path, help="Markdown file; the same as JSON goes beside it")
    arguments = parser.parse_args()
    trees = {"now": HERE.parent} | ({"before": arguments.before} if arguments.before else {})
    results: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count(),
                               "python": platform.python_version(), "rounds": arguments.rounds,
                               "sizes": {}}  # fmt: skip
    parts = ["# What a sample costs the driver\n",
             f"Completions of 300 tokens, {arguments.per_prompt} a task; {os.cpu_count()} cores, Python "
             f"{platform.python_version()}, medians of {arguments.rounds} rounds, all sides in one run.\n"]  # fmt: skip
    for samples in arguments.samples:
        rows: dict[str, list[dict[str, Any]]] = {side: [] for side in trees}
        for _ in range(arguments.rounds):
            for side, tree in trees.items():
                rows[side].append(one_side(tree, samples, arguments.per_prompt, arguments.written))
        sides = {side: medians(found) for side, found in rows.items()}
        results["sizes"][samples] = {side: {"parts": sides[side], "rounds": rows[side]} for side in trees}
        parts.append(table(samples, sides))
    text = "\n".join(parts)
    print(text)
    if arguments.output:
        arguments.output.write_text(text)
        arguments.output.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
