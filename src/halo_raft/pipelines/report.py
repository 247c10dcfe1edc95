"""`halo-raft report`: one page, and its figures as PNG files, of one run, of several side by side, or of a sweep."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from halo_raft.errors import UsageError
from halo_raft.pipelines.benchmark import compare
from halo_raft.pipelines.benchmark.page import comparison_view
from halo_raft.report import ComparisonView
from halo_raft.report.sweep import STUDY_FILE, write_sweep_report
from halo_raft.report.write import write_report
from halo_raft.terminal import console


def add_command(commands: Any) -> None:
    """Add `report` to the commands."""
    parser = commands.add_parser("report", help="one HTML page of a run, of several side by side, or of a sweep")
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN_DIR",
        help="folders of runs (raft, sft), of benchmark full or of a sweep, or adapters in them",
    )
    parser.add_argument("--output", type=Path, help="folder to write; RUN_DIR/report, or results/report for several")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the report and say where it is."""
    runs = [_run_of(path) for path in arguments.runs]
    sweeps = [run for run in runs if (run / STUDY_FILE).is_file()]
    if sweeps and len(runs) > 1:
        raise UsageError(f"report: {sweeps[0]} is a sweep, which has a page of its own; name it alone, or its trials")
    default = runs[0] / "report" if len(runs) == 1 else Path("results/report")
    output = arguments.output or default
    if sweeps:
        page = write_sweep_report(sweeps[0], output)
    else:
        page = write_report(runs, output, _comparison(runs[0]) if len(runs) == 1 else None)
    console.say(f"Wrote {console.shown(page)}")
    return 0


def _run_of(path: Path) -> Path:
    """Return the run folder that an adapter in it (`best`, `final_model`) stands for; others as they are."""
    above = path.resolve().parent
    return above if (path / "adapter_config.json").is_file() and (above / "run.json").is_file() else path


def _comparison(path: Path) -> ComparisonView | None:
    """Return the benchmark before and after that `benchmark full` left, None where there is none."""
    results = [path / "base.json", path / "final.json"]
    if not all(result.is_file() for result in results):
        return None
    loaded, comparisons = compare.compare(results, 1)
    return comparison_view(results, loaded, comparisons, 1)
