"""How many samples a second one driver carries, and what the object store holds: the flow on simulated nodes.

Engines answer at once and verifiers sleep; run folder, sink, ledger and Ray Data are real. A simulated node is one
verification worker that stands for `--workers-per-node` real ones (it sleeps so much shorter), and an engine for every
`--nodes-per-engine` nodes: all on one raylet, whose CPUs are simulated resources. 64 raylets with their agents take
more memory than a small machine has; `--raylets` starts one a node with `ray.cluster_utils` where there is room.

Where all nodes share a few cores, samples a second are what those cores carry. So the CPU time of the driver and of its
sink a sample is measured too, by nodes, and a line through it says where one core of the driver's is full. The object
store is looked at with engines that are faster than verifiers and the other way round, with few samples and with four
times as many: it is bounded where that makes no difference.

    python bench/scale.py --output bench/results/scale.md                                   # small: two cores
    python bench/scale.py --nodes 1 4 16 64 --samples 200000 --raylets --output scale.md    # large
"""

from __future__ import annotations

import argparse
import contextlib
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
from pathlib import Path
from typing import Any

from driver import HERE, Watcher

SLEEPS_S = 0.006
"""What a real verdict takes."""
SLOW_S = 0.2
"""Of verifiers that are much slower than engines, a sample and worker."""


