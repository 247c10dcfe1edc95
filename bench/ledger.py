"""What a verdict costs in a ledger as it fills: several writers at a time, then programs that are known and others.

Each writer is a process of its own with the real `Ledger`, as commands on one machine have it: some verdicts a
transaction, each with the details of a failing assert. CPU time is all writers' together.

    python bench/ledger.py --output bench/results/ledger.md                     # a million
    python bench/ledger.py --entries 10000000 --output bench/results/ledger.md
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from halo_raft.judging.ledger import FILE, Ledger
from halo_raft.records import Verdict, VerdictKind
from side_by_side import BENCH

A_TRANSACTION = 16
"""As many as the sink writes together."""
VERDICT = Verdict(
    sample_id="", task_id="", kind=VerdictKind.WRONG, success=False, reward=0.0, tests_passed=1, tests_total=3,
    details="assert similar_elements((3, 4, 5, 6), (5, 7, 4, 10)) == (4, 5), but it is (5, 4)", integrity="outside",
    tier="A", cpu_s=0.0042, wall_s=0.0061, verifier="mbpp", verifier_version="1",
)  # fmt: skip


def keys(numbers: range) -> list[str]:
    """Return the keys of entries, of the length that a normal form's hash has."""
    return [f"{number:064x}" for number in numbers]


def write(folder: Path, start: int, end: int) -> None:
    """File entries, some at a time."""
    ledger = Ledger(folder, "bench")
    for first in range(start, end, A_TRANSACTION):
        ledger.put(dict.fromkeys(keys(range(first, min(end, first + A_TRANSACTION))), VERDICT))


def filled(folder: Path, start: int, end: int, writers: int) -> tuple[float, float]:
    """Let writers share entries; return seconds and CPU seconds."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    share = (end - start) // writers
    ends = [start + share * n for n in range(writers)] + [end]
    processes = [multiprocessing.Process(target=write, args=(folder, *ends[n : n + 2])) for n in range(writers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit(f"a writer ended with {process.exitcode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def looked_up(folder: Path, start: int, end: int, *, known: bool) -> float:
    """Return the microseconds of CPU that one of 20,000 programs, spread over the ledger or beyond it, takes."""
    ledger, step = Ledger(folder, "bench"), max(1, (end - start) // 20_000)
    asked = keys(range(start, end, step))
    begun = time.process_time()
    found = sum(len(ledger.find(asked[first : first + A_TRANSACTION])) for first in range(0, len(asked), A_TRANSACTION))
    used = time.process_time() - begun
    if found != len(asked) * known:
        raise SystemExit(f"{found:,} of {len(asked):,} programs were known")
    return 1e6 * used / len(asked)


def main() -> None:
    """Fill a ledger in four steps, look programs up after each, and print; write the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--output", type=Path, help="Markdown file")
    arguments = parser.parse_args()
    os.environ["HALO_RAFT_LEDGER_GB"] = "1000"  # nothing is forgotten: what so many take is the question
    place = Path(tempfile.mkdtemp(prefix="halo-raft-ledger-", dir=BENCH.parent))  # on a disk, as a user's is
    lines = [
        "# The verdict ledger", "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}; {arguments.writers} writers at a time, "
        f"{A_TRANSACTION} verdicts a transaction. Microseconds of CPU a program.", "",
        "| entries | filed, us | known one found, us | unknown one asked for, us | filed a second | MB on disk "
        "| bytes an entry |",
        "| --- " * 7 + "|",
    ]  # fmt: skip
    try:
        ends = [arguments.entries // 100, arguments.entries // 10, arguments.entries // 2, arguments.entries]
        for start, end in zip([0, *ends], ends, strict=False):
            seconds, cpu = filled(place, start, end, arguments.writers)
            known, unknown = looked_up(place, 0, end, known=True), looked_up(place, end, 2 * end, known=False)
            size = sum(path.stat().st_size for path in place.glob(f"{FILE}*"))
            lines.append(
                f"| {end:,} | {1e6 * cpu / (end - start):.1f} | {known:.1f} | {unknown:.1f} "
                f"| {(end - start) / seconds:,.0f} | {size / 1e6:,.0f} | {size / end:.0f} |"
            )
            print(lines[-1], file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(place)
    text = "\n".join([*lines, ""])
    print(text)
    if arguments.output:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
