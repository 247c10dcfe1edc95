"""What a cycle costs beside its parts: vLLM drawing the same tokens, and a bare loop training the same examples.

One cycle of the product runs as a user starts it; then vLLM itself draws as many tokens for the same prompts, and the
bare loop of `train.py` trains an epoch of what the cycle kept. The rate is parts a second: what the two would need one
after the other, over what the stages of the cycle took; what is judged beside them has to be hidden. Starting Ray,
engine and trainer is left out on both sides.

    python bench/cycle.py
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import generate
import train
from halo_raft.train import read_training
from side_by_side import RESULTS, Measured, facts, in_turn, write

DRAWN = ("sample", "second_round")
SAMPLES = 4
"""Of each task."""


def main() -> None:
    """Measure and print; keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=60, help="starter tasks, four samples each")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for cycle.json and cycle.md")
    arguments = parser.parse_args()
    seen_on = facts()
    with tempfile.TemporaryDirectory(prefix="halo-raft-bench-") as scratch:
        runs = (Path(scratch, f"run{number}") for number in range(arguments.rounds))
        latest: list[Path] = []

        def cycle() -> Measured:
            latest[:] = [next(runs)]
            seconds = generate.product(latest[0], arguments.tasks, SAMPLES)["seconds"]
            counted = {stage: seconds[stage] for stage in DRAWN if stage in seconds}
            counted["train"] = read_training(latest[0] / "cycle_1_final")["loop_seconds"]
            said = " and ".join(f"{stage} {value:.0f} s" for stage, value in counted.items())
            return 3600 / sum(counted.values()), said

        def parts() -> Measured:
            rows = generate.rows_of(latest[0])
            drawing = sum(len(row["token_ids"]) for row in rows) / generate.in_process_of_its_own("raw", latest[0])
            kept = latest[0] / "cycle_1_kept.jsonl"
            examples = sum(1 for _ in kept.open(encoding="utf-8"))
            options = argparse.Namespace(model=generate.MODEL, examples=examples, kept=kept)
            rate, said = train.in_process_of_its_own("bare", options)  # type: ignore[misc]
            training = int(str(said).split()[0]) / float(rate)
            return 3600 / (drawing + training), f"drawing {drawing:.0f} s and training {training:.0f} s"

        found = in_turn(
            f"A cycle of {arguments.tasks} starter tasks, SmolLM2-135M",
            "cycles/h",
            {"halo-raft, judging included": cycle, "vLLM, then a bare loop, nothing judged": parts},
            arguments.rounds,
        )
    write("cycle", "One cycle, side by side in one run", [found], seen_on, arguments.output)


if __name__ == "__main__":
    main()
