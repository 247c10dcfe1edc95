"""Generated tokens per second: the product with verification beside it, its engine alone, and vLLM itself.

The product draws one cycle's samples of starter tasks; the two others then draw completions of the same prompts with
the same numbers of tokens, so that all of them do the same work. Each runs in a process of its own, with an engine of
its own; the clock runs from the first request to the last token. Does not measure how an engine starts.

    python bench/generate.py
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from side_by_side import RESULTS, Measured, facts, in_turn, write

MODEL = "builtin:smollm2-135m"
SETTINGS = (
    "cycles=1", "tasks.heldout=null", "tasks.heldout_share=0", "tracking.mlflow=false",
    "sampling.max_new_tokens=128", "engine.max_model_len=1024", "training.num_train_epochs=1",
    "training.learning_rate=3e-4", "selection.reward_threshold=0", "selection.keep_top_percent=1.0",
)  # fmt: skip
"""Of the run; without a threshold, since what is trained on here is to be a cycle's worth, not to be learned from."""
WARM_UP = 4
"""Requests that an engine answers before the clock runs."""


def product(folder: Path, tasks: int, samples: int, *settings: str) -> dict[str, Any]:
    """Run one cycle of the product in a fresh folder, so many samples a task, and return its statistics."""
    command = [sys.executable, "-m", "halo_raft.pipelines.raft", *SETTINGS]
    command += [f"model.name={MODEL}", "tasks.train=starter", f"tasks.limit={tasks}", f"output_dir={folder}"]
    command += [f"sampling.samples_per_prompt={samples}", *settings]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the product ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    stats: dict[str, Any] = json.loads((folder / "cycle_1_stats.json").read_text())
    return stats


def rows_of(folder: Path, cycle: int = 1) -> list[dict[str, Any]]:
    """Return the samples of a run."""
    with (folder / f"cycle_{cycle}_samples.jsonl").open(encoding="utf-8") as lines:
        return [*map(json.loads, lines)]


def in_process_of_its_own(way: str, folder: Path) -> float:
    """Have an engine of its own draw as many tokens as a run did; return tokens per second."""
    command = [sys.executable, __file__, "--way", way, "--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def draw(way: str, folder: Path) -> float:
    """Draw with our engine or with vLLM itself, as ours sets it up; return tokens per second."""
    from vllm import SamplingParams

    from gpu_models import device
    from halo_raft import models, prompts, tasks
    from halo_raft.config import RaftConfig, load
    from halo_raft.engines import EngineSpec, GenerationRequest
    from halo_raft.engines.vllm import VllmEngine
    from halo_raft.records import Sampling

    config = load(RaftConfig, None, [f"model.name={MODEL}", *SETTINGS])
    engine = VllmEngine(EngineSpec(models.resolve(MODEL), config.engine, device=device(), lora_rank=config.lora.r))
    by_id = {task.task_id: task for task in tasks.load("starter").tasks}
    rows = rows_of(folder)

    def raw(some: list[dict[str, Any]]) -> int:
        parameters = [SamplingParams(temperature=0.7, max_tokens=len(r["token_ids"]), ignore_eos=True) for r in some]
        given = [{"prompt_token_ids": row["prompt_token_ids"]} for row in some]
        return sum(
            len(output.outputs[0].token_ids) for output in engine.llm.generate(given, parameters, use_tqdm=False)
        )

    def ours(some: list[dict[str, Any]]) -> int:
        requests = [
            GenerationRequest(
                str(number),
                prompts.messages(by_id[row["task_id"]]),
                Sampling(temperature=0.7, max_new_tokens=len(row["token_ids"])),
                seed=number,
            )
            for number, row in enumerate(some)
        ]
        return sum(len(answer.token_ids) for answers in engine.stream(requests) for answer in answers)

    call = {"raw": raw, "ours": ours}[way]
    call(rows[:WARM_UP])
    begun = time.monotonic()
    tokens = call(rows)
    return tokens / (time.monotonic() - begun)


def main() -> None:
    """Measure and print; keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=24, help="starter tasks")
    parser.add_argument("--samples", type=int, default=16, help="of each task; a stage's start is a part of few")
    parser.add_argument("--way", choices=("raw", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for generate.json and generate.md")
    arguments = parser.parse_args()
    if arguments.way:
        print(draw(arguments.way, arguments.folder))
        return
    seen_on = facts()
    with tempfile.TemporaryDirectory(prefix="halo-raft-bench-") as scratch:
        runs = (Path(scratch, f"run{number}") for number in range(arguments.rounds))
        latest: list[Path] = []

        def whole() -> Measured:
            latest[:] = [next(runs)]
            stats = product(latest[0], arguments.tasks, arguments.samples, "selection.max_per_prompt=1")
            return stats["tokens_per_s"], f"{stats['samples']} samples"

        contenders = {
            "halo-raft, judging beside it": whole,
            "halo-raft's engine alone": lambda: in_process_of_its_own("ours", latest[0]),
            "vLLM itself": lambda: in_process_of_its_own("raw", latest[0]),
        }
        found = in_turn("Completions of starter tasks, SmolLM2-135M", "tokens/s", contenders, arguments.rounds)
    write("generate", "Generation, side by side in one run", [found], seen_on, arguments.output)


if __name__ == "__main__":
    main()
