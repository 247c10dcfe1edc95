"""Native samples judged, by CPU and by wall clock: ours in its sandbox beside the plain compiler, one worker each.

For C++ (`gcc`), Rust and Go: programs that print, a list of asserts as MultiPL-E has it, and tests that share the
program's process. Ours is asked about the first sample of tasks that it has never seen (*first sight*), then about
further, different samples of them (*seen before*); what a machine prepares once, such as precompiled headers, a
warm-up task has made. Plain is the compiler in a subprocess with our flags, then the program, nothing isolated.

CPU is that of everything below a contender, so a busy machine matters little to it; it matters to samples a second.
A note says where ours goes: compiler with its linker, program, and the rest (worker, sandbox).

    python bench/verify_native.py
    python bench/verify_native.py --before ../checkout-of-an-older-commit
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from native_programs import INPUT, KINDS, SAMPLES, Kind
from side_by_side import RESULTS, Comparison, facts, write

TASKS = 6
WARM_UP = 999
SIGHTS = ("first sight", "seen before")


@dataclasses.dataclass
class Took:
    """What some samples took.

    Attributes:
        samples: How many there were.
        passed: How many of them passed.
        cpu_s, wall_s: Seconds of all of them.
        compiler_s: CPU seconds of the compiler and its linker; 0 where nobody counted.
        program_s: CPU seconds of the programs, likewise.
    """

    samples: int = 0
    passed: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    compiler_s: float = 0.0
    program_s: float = 0.0

    @property
    def note(self) -> str:
        """How many passed, and CPU milliseconds a sample."""
        each = [1e3 * s / self.samples for s in (self.compiler_s, self.program_s)]
        whole = 1e3 * self.cpu_s / self.samples
        parts = f": compiler {each[0]:.0f}, program {each[1]:.0f}, rest {whole - sum(each):.0f}" if each[0] else ""
        return f"{self.passed} of {self.samples} passed; {whole:.0f} ms of CPU each{parts}"


def cpu_s() -> float:
    """Return the CPU seconds of this process and of all below it, the living ones included."""
    me, used = psutil.Process(), 0.0
    for process in (me, *me.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it ended just now: its parent has its seconds
            used += sum(process.cpu_times()[:4])  # its own, and those of its children that ended
    return used


def judge(kind: Kind) -> list[Took]:
    """Judge the first sample of each task, then the others; return what both took."""
    from halo_raft import sandbox
    from halo_raft.records import Task
    from halo_raft.verifiers import VerifierOptions, create

    verifier = create(kind.verifier, VerifierOptions())
    verifier.check()
    tasks = {number: Task(**kind.row(number)) for number in (WARM_UP, *range(TASKS))}  # type: ignore[arg-type]
    took = Took()
    run = sandbox.run

    def counted(*arguments: Any, **options: Any) -> Any:
        outcome = run(*arguments, **options)
        if options.get("tool"):
            took.compiler_s += outcome.cpu_s
        else:
            took.program_s += outcome.cpu_s
        return outcome

    sandbox.run = counted
    for sample in kind.samples(WARM_UP):
        verifier.judge("warm-up", sample, tasks[WARM_UP])
    found = []
    for chosen in (slice(0, 1), slice(1, None)):
        took = Took()
        before, started = cpu_s(), time.monotonic()
        for number in range(TASKS):
            for sample in list(kind.samples(number))[chosen]:
                took.samples += 1
                took.passed += verifier.judge("s", sample, tasks[number]).success
        took.cpu_s, took.wall_s = cpu_s() - before, time.monotonic() - started
        found.append(took)
    return found


def plain(kind: Kind) -> list[Took]:
    """Compile and run all samples of the first tasks with the plain compiler: once for both sights."""
    took = Took()
    with tempfile.TemporaryDirectory() as folder:
        before, started = cpu_s(), time.monotonic()
        for number in range(0, TASKS, SAMPLES):
            for sample in kind.samples(number):
                took.samples += 1
                took.passed += _plain_one(kind, number, sample, Path(folder))
        took.cpu_s, took.wall_s = cpu_s() - before, time.monotonic() - started
    return [took, took]


def _plain_one(kind: Kind, number: int, sample: str, folder: Path) -> bool:
    row = kind.row(number)
    tests = f"#include <cassert>\n{str(row['tests']).removeprefix('}')}" if kind.tests else ""
    source = folder / {"cpp": "a.cpp", "rust": "a.rs", "go": "a.go"}[kind.language]
    source.write_text(f"{sample}\n{tests}")
    compiler = {"cpp": ["g++"], "rust": ["rustc"], "go": ["go", "build"]}[kind.language]
    binary = folder / "program"
    command = [*compiler, *kind.flags, "-o", str(binary), str(source)]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(folder.parent / "halo-raft-bench-go")}
    if subprocess.run(command, capture_output=True, env=environment, check=False).returncode:
        return False
    done = subprocess.run([binary], input=INPUT, capture_output=True, text=True, timeout=20, check=False)
    cases: Any = row.get("test_cases")
    return done.returncode == 0 and (not cases or done.stdout == cases[0]["expected_output"])


def in_process(name: str, what: str, tree: Path) -> list[Took]:
    """Ask a contender in a process of its own, with the sources of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(tree.resolve() / "src")}
    command = [sys.executable, __file__, "--alone", what, "--kinds", name]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [Took(**values) for values in json.loads(done.stdout.splitlines()[-1])]


