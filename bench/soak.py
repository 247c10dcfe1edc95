"""A long run of honest and hostile programs through one worker: nothing may grow.

Judges samples from the HumanEval wheel, one in ten of them hostile, and looks every so often at
file descriptors, processes, memory, control groups and the temporary folders of this process and all
below it, and at the kernel's own memory. Writes a chart and its numbers.

    python bench/soak.py --samples 20000 --output bench/results/soak
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from halo_raft.records import Task, Verdict
from halo_raft.sandbox import Limits, cgroup, probe
from halo_raft.tasks import load
from halo_raft.verifiers import VerifierOptions, create

THREADS = 4
HOSTILE_SHARE = 0.1
HOSTILE = {
    "exit": "import os\nos._exit(0)",
    "equals everything": "class E:\n    __eq__ = lambda s, o: True\ndef {f}(*a): return E()",
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "daemon": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    os.fork()\n    time.sleep(999)\n"
    "def {f}(*a): return 1",
    "memory": "x = []\nwhile True: x.append(bytearray(1 << 20))",
    "fill": "for i in range(10**6):\n    with open(str(i), 'wb') as f: f.write(b'x' * 10**6)",
    "many files": "for i in range(10**6): open(str(i), 'w').close()",
    "output": "while True: print('x' * 10**6)",
    "descriptors": "import os\nwhile True: os.pipe()",
    "threads": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()",
    "kill": "import os\nos.kill(-1, 9)\nos.kill(os.getppid(), 9)\ndef {f}(*a): return 1",
    "recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef {f}(*a): return {f}(*a)",
    "sleep": "import time\ndef {f}(*a): time.sleep(999)",
    "spin": "def {f}(*a):\n    while True: pass",
    "huge int": "def {f}(*a): return 10 ** 300000",
    "channel": "import os\nfor fd in range(3, 9):\n    try: os.write(fd, b'x' * 99)\n    except OSError: pass\n"
    "def {f}(*a): return 1",
    "orphans that spin": "import os\nfor _ in range(2):\n    if os.fork() == 0:\n        if os.fork(): os._exit(0)\n"
    "        while True: pass\nimport time\ntime.sleep(99)",
    "unwaited children": "import os, signal, time\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n"
    "    if os.fork() == 0:\n        end = time.process_time() + 0.3\n        while time.process_time() < end: pass\n"
    "        os._exit(0)\n    time.sleep(0.2)",
    "drip": "import os, threading, time\ndef drip():\n    while True:\n        os.write(2, b'.')\n"
    "        time.sleep(0.02)\nthreading.Thread(target=drip, daemon=True).start()\nwhile True: pass",
    "drip and grow": "import os, threading, time\ndef drip():\n    while True:\n        os.write(2, b'.')\n"
    "        time.sleep(0.02)\nthreading.Thread(target=drip, daemon=True).start()\nfor _ in range(9):\n"
    "    if os.fork() == 0:\n        kept = b'x' * (100 << 20)\n        time.sleep(99)\ntime.sleep(99)",
    "socket buffers": "import os, socket, time\nfor _ in range(16):\n    if os.fork() == 0: break\nkept = []\ntry:\n"
    "    while True:\n        kept.append(socket.socketpair())\n        for end in kept[-1]:\n"
    "            end.setblocking(False)\n            try:\n                while True: end.send(bytes(60000))\n"
    "            except BlockingIOError: pass\nexcept OSError: time.sleep(99)",
    "deep folders": "import os\nwhile True:\n    os.mkdir('d')\n    os.chdir('d')",
    "locked folders": "import os\nfor n in range(200):\n    os.mkdir(str(n))\n    os.chmod(str(n), 0)\nos._exit(0)",
    "watch": "import ctypes\nlibc = ctypes.CDLL(None)\nwhile True: libc.inotify_init()",
    "crash": "import ctypes\nctypes.string_at(0)",
}


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
    folders = [p for top in ("/tmp", "/dev/shm") for p in Path(top).glob("halo-raft-*")]
    mounts = Path("/proc/self/mounts").read_text().count("halo-raft")
    return {
        "samples": done,
        "seconds": round(time.monotonic() - started, 1),
        "processes": len(pids),
        "descriptors": fds,
        "own descriptors": len(os.listdir("/proc/self/fd")),
        "resident_mb": round(resident / 2**20, 1),
        "own resident_mb": round(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20, 1),
        "folders": len(folders),
        "groups": len(list(groups.glob(f"{cgroup.PREFIX}{os.getpid()}-*"))) if groups else 0,
        "machine's kernel_mb": round((kernel["SUnreclaim"] + kernel["KernelStack"] + kernel["PageTables"]) / 1024, 1),
        "mounts": mounts,
    }


def programs(count: int, seed: int) -> list[tuple[str, Task, str]]:
    """Return (`honest` or what kind of attack, task, program)."""
    rng = random.Random(seed)
    tasks = load("humaneval").tasks
    rows = []
    for number in range(count):
        task = tasks[number % len(tasks)]
        if rng.random() < HOSTILE_SHARE:
            name = rng.choice(list(HOSTILE))
            rows.append((name, task, HOSTILE[name].replace("{f}", task.entry_point or "f")))
        else:
            rows.append(("honest", task, task.solution or ""))
    return rows


def soak(count: int, seed: int, every: int) -> dict[str, Any]:
    """Judge `count` programs and return what was seen."""
    options = VerifierOptions(limits=Limits(cpu_s=2, wall_s=6, memory_mb=256, output_kb=256))
    verifier = create("humaneval", options)
    rows = programs(count, seed)
    wrong: list[str] = []
    kinds: collections.Counter[str] = collections.Counter()
    longest = 0.0
    started = time.monotonic()
    looks = []

    def judge(row: tuple[str, Task, str]) -> tuple[str, Verdict]:
        name, task, code = row
        return name, verifier.judge("s", f"```python\n{code}\n```" if name != "honest" else code, task)

    with ThreadPoolExecutor(THREADS) as pool:
        for begin in range(0, count, every):
            for name, verdict in pool.map(judge, rows[begin : begin + every]):
                kinds[f"{'honest' if name == 'honest' else 'hostile'}: {verdict.kind.value}"] += 1
                longest = max(longest, verdict.wall_s)
                if verdict.success != (name == "honest"):
                    wrong.append(f"{name}: {verdict.kind.value}: {verdict.details[:100]}")
            looks.append(look(started, min(begin + every, count)))
            print(json.dumps(looks[-1]), flush=True)
    return {
        "tier": probe().name,
        "samples": count,
        "hostile": sum(name != "honest" for name, _, _ in rows),
        "seed": seed,
        "seconds": round(time.monotonic() - started, 1),
        "kinds": dict(sorted(kinds.items())),
        "wrong verdicts": wrong,
        "longest_wall_s": round(longest, 2),
        "looks": looks,
    }


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw what was in use over the run."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = ("processes", "descriptors", "resident_mb", "folders")
    figure, axes = pyplot.subplots(len(panels), 1, figsize=(8, 8), sharex=True)
    for axis, name in zip(axes, panels, strict=True):
        axis.plot([at["samples"] for at in result["looks"]], [at[name] for at in result["looks"]], marker=".")
        axis.set_ylabel(name)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_title(f"{result['samples']} samples, {result['hostile']} of them hostile, tier {result['tier']}")
    axes[-1].set_xlabel("samples judged")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run, write, draw; exit 1 when a verdict was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=500)
    parser.add_argument("--output", type=Path, default=Path("bench/results/soak"))
    arguments = parser.parse_args()
    result = soak(arguments.samples, arguments.seed, arguments.every)
    arguments.output.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    draw(result, arguments.output.with_suffix(".png"))
    print(json.dumps({k: v for k, v in result.items() if k != "looks"}, indent=1))
    raise SystemExit(1 if result["wrong verdicts"] else 0)


if __name__ == "__main__":
    main()
