"""How a step is computed: order, batches, loss, progress, around the Hugging Face `Trainer`.

Imports torch and transformers at its top, so it is imported in a worker alone.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import peft.optimizers
import torch
import transformers
from accelerate.utils.memory import should_reduce_batch_size

from halo_raft.errors import HaloRaftError
from halo_raft.train.batches import length_grouped_order, pad_right
from halo_raft.train.checkpoints import Checkpoints, read_facts
from halo_raft.train.examples import TrainExample
from halo_raft.train.job import LossPoint
from halo_raft.train.losses import completion_loss, loss_as_logits
from halo_raft.train.overfitting import HeldBackLoss, trained
from halo_raft.train.schedule import BatchShape

WEIGHTS = "adapter.pt"
"""In a checkpoint: what is trained."""
EXAMPLE_WEIGHTS = "example_weights"
"""In a batch: what the tokens of each example count."""
PROGRESS_S = 5.0
"""Seconds between progress lines."""


class OutOfMemory(Exception):
    """A micro-batch did not fit; nothing since the last optimizer step was learned."""


class TokenExactTrainer(transformers.Trainer):
    """`Trainer` with length-grouped batches in a seeded order, a lean loss, and autocast on CPU too.

    `TrainingArguments(bf16=True)` is refused on CPU, or with `use_cpu=True` wraps one Ray worker in DDP.

    Args:
        bf16: Multiply matrices in bfloat16.
        plus_ratio: Learning rate of B matrices over that of A matrices.
        shape: How steps are cut: the order of the examples is that of whole batches.
        progress, watch, checkpoints: The callbacks whose state belongs into a checkpoint.
    """

    def __init__(
        self,
        *args: Any,
        bf16: bool,
        plus_ratio: float,
        shape: BatchShape,
        progress: Progress,
        watch: HeldBackLoss | None,
        checkpoints: Checkpoints | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, compute_loss_func=self._loss_of, **kwargs)
        self.bf16, self.plus_ratio, self.shape = bf16, plus_ratio, shape
        self.progress, self.watch, self.checkpoints = progress, watch, checkpoints
        self._before = (-1, torch.zeros(()), 0)
        self._known: dict[str, Any] = {}
        self._weights: torch.Tensor | None = None

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler:
        lengths = [len(example) for example in self.train_dataset]
        self._order = LengthGroupedSampler(lengths, self.shape.batch, self.args.seed)
        return self._order

    # --- checkpoints

    def know(self, facts: dict[str, Any]) -> None:
        """Go on from a checkpoint, whose folder `train` is given too."""
        self._known = facts
        self.progress.curve = [LossPoint(*point) for point in facts["curve"]]
        self.progress.seconds = facts["seconds"]
        if self.watch is not None:
            self.watch.know(facts["watch"])
        self.add_callback(_Restored(self))

    def restore(self) -> None:
        """Go on in the order of the epoch, and summing the loss since the last point of its curve.

        The base class begins both anew: what skips batches hides the sampler where batches are shared out to workers.
        """
        assert self.checkpoints is not None
        self._order.set_epoch(self._known["step"] // self.checkpoints.steps_per_epoch)
        self._tr_loss = torch.tensor(self._known["loss"], device=self.args.device)
        self._globalstep_last_logged = self._known["last_logged"]

    def checkpoint_of_last_step(self) -> tuple[Path, dict[str, Any]] | tuple[None, None]:
        """Write a checkpoint as things were after the last whole step; none is needed before the first one."""
        if self.checkpoints is None or not self.state.global_step:
            return None, None
        _, self._tr_loss, self.state.num_input_tokens_seen = self._before
        self._save_checkpoint(self.model, None)
        path = self.checkpoints.latest()
        assert path is not None
        return path, read_facts(path)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        assert self.checkpoints is not None
        super()._save_checkpoint(model, trial)
        loss = self._tr_loss.clone()
        if self.args.world_size > 1:
            torch.distributed.all_reduce(loss)  # and so behind all that the others write
            loss /= self.args.world_size
        facts = {
            "step": self.state.global_step,
            "micro": self.shape.micro,
            "loss": loss.item(),
            "last_logged": self._globalstep_last_logged,
            "curve": [tuple(point) for point in self.progress.curve],
            "seconds": self.progress.seconds,
            "watch": self.watch.facts() if self.watch else None,
        }
        if self.args.should_save:
            self.checkpoints.finish(Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}", facts)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write what is trained, for a checkpoint; the base class would ask the hub about the vocabulary."""
        if self.args.should_save:
            folder = Path(output_dir or self.args.output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            torch.save(dict(trained(self.model)), folder / WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        weights = torch.load(Path(resume_from_checkpoint) / WEIGHTS, weights_only=True, map_location="cpu")
        with torch.no_grad():
            for name, parameter in trained(self.model):
                parameter.copy_(weights[name])

    # --- steps

    def training_step(self, model: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Take one micro-batch's share of a step.

        Raises:
            OutOfMemory: It does not fit.
        """
        if self._before[0] != self.state.global_step:
            self._before = (self.state.global_step, self._tr_loss.clone(), self.state.num_input_tokens_seen)
        try:
            return super().training_step(model, *args, **kwargs)
        except RuntimeError as error:
            if not (isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)):
                raise
        raise OutOfMemory

    def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> contextlib.AbstractContextManager:
        """Return bfloat16 autocast on the device that trains, where it is on."""
        return torch.autocast(self.args.device.type, torch.bfloat16, enabled=self.bf16)

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, Any], *args: Any, num_items_in_batch: Any = None, **kwargs: Any
    ) -> Any:
        """Compute the loss with the vocabulary projected at completion positions alone, piece by piece."""
        self._weights = inputs.pop(EXAMPLE_WEIGHTS, None)
        with loss_as_logits(self.accelerator.unwrap_model(model), inputs["labels"], num_items_in_batch, self._weights):
            return super().compute_loss(model, inputs, *args, num_items_in_batch=num_items_in_batch, **kwargs)

    def _loss_of(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        return completion_loss(outputs, labels, num_items_in_batch, self._weights)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Have B matrices learn at a rate of their own where that is asked for; A's is the one that is logged."""
        if self.plus_ratio == 1:
            return super().create_optimizer(model)
        model = self.model if model is None else model
        kind, options = self.get_optimizer_cls_and_kwargs(self.args, model)
        self.optimizer = peft.optimizers.create_loraplus_optimizer(
            model, kind, loraplus_lr_ratio=self.plus_ratio, loraplus_weight_decay=self.args.weight_decay, **options
        )
        return self.optimizer


def summed_loss(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the summed cross-entropy of a padded batch's completion tokens, outside of training."""
    inputs = {name: rows for name, rows in batch.items() if name != "labels"}
    with loss_as_logits(model, batch["labels"], 1):
        return completion_loss(model(**inputs), batch["labels"], 1)


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
        """Start the clock, or let it go on."""
        self._said = time.monotonic()
        self._start = self._said - self.seconds
        self.report(f"step {state.global_step}/{state.max_steps}")

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


class _Restored(transformers.TrainerCallback):
    """Runs after the base class has begun to count."""

    def __init__(self, trainer: TokenExactTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """See `TokenExactTrainer.restore`."""
        self.trainer.restore()


class Collator:
    """Examples -> padded tensors. A class, so that loader processes can receive it."""

    def __init__(self, pad_token_id: int) -> None:
        self.pad_token_id = pad_token_id

    def __call__(self, examples: Sequence[TrainExample]) -> dict[str, torch.Tensor]:
        """Return `pad_right` of one batch as tensors, and the examples' weights where they have any."""
        batch = {name: torch.tensor(rows) for name, rows in pad_right(examples, self.pad_token_id).items()}
        if any(example.weight != 1 for example in examples):
            batch[EXAMPLE_WEIGHTS] = torch.tensor([example.weight for example in examples])
        return batch
