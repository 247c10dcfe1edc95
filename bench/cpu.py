"""Tokens per second on a CPU: in float32 and in bfloat16, with pages of memory that stay and that are given back.

The product multiplies in what the CPU's flags promise to be faster (`halo_raft/precision.py`), and its engine keeps
the pages that it frees (`halo_raft/engines/heap.py`); its trainer does not. All four ways are tried. Training is one
epoch of starter tasks with their solutions in the product's loop, generation their answers by its engine, each in a
process of its own; the clock starts when models are loaded.

    python bench/cpu.py
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from halo_raft import models, prompts, tasks
from halo_raft.config import EngineConfig
from halo_raft.engines.heap import VARIABLE, keeping_heap
from halo_raft.precision import bfloat16_is_fast
from side_by_side import RESULTS, Measured, facts, in_turn, write
from train import kept_rows, ours

MODEL = "builtin:smollm2-135m"
NEW_TOKENS = 96
WARM_UP = 4
"""Requests that an engine answers before the clock runs."""
PRECISIONS = {True: "bfloat16", False: "float32"}


def trained(bf16: bool, count: int) -> tuple[float, int]:
    """Return tokens per second and tokens of one epoch."""
    from transformers import AutoTokenizer

    base = models.resolve(MODEL)
    rows = kept_rows(None, count, AutoTokenizer.from_pretrained(base))
    with tempfile.TemporaryDirectory(prefix="halo-raft-bench-") as name:
        examples = Path(name, "examples.jsonl")
        examples.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return ours(base, examples, Path(name), bf16=bf16)


def generated(bf16: bool, count: int) -> tuple[float, int]:
    """Return tokens per second and tokens of an answer to each of so many prompts."""
    from halo_raft.engines import EngineSpec, GenerationRequest
    from halo_raft.engines.vllm import VllmEngine
    from halo_raft.records import Sampling

    engine = VllmEngine(EngineSpec(models.resolve(MODEL), EngineConfig(max_model_len=1024), dtype=PRECISIONS[bf16]))
    sampling = Sampling(temperature=0.7, max_new_tokens=NEW_TOKENS)
    requests = [
        GenerationRequest(task.task_id, prompts.messages(task), sampling, seed=number)
        for number, task in enumerate(tasks.load("starter").tasks[:count])
    ]

    def tokens_of(some: list[GenerationRequest]) -> int:
        return sum(len(answer.token_ids) for answers in engine.stream(some) for answer in answers)

    tokens_of(requests[:WARM_UP])
    begun = time.monotonic()
    tokens = tokens_of(requests)
    return tokens / (time.monotonic() - begun), tokens


WAYS = {"train": trained, "generate": generated}


def in_process_of_its_own(way: str, count: int, bf16: bool, keeps: bool) -> Measured:
    """Run in a fresh process; return tokens per second, and how many there were."""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    environment |= (keeping_heap() if keeps else {}) | ({"OMP_WAIT_POLICY": "PASSIVE"} if way == "train" else {})
    command = [sys.executable, __file__, "--way", way, "--count", str(count), *(["--bf16"] if bf16 else [])]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    rate, tokens = json.loads(done.stdout.splitlines()[-1])
    return rate, f"{tokens} tokens"


def main() -> None:
    """Measure and print; keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=32, help="to train on, a multiple of 16")
    parser.add_argument("--answers", type=int, default=128, help="to draw")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--bf16", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for cpu.json and cpu.md")
    arguments = parser.parse_args()
    if arguments.way:
        print("\n" + json.dumps(WAYS[arguments.way](arguments.bf16, arguments.count)))
        return
    seen_on, fast = facts(), bfloat16_is_fast()

    def contenders(way: str, count: int) -> dict[str, Any]:
        choices = {
            f"{PRECISIONS[fast]}, pages stay": (fast, True),
            f"{PRECISIONS[not fast]}, pages stay": (not fast, True),
            f"{PRECISIONS[fast]}, pages are given back": (fast, False),
            f"{PRECISIONS[not fast]}, pages are given back": (not fast, False),
        }
        return {name: functools.partial(in_process_of_its_own, way, count, *how) for name, how in choices.items()}

    asked = {
        f"Training: {arguments.examples} examples, one epoch, LoRA r=32": ("train", arguments.examples),
        f"Generation: {arguments.answers} answers of at most {NEW_TOKENS} tokens": ("generate", arguments.answers),
    }
    found = [in_turn(title, "tokens/s", contenders(*how), arguments.rounds) for title, how in asked.items()]
    write("cpu", f"Precision and memory on a CPU: {MODEL}, side by side in one run", found, seen_on, arguments.output)


if __name__ == "__main__":
    main()
