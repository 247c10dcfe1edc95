"""Training tokens per second: ours, a bare PyTorch loop, and the Hugging Face `Trainer` with everything padded to 2048.

All train the same LoRA adapter on the same examples with the same effective batch and precision, and what is counted
is the same: tokens of prompts and completions, padding left out, per second of the optimizer steps. Does not measure
start-up, nor what was learned.

    python bench/train.py
    python bench/train.py --kept models/raft/cycle_1_kept.jsonl
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from halo_raft import models, prompts, tasks
from halo_raft.config import LoraConfig, TrainingConfig
from halo_raft.train import FinetuneJob
from side_by_side import RESULTS, Measured, facts, in_turn, write

PADDED = 2048
BATCH, ACCUMULATION = 2, 8
"""Of the padded `Trainer`, whose batches are long; the others take the same sixteen examples a step as 8 x 2."""
OUR_BATCH, OUR_ACCUMULATION = 8, 2


def kept_rows(kept: Path | None, count: int, tokenizer: Any) -> list[dict[str, Any]]:
    """Return examples evenly out of a file of kept samples; without one, starter tasks with their solutions."""
    if kept is not None:
        rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    else:
        rows = [
            {
                "prompt_token_ids": prompts.token_ids(prompts.messages(task), tokenizer),
                "token_ids": tokenizer(task.solution or "", add_special_tokens=False)["input_ids"],
            }
            for task in tasks.load("starter").tasks
        ]
    step = max(1, len(rows) // count)
    return rows[::step][:count]


def ours(base: str, examples: Path, folder: Path, *, bf16: bool = True) -> tuple[float, int]:
    """Return tokens per second and tokens of one epoch of ours."""
    from halo_raft.train import loop

    training = TrainingConfig(
        num_train_epochs=1,
        per_device_train_batch_size=OUR_BATCH,
        gradient_accumulation_steps=OUR_ACCUMULATION,
        learning_rate=1e-4,
        bf16=bf16,
    )
    job = FinetuneJob(
        base_model=base,
        example_files=(examples,),
        output_dir=folder / "ours",
        storage_dir=folder,
        lora=LoraConfig(),
        training=training,
        learning_rate=1e-4,
    )
    measured = loop.train(job, report=print)
    return measured["tokens_per_s"], measured["trained_tokens"]


def bare_loop(base: str, rows: Sequence[dict[str, Any]]) -> tuple[float, int]:
    """Return tokens per second and tokens of one epoch of the loop that anyone would write.

    Batches as they come, padded to their longest, loss on the completions; autocast, AdamW, nothing else.
    """
    import peft
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = peft.get_peft_model(
        model, peft.LoraConfig(task_type="CAUSAL_LM", r=32, lora_alpha=64, target_modules="all-linear")
    ).to(device)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    model.train()
    begun, tokens = time.monotonic(), 0
    for number in range(0, len(rows), OUR_BATCH):
        some = rows[number : number + OUR_BATCH]
        longest = max(len(row["prompt_token_ids"]) + len(row["token_ids"]) for row in some)
        batch = [_padded(row, longest, with_prompt=False) for row in some]
        tensors = {key: torch.tensor([one[key] for one in batch], device=device) for key in batch[0]}
        with torch.autocast(device, dtype=torch.bfloat16):
            loss = model(**tensors).loss
        (loss / OUR_ACCUMULATION).backward()
        if (number // OUR_BATCH + 1) % OUR_ACCUMULATION == 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        tokens += int(tensors["attention_mask"].sum())
    return tokens / (time.monotonic() - begun), tokens


def padded_trainer(base: str, rows: Sequence[dict[str, Any]], folder: Path) -> tuple[float, int]:
    """Return tokens per second and tokens of one epoch of a plain `Trainer`, every example padded to 2048."""
    import peft
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    model = peft.get_peft_model(
        model, peft.LoraConfig(task_type="CAUSAL_LM", r=32, lora_alpha=64, target_modules="all-linear")
    )
    padded = [_padded(row, PADDED) for row in rows]
    trainer = transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(
            output_dir=str(folder / "peer"), num_train_epochs=1, per_device_train_batch_size=BATCH,
            gradient_accumulation_steps=ACCUMULATION, learning_rate=1e-4, save_strategy="no", report_to="none",
            logging_steps=1, bf16=True, use_cpu=not torch.cuda.is_available(),
        ),
        train_dataset=padded,
        data_collator=lambda batch: {key: torch.tensor([row[key] for row in batch]) for key in batch[0]},
    )  # fmt: skip
    started = time.monotonic()
    trainer.train()
    tokens = sum(sum(row["attention_mask"]) for row in padded)
    return tokens / (time.monotonic() - started), tokens


def _padded(row: dict[str, Any], size: int, *, with_prompt: bool = True) -> dict[str, list[int]]:
    """Return one example of so many tokens, with its loss on all of them or on the completion alone."""
    ids = (row["prompt_token_ids"] + row["token_ids"])[:size]
    gap = size - len(ids)
    silent = 0 if with_prompt else min(len(row["prompt_token_ids"]), len(ids))
    return {
        "input_ids": ids + [0] * gap,
        "attention_mask": [1] * len(ids) + [0] * gap,
        "labels": [-100] * silent + ids[silent:] + [-100] * gap,
    }


def in_process_of_its_own(way: str, arguments: argparse.Namespace) -> Measured:
    """Train in a fresh process; return tokens per second, and how many tokens there were."""
    command = [sys.executable, __file__, "--way", way, "--model", arguments.model]
    command += ["--examples", str(arguments.examples), *(["--kept", str(arguments.kept)] if arguments.kept else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rate, tokens = json.loads(done.stdout.splitlines()[-1])
    return rate, f"{tokens} tokens"


def train(way: str, arguments: argparse.Namespace) -> tuple[float, int]:
    """Train one epoch in this process; return tokens per second, and tokens."""
    from transformers import AutoTokenizer

    base = models.resolve(arguments.model)
    rows = kept_rows(arguments.kept, arguments.examples, AutoTokenizer.from_pretrained(base))
    with tempfile.TemporaryDirectory(prefix="halo-raft-bench-") as name:
        folder = Path(name)
        if way == "bare":
            return bare_loop(base, rows)
        if way == "padded":
            return padded_trainer(base, rows, folder)
        examples = folder / "examples.jsonl"
        examples.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return ours(base, examples, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kept", type=Path, help="kept samples of a run; starter tasks when not given")
    parser.add_argument("--examples", type=int, default=32, help="how many of them, a multiple of 16")
    parser.add_argument("--model", default="builtin:smollm2-135m")
    parser.add_argument("--without-padded", action="store_true", help="leave out the slowest, minutes a round on a CPU")
    parser.add_argument("--way", choices=("ours", "bare", "padded"), help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for train.json and train.md")
    arguments = parser.parse_args()
    if arguments.way:
        print("\n" + json.dumps(train(arguments.way, arguments)))
        return
    seen_on = facts()
    ways = {"halo-raft": "ours", "a bare PyTorch loop": "bare", f"`Trainer`, everything padded to {PADDED}": "padded"}
    contenders = {
        name: functools.partial(in_process_of_its_own, way, arguments)
        for name, way in ways.items()
        if way != "padded" or not arguments.without_padded
    }
    title = f"{arguments.examples} examples, one epoch, LoRA r=32 on `{arguments.model}`, 16 examples a step"
    found = in_turn(title, "tokens/s", contenders, arguments.rounds)
    write("train", "Training, side by side in one run", [found], seen_on, arguments.output)


if __name__ == "__main__":
    main()
