"""Whether ours has become slower beside the others: ratios of today, in one run, against those in `results/`.

Only ratios are compared, never times; one that has fallen by more than the share allowed is named, and the exit code
is 1. What is slower today on both sides is the machine's affair. Runs what has a result there, or the named ones.

    python bench/check.py
    python bench/check.py verify train --rounds 5
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from side_by_side import BENCH, RESULTS

ALLOWED = 0.15
COMMANDS = ("verify", "verify_native", "generate", "train", "cycle")


def ratios(result: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Return (title, contender) -> how many times its rate ours is."""
    return {(c["title"], name): ratio for c in result["comparisons"] for name, ratio in c["ratios"].items()}


def fallen(before: dict[str, Any], now: dict[str, Any], allowed: float = ALLOWED) -> Iterator[str]:
    """Yield a line for each ratio that has fallen by more than a share; those of one side alone are not compared."""
    known, seen = ratios(before), ratios(now)
    for key in known.keys() & seen.keys():
        if seen[key] < known[key] * (1 - allowed):
            title, contender = key
            yield f"{title}: beside {contender} ours was {known[key]:.2f} times as fast, and is {seen[key]:.2f} times"


def main() -> int:
    """Run the benchmarks and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(COMMANDS)}")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if unknown := {*arguments.names} - {*COMMANDS}:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(COMMANDS)}")
    names = arguments.names or [name for name in COMMANDS if (RESULTS / f"{name}.json").is_file()]
    slower: list[str] = []
    with tempfile.TemporaryDirectory(prefix="halo-raft-bench-") as folder:
        for name in names:
            known = RESULTS / f"{name}.json"
            if not known.is_file():
                parser.error(f"{known} is not there: python bench/{name}.py makes it")
            command = [sys.executable, str(BENCH / f"{name}.py"), "--rounds", str(arguments.rounds), "--output", folder]
            subprocess.run(command, check=True)
            slower += fallen(json.loads(known.read_text()), json.loads(Path(folder, f"{name}.json").read_text()))
    for line in slower:
        print(f"slower: {line}")
    print("nothing has become slower" if not slower else f"{len(slower)} ratios have fallen by more than {ALLOWED:.0%}")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
