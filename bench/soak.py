"""A long run of honest and hostile programs through one worker: nothing may grow, and no verdict may change.

Judges samples from the HumanEval wheel, one in ten of them hostile (in Python, or C, C++, Rust and Go where
their compilers are here), and looks every so often at file descriptors, processes, memory, control groups and
the temporary folders of this process and all below it, and at the kernel's own memory. With `--runs` the same
samples are judged as often, in the last run beside as many busy loops as there are processors. Writes a chart
and its numbers.

    python bench/soak.py --samples 50000 --output bench/results/soak
    python bench/soak.py --samples 3000 --runs 3 --output bench/results/soak_repeated
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from halo_raft.records import Task, Verdict
from halo_raft.sandbox import Limits, cgroup, probe
from halo_raft.tasks import load
from halo_raft.verifiers import VerifierOptions, create
from soak_programs import COMPILERS, DOUBLE, NATIVE, PYTHON

THREADS = 4
HOSTILE_SHARE = 0.1
NATIVE_SHARE = 0.2
"""Share of hostile programs that are compiled."""
PATIENT = Limits(cpu_s=10, wall_s=60)
"""For honest programs: a busy machine is not their fault."""
QUICK = Limits(cpu_s=0.5, wall_s=2, memory_mb=256, output_kb=256)
"""For hostile ones, many of which use all that they are given."""
PANELS = ("processes", "descriptors", "resident_mb", "machine's kernel_mb", "groups", "folders")


class Row(NamedTuple):
    """A program to judge: `honest` or what kind of attack, and the completion that it comes in."""

    name: str
    task: Task
    completion: str

    @property
    def honest(self) -> bool:
        """Whether it should pass."""
        return self.name == "honest"

    @property
    def verifier(self) -> str:
        """Who judges it."""
        return "execution" if self.task is DOUBLE else "humaneval"


def descendants() -> list[int]:
    """Return this process and all below it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents[int(name)] = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def look(started: float, done: int) -> dict[str, float]:
    """Return what is in use right now."""
    pids = descendants()
    resident = fds = 0
    for pid in pids:
        try:
            resident += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
            fds += len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            continue
    groups = cgroup.parent_folder()
    kernel = {line.split(":")[0]: int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines()}
    mounts = Path("/proc/self/mounts").read_text().count("halo-raft")
    return {
        "samples": done,
        "seconds": round(time.monotonic() - started, 1),
        "processes": len(pids),
        "descriptors": fds,
        "own descriptors": len(os.listdir("/proc/self/fd")),
        "resident_mb": round(resident / 2**20, 1),
        "own resident_mb": round(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20, 1),
        "folders": len(os.listdir(tempfile.gettempdir())),
        "groups": len(list(groups.glob(f"{cgroup.PREFIX}{os.getpid()}-*"))) if groups else 0,
        "machine's kernel_mb": round((kernel["SUnreclaim"] + kernel["KernelStack"] + kernel["PageTables"]) / 1024, 1),
        "mounts": mounts,
    }


def programs(count: int, seed: int) -> list[Row]:
    """Return what is judged."""
    rng = random.Random(seed)
    tasks = load("humaneval").tasks
    native = [name for name, (language, _) in NATIVE.items() if shutil.which(COMPILERS[language])]
    rows = []
    for number in range(count):
        task = tasks[number % len(tasks)]
        if rng.random() >= HOSTILE_SHARE:
            rows.append(Row("honest", task, task.solution or ""))
        elif native and rng.random() < NATIVE_SHARE:
            language, code = NATIVE[name := rng.choice(native)]
            rows.append(Row(f"{language}: {name}", DOUBLE, f"```{language}\n{code}\n```"))
        else:
            name = rng.choice(list(PYTHON))
            code = PYTHON[name].replace("{f}", task.entry_point or "f")
            rows.append(Row(name, task, f"```python\n{code}\n```"))
    return rows


