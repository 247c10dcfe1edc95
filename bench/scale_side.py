"""One session of `bench/scale.py`: some stages in turn through one Ray and one set of engines.

Prints a JSON list, a stage each: what it took of this process and of its sink, what the object store held at most, and
how far drawing was ahead of judging at most.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from driver_side import memory


class Store(threading.Thread):
    """Looks ten times a second at how much the object stores of all nodes hold, and what was drawn and not judged."""

    def __init__(self, samples: Path, verdicts: Path) -> None:
        from halo_raft.store import LineCount

        super().__init__(daemon=True)
        self._drawn, self._judged = LineCount(samples), LineCount(verdicts)
        self.over, self.bytes, self.ahead = threading.Event(), 0, 0

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
            self.bytes = max(self.bytes, held)
            self.ahead = max(self.ahead, self._drawn() - self._judged())


class SinkTime:
    """The CPU time of a stage's sink, up to its last answer."""

    def __init__(self) -> None:
        self._process: Any = None
        self.seconds = 0.0

    def look(self) -> None:
        """Note what it has used; the first time, find it."""
        import psutil

        if self._process is None:
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if "ray::SampleSink" in " ".join(process.cmdline()):
                        self._process = process
        with contextlib.suppress(psutil.Error, AttributeError):
            times = self._process.cpu_times()
            self.seconds = times.user + times.system


def session(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Bring the stages through the flow; yield what each took."""
    import ray

    from halo_raft.config import EngineConfig
    from halo_raft.engines import EngineSpec
    from halo_raft.engines.actor import start_engines
    from halo_raft.judging import workers
    from halo_raft.sampling import generate

    if arguments.store:  # a few thousand samples would not meet the usual bounds
        workers.QUEUE_BYTES, workers.QUEUE_BYTES_PER_WORKER, generate.MOST_ASKED = 1 << 20, 1 << 16, 500
    (arguments.place / "config.json").write_text("{}")  # what a model has
    spec = EngineSpec(model=str(arguments.place), config=EngineConfig(name="driver_parts:Instant"))
    with started(arguments.nodes, arguments.engines, arguments.raylets):
        actors = start_engines(spec, arguments.engines, gpus=0, cpus=1)
        ray.get([actor.ready.remote() for actor in actors])
        for number, (samples, verify_s, engine_rate) in enumerate(arguments.stages):
            Path(os.environ["HALO_BENCH_PACE"]).write_text(json.dumps([verify_s, engine_rate]))
            yield one_stage(arguments, number, int(samples), actors) | {
                "verify_s": verify_s, "engine_rate": engine_rate
            }  # fmt: skip


def one_stage(arguments: argparse.Namespace, number: int, samples: int, actors: list[Any]) -> dict[str, Any]:
    """Bring a stage through the flow; return what it took."""
    from halo_raft.config.schema import SandboxConfig, VerifierConfig
    from halo_raft.judging import JudgingPolicy
    from halo_raft.records import Sampling, Task
    from halo_raft.sampling import Origin, Stage, Wording, draft_samples
    from halo_raft.sampling.flow import Workers, outstanding, run_stage
    from halo_raft.sampling.generate import Patience

    gc.collect()
    before = memory("VmRSS")
    each = min(arguments.per_prompt, samples)
    names = [f"t_{number}_{n}" for n in range(samples // each)]
    tasks = [Task(task_id=name, prompt=f"Write `{name}`.", entry_point=name) for name in names]
    drafts = draft_samples(tasks, range(each), Sampling(), Wording(None, False), ("scale", number))
    stage = Stage(
        origin=Origin(1, "none", None), drafts=tuple(drafts),
        policy=JudgingPolicy.of("driver_parts:Free", VerifierConfig(), SandboxConfig()),
        tasks={task.task_id: task for task in tasks}, samples_path=arguments.place / f"{number}_samples.jsonl",
        verdicts_path=arguments.place / f"{number}_verified.jsonl",
    )  # fmt: skip
    workers = Workers(lambda: actors, arguments.nodes, 0, Patience(1, 600.0), lambda: None)
    left, sink, store = outstanding(stage), SinkTime(), Store(stage.samples_path, stage.verdicts_path)
    if arguments.store:
        store.start()
    Path("/proc/self/clear_refs").write_text("5")  # the most memory from here on
    begun, cpu = time.monotonic(), time.process_time()
    run_stage(stage, left, workers, lambda found: sink.look())
    wall, cpu = time.monotonic() - begun, time.process_time() - cpu
    store.over.set()
    return {
        "samples": len(drafts), "wall_s": wall, "driver_s": cpu, "sink_s": sink.seconds,
        "grew_kib": (memory("VmHWM") - before) / 1024, "store_mb": store.bytes / (1 << 20), "ahead": store.ahead,
    }  # fmt: skip


@contextlib.contextmanager
def started(nodes: int, engines: int, raylets: bool) -> Iterator[None]:
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


def main() -> None:
    """Print what the stages took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", type=Path)
    parser.add_argument("stages", type=json.loads, help="[samples, seconds of a verdict, samples/s of an engine], ...")
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--engines", type=int, required=True)
    parser.add_argument("--per-prompt", type=int, required=True)
    parser.add_argument("--raylets", action="store_true")
    parser.add_argument("--store", action="store_true", help="look at the object store too, which takes CPU time")
    print(json.dumps(list(session(parser.parse_args()))))


if __name__ == "__main__":
    main()