def compare(name: str, contenders: dict[str, tuple[str, Path]], rounds: int) -> list[Comparison]:
    """Ask the contenders about one kind in turn; return a comparison for each sight and each clock."""
    kind = KINDS[name]
    sights = SIGHTS if kind.tests else SIGHTS[:1]
    titles = {sight: f"{kind.title}, {sight}" if kind.tests else kind.title for sight in sights}
    cpu = {sight: Comparison(f"{title}: CPU", "samples/CPU s", {}) for sight, title in titles.items()}
    wall = {sight: Comparison(f"{title}: wall clock", "samples/s", {}) for sight, title in titles.items()}
    for number in range(rounds):
        for contender, (what, tree) in contenders.items():
            for sight, took in zip(sights, in_process(name, what, tree), strict=False):
                cpu[sight].rates.setdefault(contender, []).append(took.samples / took.cpu_s)
                wall[sight].rates.setdefault(contender, []).append(took.samples / took.wall_s)
                cpu[sight].notes[contender] = took.note
                print(f"round {number + 1}: {titles[sight]}: {contender}: {took.note}", file=sys.stderr, flush=True)
    return [*cpu.values(), *wall.values()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--before", type=Path, help="a checkout of another commit of ours, measured beside this one")
    parser.add_argument("--alone", choices=("ours", "plain"), help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for verify_native.json and .md")
    chosen = parser.parse_args(arguments)
    if chosen.alone:
        kind = KINDS[chosen.kinds[0]]
        print(json.dumps([dataclasses.asdict(t) for t in (judge if chosen.alone == "ours" else plain)(kind)]))
        return
    from halo_raft.sandbox import probe

    here = Path(__file__).parents[1]
    seen_on, tier = facts(), probe().name
    found: list[Comparison] = []
    for name in chosen.kinds:
        before = {"halo-raft before": ("ours", chosen.before)} if chosen.before else {}
        contenders = {"halo-raft": ("ours", here), **before, f"plain {KINDS[name].plain}": ("plain", here)}
        found += compare(name, contenders, chosen.rounds)
    for program in ("g++ --version", "rustc --version", "go version"):
        line = subprocess.run(program.split(), capture_output=True, text=True, check=True).stdout.splitlines()[0]
        seen_on["versions"][program.split()[0]] = line
    heading = f"Native verification, side by side in one run, one worker: tier {tier}"
    write("verify_native", heading, found, seen_on, chosen.output)


if __name__ == "__main__":
    main()
