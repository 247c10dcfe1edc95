"""How many steps a training takes, and which examples are held back from it: pure functions, no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from halo_raft.config.training import TrainingConfig
from halo_raft.records import stable_hash
from halo_raft.train.examples import TrainExample


@dataclass(frozen=True, slots=True)
class Schedule:
    """The length of a training.

    Attributes:
        accumulation: Batches that each worker adds up for one optimizer step.
        epochs: Passes over the examples.
        steps_per_epoch: Optimizer steps of one pass.
        steps: Optimizer steps in all.
    """

    accumulation: int
    epochs: float
    steps_per_epoch: int
    steps: int


@dataclass(frozen=True, slots=True)
class BatchShape:
    """How the examples of an optimizer step are cut.

    Attributes:
        batch: Examples of similar length that follow each other.
        micro: Examples that a worker computes at a time, a divisor of `batch`.
        accumulation: Times that it does so for one step.
    """

    batch: int
    micro: int
    accumulation: int

    def smaller(self) -> BatchShape | None:
        """Return a shape of the same steps that takes half of the memory, about; None where there is none."""
        micro = next((n for n in range(self.micro // 2, 0, -1) if self.micro % n == 0), None)
        return self.of(micro) if micro else None

    def of(self, micro: int) -> BatchShape:
        """Return a shape of the same steps with so many examples at a time."""
        return BatchShape(self.batch, micro, self.accumulation * self.micro // micro)


def schedule(examples: int, settings: TrainingConfig, workers: int) -> Schedule:
    """Return how `examples` are trained on.

    Where `settings.min_steps` asks for more steps than there would be, fewer batches are accumulated
    first: smaller steps on the same data overfit less than more passes over it. Only then passes are added.
    """
    batches = math.ceil(examples / (settings.per_device_train_batch_size * workers))
    accumulation, epochs = settings.gradient_accumulation_steps, settings.num_train_epochs

    def steps() -> int:
        return math.ceil(math.ceil(batches / accumulation) * epochs)

    while accumulation > 1 and steps() < settings.min_steps:
        accumulation -= 1
    if steps() < settings.min_steps:
        epochs = float(math.ceil(settings.min_steps / math.ceil(batches / accumulation)))
    return Schedule(accumulation, epochs, math.ceil(batches / accumulation), steps())


def hold_back(
    examples: Sequence[TrainExample], share: float, seed: int
) -> tuple[tuple[TrainExample, ...], tuple[TrainExample, ...]]:
    """Split examples into those to train on and those held back, by group: no group is in both.

    A group's lot depends on the seed and its name alone: what one cycle holds back, the next one does too.

    Args:
        examples: In any order; it is kept.
        share: Share of the groups to hold back, on average; more than 0 holds back at least one, and never all.
        seed: Of the choice.
    """
    lots = {group: int(stable_hash(seed, group), 16) / 16**16 for group in {e.group for e in examples}}
    drawn = sorted(lots, key=lambda group: (lots[group], group))
    count = sum(lot < share for lot in lots.values()) or 1
    held = set(drawn[: min(count, len(drawn) - 1)]) if share else set()
    return (
        tuple(e for e in examples if e.group not in held),
        tuple(e for e in examples if e.group in held),
    )