class Store(threading.Thread):
    """Looks ten times a second at how much the object stores of all nodes hold."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over, self.most = threading.Event(), 0.0

    def run(self) -> None:
        """Look until it is over."""
        import ray
        from ray._private.internal_api import node_stats

        nodes = [(node["NodeManagerAddress"], node["NodeManagerPort"]) for node in ray.nodes() if node["Alive"]]
        while not self.over.wait(0.1):
            held = 0
            for address, port in nodes:
                with contextlib.suppress(Exception):  # a raylet that is busy answers the next time
                    held += node_stats(address, port, include_memory_info=False).store_stats.object_store_bytes_used
            self.most = max(self.most, held / (1 << 20))


def flow(arguments: argparse.Namespace, place: Path) -> dict[str, Any]:
    """Bring one stage of samples through the flow; return what it took."""
    import ray

    from halo_raft.config import EngineConfig
    from halo_raft.config.schema import SandboxConfig, VerifierConfig
    from halo_raft.engines import EngineSpec
    from halo_raft.engines.actor import start_engines
    from halo_raft.judging import JudgingPolicy
    from halo_raft.records import Sampling, Task
    from halo_raft.sampling import Origin, Stage, Wording, draft_samples
    from halo_raft.sampling.flow import Workers, outstanding, run_stage
    from halo_raft.sampling.generate import Patience

    (nodes,) = arguments.nodes
    (place / "config.json").write_text("{}")  # what a model has
    engines = max(1, nodes // arguments.nodes_per_engine)
    count = max(1, arguments.samples // arguments.per_prompt)
    tasks = [Task(task_id=f"t/{n}", prompt=f"Write `t_{n}`.", entry_point=f"t_{n}") for n in range(count)]
    drafts = draft_samples(tasks, range(arguments.per_prompt), Sampling(), Wording(None, False), ("scale",))
    stage = Stage(
        origin=Origin(1, "none", None), drafts=tuple(drafts),
        policy=JudgingPolicy.of("driver_parts:Free", VerifierConfig(), SandboxConfig()),
        tasks={task.task_id: task for task in tasks}, samples_path=place / "samples.jsonl",
        verdicts_path=place / "verified.jsonl",
    )  # fmt: skip
    spec = EngineSpec(model=str(place), config=EngineConfig(name="driver_parts:Instant"))
    with started(nodes, engines, arguments.raylets):
        actors = start_engines(spec, engines, gpus=0, cpus=1)
        ray.get([actor.ready.remote() for actor in actors])
        workers = Workers(lambda: actors, nodes, 0, Patience(1, 600.0), lambda: None)
        arrivals: list[tuple[float, int]] = []
        store = Store()
        store.start()
        begun, cpu = time.monotonic(), time.process_time()
        run_stage(stage, outstanding(stage), workers,
                  lambda found: arrivals.append((time.monotonic(), found.judged)))  # fmt: skip
        wall, cpu = time.monotonic() - begun, time.process_time() - cpu
        store.over.set()
        store.join()
    return {
        "samples": len(drafts), "engines": engines, "wall_s": wall, "samples_per_s": steady(arrivals),
        "driver_ms": 1000 * cpu / len(drafts), "store_mb": store.most,
    }  # fmt: skip


def steady(arrivals: list[tuple[float, int]]) -> float:
    """Return samples a second in the middle of a run, without its start and its end."""
    total, seen, middle = sum(count for _, count in arrivals), 0, []
    for when, count in arrivals:
        seen += count
        if 0.2 * total <= seen <= 0.8 * total:
            middle.append((when, seen))
    if len(middle) < 2:
        return 0.0
    (start, first), (end, last) = middle[0], middle[-1]
    return (last - first) / max(end - start, 1e-9)


@contextlib.contextmanager
def started(nodes: int, engines: int, raylets: bool) -> Any:
    """Start Ray with room for so many nodes, on one raylet or on one each."""
    import ray

    common = {"include_dashboard": False}
    if not raylets:
        ray.init(address="local", num_cpus=nodes + engines + 1, log_to_driver=False, **common)
        yield
        ray.shutdown()
        return
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": engines + 1, **common})
    for _ in range(nodes):
        cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        yield
    finally:
        ray.shutdown()
        cluster.shutdown()


def one(arguments: argparse.Namespace, nodes: int, samples: int, sleeps: float, rate: float) -> dict[str, Any]:
    """Run one configuration in a process of its own; return what it printed, with its sink's CPU time."""
    place = Path(tempfile.mkdtemp(prefix="halo-raft-scale-"))
    environment = {
        **os.environ,
        "PYTHONPATH": f"{HERE.parent / 'src'}{os.pathsep}{HERE}",
        "HALO_RAFT_LEDGER": str(place / "verdicts"),
        "HALO_BENCH_VERIFY_S": str(sleeps / arguments.workers_per_node),
        "HALO_BENCH_ENGINE_RATE": str(rate),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    command = [sys.executable, __file__, "--place", str(place), "--nodes", str(nodes), "--samples", str(samples)]
    for name in ("per_prompt", "workers_per_node", "nodes_per_engine"):
        command += [f"--{name.replace('_', '-')}", str(getattr(arguments, name))]
    try:
        with subprocess.Popen(command + ["--raylets"] * arguments.raylets, env=environment,
                              stdout=subprocess.PIPE, text=True) as process:  # fmt: skip
            watcher = Watcher(process.pid)
            watcher.start()
            assert process.stdout is not None
            said = process.stdout.read()
        watcher.over.set()
        if process.returncode:
            raise SystemExit(f"{nodes} nodes: it ended with {process.returncode}")
        row: dict[str, Any] = {
            "nodes": nodes,
            "sleeps_s": sleeps,
            "engine_rate": rate,
            **json.loads(said.splitlines()[-1]),
        }
        row["sink_ms"] = 1000 * watcher.totals().get("the sink's process", 0.0) / row["samples"]
        print(row, file=sys.stderr, flush=True)
        return row
    finally:
        shutil.rmtree(place, ignore_errors=True)


def median_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a row of the medians of all figures."""
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def fit(rows: list[dict[str, Any]], figure: str) -> tuple[float, float]:
    """Return ms a sample of a driver without nodes, and what each node adds: least squares."""
    if len({row["nodes"] for row in rows}) < 2:
        return rows[0][figure], 0.0
    slope, start = statistics.linear_regression([r["nodes"] for r in rows], [r[figure] for r in rows])
    return start, slope


def report(scaled: list[dict[str, Any]], bounded: list[dict[str, Any]], arguments: argparse.Namespace) -> str:
    """Return all of it as Markdown."""
    where = "a raylet each" if arguments.raylets else "one raylet, simulated CPUs"
    lines = [
        "# Simulated nodes", "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}; {where}; a node stands for "
        f"{arguments.workers_per_node} workers of {SLEEPS_S * 1000:g} ms a sample, an engine for "
        f"{arguments.nodes_per_engine} nodes; medians of {arguments.rounds} rounds.", "",
        "| nodes | engines | samples | samples/s seen | driver, CPU ms a sample | sink, the same | store, MB at most |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    lines += [
        f"| {r['nodes']:.0f} | {r['engines']:.0f} | {r['samples']:.0f} | {r['samples_per_s']:.0f} "
        f"| {r['driver_ms']:.3f} | {r['sink_ms']:.3f} | {r['store_mb']:.1f} |"
        for r in scaled
    ]
    lines.append("")
    for name, figure in (("driver", "driver_ms"), ("sink", "sink_ms")):
        start, slope = fit(scaled, figure)
        most = max(row["nodes"] for row in scaled)
        full = 1000 / max(start + slope * most, 1e-9)
        a_node = arguments.workers_per_node / SLEEPS_S
        lines.append(
            f"- The {name}: {start:.3f} ms + {slope:.5f} ms a node; one core of it carries {full:,.0f} samples/s at "
            f"{most:.0f} nodes, which is what {full / a_node:.1f} such nodes judge."
        )
    lines += [
        "", "## What the object store holds", "",
        "| engines | verifiers, s a sample | engine, samples/s (0: at once) | samples | store, MB at most |",
        "| --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    lines += [
        f"| {r['engines']:.0f} | {r['sleeps_s']:g} | {r['engine_rate']:g} | {r['samples']:.0f} | {r['store_mb']:.1f} |"
        for r in bounded
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure and print; write table and JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--per-prompt", type=int, default=20)
    parser.add_argument("--workers-per-node", type=int, default=32)
    parser.add_argument("--nodes-per-engine", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--raylets", action="store_true", help="one raylet a node, in place of simulated CPUs")
    parser.add_argument("--output", type=Path, help="Markdown file; the same as JSON goes beside it")
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.place:
        print(json.dumps(flow(arguments, arguments.place)))
        return
    scaled = [
        median_of([one(arguments, nodes, arguments.samples, SLEEPS_S, 0) for _ in range(arguments.rounds)])
        for nodes in arguments.nodes
    ]
    few = arguments.samples // 2
    ways = [(SLOW_S * arguments.workers_per_node / 32, 0.0), (0.0, 0.0), (0.0, 200.0)]
    bounded = [
        median_of([one(arguments, 4, samples, sleeps, rate) for _ in range(arguments.rounds)])
        for sleeps, rate in ways
        for samples in (few, 4 * few)
    ]
    text = report(scaled, bounded, arguments)
    print(text)
    if arguments.output:
        arguments.output.write_text(text)
        results = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version(),
                   "rounds": arguments.rounds, "scaled": scaled, "bounded": bounded}  # fmt: skip
        arguments.output.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
