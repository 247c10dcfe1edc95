"""Training tokens per second: ours beside the Hugging Face `Trainer` with everything padded to 2048.

Both train the same LoRA adapter on the same examples with the same effective batch and precision, in one
run, and what is counted is the same: tokens of prompts and completions, padding left out, per second of
the optimizer steps. What counts is the ratio. Does not measure start-up, nor what was learned.

    python bench/train_speed.py --kept models/raft/cycle_1_kept.jsonl --output bench/results/train_speed.md
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from halo_raft import models, prompts, tasks
from halo_raft.config import LoraConfig, TrainingConfig
from halo_raft.train import FinetuneJob

PADDED = 2048
BATCH, ACCUMULATION = 2, 8
"""Of the peer, whose batches are long; ours takes the same sixteen examples a step as 8 x 2."""


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


def ours(base: str, examples: Path, folder: Path) -> tuple[float, int]:
    """Return tokens per second and tokens of one epoch of ours."""
    from halo_raft.train import loop

    training = TrainingConfig(
        num_train_epochs=1, per_device_train_batch_size=8, gradient_accumulation_steps=2, learning_rate=1e-4, bf16=True
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


def peers(base: str, rows: Sequence[dict[str, Any]], folder: Path) -> tuple[float, int]:
    """Return tokens per second and tokens of one epoch of a plain `Trainer`, every example padded to 2048."""
    import peft
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    model = peft.get_peft_model(
        model, peft.LoraConfig(task_type="CAUSAL_LM", r=32, lora_alpha=64, target_modules="all-linear")
    )
    padded = [_padded(row["prompt_token_ids"] + row["token_ids"]) for row in rows]
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


def _padded(ids: list[int]) -> dict[str, list[int]]:
    """Return one example with its loss on every token of it, as the peer has it."""
    ids = ids[:PADDED]
    gap = PADDED - len(ids)
    return {
        "input_ids": ids + [0] * gap,
        "attention_mask": [1] * len(ids) + [0] * gap,
        "labels": ids + [-100] * gap,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", type=Path, help="kept samples of a run; starter tasks when not given")
    parser.add_argument("--examples", type=int, default=32, help="how many of them, a multiple of 16")
    parser.add_argument("--model", default="builtin:smollm2-135m")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "train_speed.md")
    arguments = parser.parse_args()
    from transformers import AutoTokenizer

    base = models.resolve(arguments.model)
    rows = kept_rows(arguments.kept, arguments.examples, AutoTokenizer.from_pretrained(base))
    with tempfile.TemporaryDirectory(prefix="train-speed-") as name:
        folder = Path(name)
        examples = folder / "examples.jsonl"
        examples.write_text("".join(json.dumps(row) + "\n" for row in rows))
        our_rate, our_tokens = ours(base, examples, folder)
        peer_rate, peer_tokens = peers(base, rows, folder)
    report = f"""# Training speed

{len(rows)} examples of {sum(len(r["prompt_token_ids"] + r["token_ids"]) for r in rows) / len(rows):.0f} tokens on \
average, one epoch, LoRA r=32 on `{arguments.model}`, bfloat16, 16 examples a step. Tokens are the examples' own; \
padding does not count.

| | tokens | tokens/s |
| --- | --- | --- |
| halo-raft | {our_tokens} | {our_rate:,.0f} |
| `Trainer`, everything padded to {PADDED} | {peer_tokens} | {peer_rate:,.0f} |

halo-raft is {our_rate / peer_rate:.1f} times as fast.
"""
    print(report)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
