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
    """Split examples into those to train on and those held back, by prompt: no prompt is in both.

    Args:
        examples: In any order; it is kept.
        share: Share of the prompts to hold back; more than 0 holds back at least one, and never all.
        seed: Of the choice.
    """
    prompts = sorted({e.prompt_token_ids for e in examples}, key=lambda ids: stable_hash(seed, ids))
    count = min(len(prompts) - 1, math.ceil(share * len(prompts))) if share else 0
    held = set(prompts[:count])
    return (
        tuple(e for e in examples if e.prompt_token_ids not in held),
        tuple(e for e in examples if e.prompt_token_ids in held),
    )