@contextmanager
def load_beside() -> Iterator[None]:
    """Keep every processor busy meanwhile."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


class Soak:
    """Judges rows and keeps what was seen."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._verifiers = {
            (name, honest): create(name, VerifierOptions(limits=PATIENT if honest else QUICK))
            for name in ("humaneval", "execution")
            for honest in (True, False)
        }
        self.kinds: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self.longest_s = 0.0
        self.looks: list[dict[str, float]] = []
        self._done = 0

    def run(self, rows: list[Row], every: int) -> list[str]:
        """Judge rows, look around after each `every` of them, and return the kinds of the verdicts."""
        found = []
        with ThreadPoolExecutor(THREADS) as pool:
            for begin in range(0, len(rows), every):
                part = rows[begin : begin + every]
                for row, verdict in zip(part, pool.map(self._judge, part), strict=True):
                    found.append(verdict.kind.value)
                    self._see(row, verdict)
                self._done += len(part)
                self.looks.append(look(self._started, self._done))
                print(json.dumps(self.looks[-1]), flush=True)
        return found

    def _judge(self, row: Row) -> Verdict:
        return self._verifiers[row.verifier, row.honest].judge("s", row.completion, row.task)

    def _see(self, row: Row, verdict: Verdict) -> None:
        self.kinds[f"{'honest' if row.honest else 'hostile'}: {verdict.kind.value}"] += 1
        self.longest_s = max(self.longest_s, verdict.wall_s)
        if verdict.success != row.honest or verdict.kind.value == "infra":
            self.wrong.append(f"{row.name}: {verdict.kind.value}: {verdict.details[:100]}")


def soak(count: int, seed: int, every: int, runs: int) -> dict[str, Any]:
    """Judge `count` programs `runs` times and return what was seen."""
    rows = programs(count, seed)
    started = time.monotonic()
    it = Soak(started)
    found = [it.run(rows, every) for _ in range(max(1, runs - 1))]
    if runs > 1:
        with load_beside():
            found.append(it.run(rows, every))
    changed = collections.Counter(
        f"{row.name}: {', '.join(kinds)}"
        for row, kinds in zip(rows, zip(*found, strict=True), strict=True)
        if len(set(kinds)) > 1
    )
    return {
        "tier": probe().name,
        "samples": count,
        "hostile": sum(not row.honest for row in rows),
        "runs": runs,
        "seed": seed,
        "seconds": round(time.monotonic() - started, 1),
        "kinds": dict(sorted(it.kinds.items())),
        "wrong verdicts": it.wrong,
        "verdicts that changed between runs": dict(changed),
        "longest_wall_s": round(it.longest_s, 2),
        "looks": it.looks,
    }


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw what was in use over the run."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = [name for name in PANELS if name in result["looks"][0]]
    figure, axes = pyplot.subplots(len(panels), 1, figsize=(8, 8), sharex=True)
    for axis, name in zip(axes, panels, strict=True):
        axis.plot([at["samples"] for at in result["looks"]], [at[name] for at in result["looks"]], marker=".")
        axis.set_ylabel(name)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_title(
        f"{result['samples']} samples, {result['hostile']} hostile, {result['runs']} run(s), tier {result['tier']}"
    )
    axes[-1].set_xlabel("samples judged")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run, write, draw; exit 1 when a verdict was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=1, help="how often; the last of several is under load")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=500)
    parser.add_argument("--output", type=Path, default=Path("bench/results/soak"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="halo-raft-soak-") as folder:
        os.chmod(folder, 0o755)
        tempfile.tempdir = folder  # whose folders are left there are ours
        result = soak(arguments.samples, arguments.seed, arguments.every, arguments.runs)
    arguments.output.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    draw(result, arguments.output.with_suffix(".png"))
    print(json.dumps({k: v for k, v in result.items() if k != "looks"}, indent=1))
    raise SystemExit(1 if result["wrong verdicts"] else 0)


if __name__ == "__main__":
    main()
