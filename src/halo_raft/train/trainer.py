"""How a step is computed: order, batches, loss, progress, around the Hugging Face `Trainer`.

Imports torch and transformers at its top, so it is imported in a worker alone.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import transformers

from halo_raft.errors import HaloRaftError
from halo_raft.train.batches import length_grouped_order, pad_right
from halo_raft.train.examples import IGNORE_INDEX, TrainExample
from halo_raft.train.job import LossPoint

PROGRESS_S = 5.0
"""Seconds between progress lines."""


class TokenExactTrainer(transformers.Trainer):
    """`Trainer` with length-grouped batches in a seeded order, a lean loss, and autocast on CPU too.

    `TrainingArguments(bf16=True)` is refused on CPU, or with `use_cpu=True` wraps one Ray worker in DDP.
    """

    def __init__(self, *args: Any, bf16: bool, **kwargs: Any) -> None:
        super().__init__(*args, compute_loss_func=completion_loss, **kwargs)
        self.bf16 = bf16

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler:
        return LengthGroupedSampler(
            [len(example) for example in self.train_dataset], self.args.per_device_train_batch_size, self.args.seed
        )

    def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> contextlib.AbstractContextManager:
        """Return bfloat16 autocast on the device that trains, where it is on."""
        return torch.autocast(self.args.device.type, torch.bfloat16, enabled=self.bf16)

    def compute_loss(self, model: torch.nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Compute the loss with the vocabulary projected at completion positions alone."""
        head = output_embeddings(self.accelerator.unwrap_model(model))
        with project_only(head, predicts_completion(inputs["labels"])):
            return super().compute_loss(model, inputs, *args, **kwargs)


def output_embeddings(model: Any) -> torch.nn.Module:
    """Return the last layer of a PEFT model's base."""
    return model.get_base_model().get_output_embeddings()


def summed_loss(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the summed cross-entropy of a padded batch's completion tokens, outside of training."""
    inputs = {name: rows for name, rows in batch.items() if name != "labels"}
    with project_only(output_embeddings(model), predicts_completion(batch["labels"])):
        return completion_loss(model(**inputs), batch["labels"], 1)


def predicts_completion(labels: torch.Tensor) -> torch.Tensor:
    """Return the mask of positions whose next token carries loss; `labels` are not shifted."""
    return torch.nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORE_INDEX) != IGNORE_INDEX


@contextlib.contextmanager
def project_only(head: torch.nn.Module, positions: torch.Tensor) -> Iterator[None]:
    """Within the block, `head` sees the hidden states at `positions` alone, as one row.

    Two thirds of a batch are prompt. Their logits, the largest tensor of a step, are never made.

    Args:
        head: A model's output embeddings: the last layer that mixes features.
        positions: Mask of shape (batch, length), with n places set; logits come out as (1, n, vocabulary).
    """
    hook = head.register_forward_pre_hook(lambda _, args: (args[0][positions][None], *args[1:]))
    try:
        yield
    finally:
        hook.remove()


def completion_loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int) -> torch.Tensor:
    """Return the summed cross-entropy of one micro-batch over the tokens of the whole accumulated batch.

    So each completion token weighs the same, however batches are cut or spread over workers.

    Args:
        outputs: A model's output under `project_only`.
        labels: As collated, shape (batch, length), not shifted.
        num_items_in_batch: Tokens with loss in all micro-batches of the step, on all workers.
    """
    targets = labels[:, 1:][labels[:, 1:] != IGNORE_INDEX]
    loss = torch.nn.functional.cross_entropy(outputs.logits[0].float(), targets, reduction="sum")
    return loss / num_items_in_batch


class LengthGroupedSampler(torch.utils.data.Sampler):
    """`length_grouped_order` of the epoch that `set_epoch` named, the same on every worker."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = lengths, batch_size, seed, 0

    def __iter__(self) -> Iterator[int]:
        return iter(length_grouped_order(self.lengths, self.batch_size, self.seed, self.epoch))

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of epoch `epoch`, from 0; accelerate calls this."""
        self.epoch = epoch


class Progress(transformers.TrainerCallback):
    """Keeps the loss curve and says every few seconds how far training is."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.report = report
        self.curve: list[LossPoint] = []
        self.seconds = 0.0
        self._start = self._said = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock."""
        self._start = self._said = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Have the last step logged, whatever the logging interval."""
        control.should_log |= state.global_step >= state.max_steps
        self.seconds = time.monotonic() - self._start

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Keep the point; say so if the last line is some seconds old or the step is the last."""
        if not logs or "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise HaloRaftError(
                f"training diverged: loss is {logs['loss']} at step {state.global_step}; lower training.learning_rate"
            )
        self.curve.append(LossPoint(state.global_step, float(logs["loss"]), float(logs["learning_rate"])))
        now = time.monotonic()
        if now - self._said >= PROGRESS_S or state.global_step >= state.max_steps:
            self._said = now
            rate = state.num_input_tokens_seen / max(now - self._start, 1e-9)
            self.report(f"step {state.global_step}/{state.max_steps}  loss {logs['loss']:.4f}  {rate:,.0f} tokens/s")


class Collator:
    """Examples -> padded tensors. A class, so that loader processes can receive it."""

    def __init__(self, pad_token_id: int) -> None:
        self.pad_token_id = pad_token_id

    def __call__(self, examples: Sequence[TrainExample]) -> dict[str, torch.Tensor]:
        """Return `pad_right` of one batch as tensors."""
        return {name: torch.tensor(rows) for name, rows in pad_right(examples, self.pad_token_id).items()}
