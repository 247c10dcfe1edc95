"""How many samples a second one driver carries, and what the object store holds: the flow on simulated nodes.

Engines answer at once and verifiers sleep; run folder, sink, ledger and Ray Data are real. A simulated node is one
verification worker that stands for `--workers-per-node` real ones (it sleeps so much shorter), and an engine for every
`--nodes-per-engine` nodes: all on one raylet, whose CPUs are simulated resources. 64 raylets with their agents take
more memory than a small machine has; `--raylets` starts one a node with `ray.cluster_utils` where there is room.

Where all nodes share a few cores, samples a second are what those cores carry. So CPU time is counted, of the driver
and of its sink. One session brings stages of several sizes through, the first of them to import and to start what is
started once, the last of a few samples that take long. Of the rest it is found out what a stage takes, what each sample
adds and what each second of waiting adds, as Ray Data polls: three unknowns, and only the second is a sample's cost.

The object store is looked at with engines that are faster than verifiers and the other way round, at three sizes: it is
bounded where further samples add nothing. The bounds are set lower there and the sizes are larger, `--samples` and two
and four times as many, or they would never meet them.

    python bench/scale.py --output bench/results/scale.md                                   # small: two cores
    python bench/scale.py --nodes 1 4 16 64 --samples 200000 --raylets --output scale.md    # large
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
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent

SLEEPS_S = 0.006
"""What a real verdict takes."""
SLOW_S = 0.01
"""Of verifiers that are slower than engines, a sample and worker."""
SLOW_ENGINE = 400.0
"""Samples a second of an engine that is slower than verifiers."""
WAITS_S = 20.0
"""What a sample takes in the stage that waits, of which each worker gets one."""
BYTES_A_SAMPLE = 28.0
"""What the object store may grow by with each further sample and be called bounded: half of a draft, and an answer has
1,000. The most that is seen of what goes up and down still grows a little with the time that is looked at."""

Row = dict[str, Any]


class Cost(NamedTuple):
    """What CPU time is made of, ms.

    Attributes:
        stage: Of a stage, whatever it does.
        sample: Of each sample.
        second: Of each second that passes.
    """

    stage: float
    sample: float
    second: float

    def carries(self) -> float:
        """Return the samples a second at which one core is full."""
        return max(0.0, 1000 - self.second) / max(self.sample, 1e-9)


def fitted(rows: list[Row], figure: str) -> Cost:
    """Return what the CPU time `figure` of stages is made of: least squares, in parts that are not negative.

    Stages have to differ in samples and in seconds, and not in proportion to each other.
    """
    import numpy as np
    from scipy.optimize import nnls

    causes = np.array([[1.0, row["samples"], row["wall_s"]] for row in rows])
    size = causes.max(axis=0)  # or thousands of samples and one stage would not weigh the same
    parts, _ = nnls(causes / size, np.array([1000 * row[figure] for row in rows]))
    return Cost(*(float(part) for part in parts / size))


def bytes_a_sample(rows: list[Row]) -> float:
    """Return what each sample of the largest stage that no other had added to the most that the store held."""
    *smaller, largest = sorted(rows, key=lambda row: row["samples"])
    added = largest["store_mb"] - max(row["store_mb"] for row in smaller)
    return float(max(0.0, added) * (1 << 20) / (largest["samples"] - smaller[-1]["samples"]))


def session(arguments: argparse.Namespace, nodes: int, stages: list[list[float]], *, store: bool) -> list[Row]:
    """Bring stages through in a process of its own; return what it printed of each."""
    place = Path(tempfile.mkdtemp(prefix="halo-raft-scale-"))
    environment = {
        **os.environ,
        "PYTHONPATH": f"{HERE.parent / 'src'}{os.pathsep}{HERE}",
        "HALO_RAFT_LEDGER": str(place / "verdicts"),
        "HALO_BENCH_PACE": str(place / "pace"),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    engines = max(1, nodes // arguments.nodes_per_engine)
    command = [sys.executable, str(HERE / "scale_side.py"), str(place), json.dumps(stages)]
    command += ["--nodes", str(nodes), "--engines", str(engines), "--per-prompt", str(arguments.per_prompt)]
    command += ["--raylets"] * arguments.raylets + ["--store"] * store
    try:
        said = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    finally:
        shutil.rmtree(place, ignore_errors=True)
    rows: list[Row] = [row | {"nodes": nodes, "engines": engines} for row in json.loads(said.splitlines()[-1])]
    print(*rows, sep="\n", file=sys.stderr, flush=True)
    return rows


def scaled(arguments: argparse.Namespace, nodes: int) -> Row:
    """Return what a sample costs with so many nodes."""
    sleeps, few = SLEEPS_S / arguments.workers_per_node, arguments.samples // 4
    stages = [[few, sleeps, 0], [few, sleeps, 0], [4 * few, sleeps, 0], [nodes, WAITS_S, 0]]
    rows = [row for _ in range(arguments.rounds) for row in session(arguments, nodes, stages, store=False)[1:]]
    many = [row for row in rows if row["samples"] == max(row["samples"] for row in rows)]
    return {
        "nodes": nodes, "engines": rows[0]["engines"], "samples": many[0]["samples"],
        "samples_per_s": statistics.median(row["samples"] / row["wall_s"] for row in many),
        "driver": fitted(rows, "driver_s"), "sink": fitted(rows, "sink_s"), "stages": rows,
    }  # fmt: skip


def report(rows: list[Row], ways: list[list[Row]], arguments: argparse.Namespace) -> str:
    """Return all of it as Markdown."""
    where = "a raylet each" if arguments.raylets else "one raylet, simulated CPUs"
    lines = [
        "# Simulated nodes", "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}; {where}; a node stands for "
        f"{arguments.workers_per_node} workers of {SLEEPS_S * 1000:g} ms a sample, an engine for "
        f"{arguments.nodes_per_engine} nodes; {arguments.rounds} rounds. CPU ms of one process.", "",
        "| nodes | engines | samples | samples/s seen | driver: a sample | a second of waiting | a stage "
        "| sink: a sample | a second | a stage | one core of the driver carries, samples/s |",
        "| --- " * 11 + "|",
    ]  # fmt: skip
    for row in rows:
        sides = [f"{c.sample:.4f} | {c.second:.1f} | {c.stage:.0f}" for c in (row["driver"], row["sink"])]
        lines.append(
            f"| {row['nodes']} | {row['engines']} | {row['samples']} | {row['samples_per_s']:.0f} "
            f"| {sides[0]} | {sides[1]} | {row['driver'].carries():,.0f} |"
        )
    lines += [
        "", "## What the object store holds", "",
        "| verifiers, s a sample | engine, samples/s (0: at once) | samples | store, MB at most "
        "| ahead of judging, at most | driver grew, KiB a sample | |",
        "| --- " * 7 + "|",
    ]  # fmt: skip
    for way in ways:
        added = bytes_a_sample(way)
        said = f"{'bounded' if added < BYTES_A_SAMPLE else 'NOT bounded'}: {added:.1f} bytes a further sample"
        lines += [
            f"| {r['verify_s']:g} | {r['engine_rate']:g} | {r['samples']} | {r['store_mb']:.2f} | {r['ahead']} "
            f"| {r['grew_kib'] / r['samples']:.2f} | {said if r is way[-1] else ''} |"
            for r in way
        ]
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure and print; write table and JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--samples", type=int, default=8000)
    parser.add_argument("--per-prompt", type=int, default=20)
    parser.add_argument("--workers-per-node", type=int, default=32)
    parser.add_argument("--nodes-per-engine", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--raylets", action="store_true", help="one raylet a node, in place of simulated CPUs")
    parser.add_argument("--output", type=Path, help="Markdown file; the same as JSON goes beside it")
    arguments = parser.parse_args()
    rows = [scaled(arguments, nodes) for nodes in arguments.nodes]
    sizes = [arguments.samples, 2 * arguments.samples, 4 * arguments.samples]
    paces = [(SLOW_S, 0.0), (0.0, 0.0), (0.0, SLOW_ENGINE)]
    ways = [session(arguments, 4, [[20, 0, 0], *([size, *pace] for size in sizes)], store=True)[1:] for pace in paces]
    text = report(rows, ways, arguments)
    print(text)
    if arguments.output:
        arguments.output.write_text(text)
        results = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version(),
                   "rounds": arguments.rounds, "scaled": [{**r, "driver": r["driver"]._asdict(),
                   "sink": r["sink"]._asdict()} for r in rows], "bounded": ways}  # fmt: skip
        arguments.output.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
