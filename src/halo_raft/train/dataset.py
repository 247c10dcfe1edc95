"""What one training learns from and what it watches: files of examples, split and weighed. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from halo_raft.train.examples import TrainExample, load_examples, weighed_by_group
from halo_raft.train.job import FinetuneJob
from halo_raft.train.schedule import hold_back


@dataclass(frozen=True, slots=True)
class Dataset:
    """The examples of a training.

    Attributes:
        examples: What is trained on, what is mixed in last.
        held_back: What is watched.
        mixed_in: How many of `examples` are mixed in.
        skipped_too_long: Examples left out for their length, those to be mixed in included.
    """

    examples: tuple[TrainExample, ...]
    held_back: tuple[TrainExample, ...]
    mixed_in: int
    skipped_too_long: int


def load_dataset(job: FinetuneJob, eos_token_ids: Sequence[int]) -> Dataset:
    """Read a training's files.

    Weights are given to its own examples and to those mixed in by themselves: how much the latter count follows from
    how many they are.

    Args:
        job: The training.
        eos_token_ids: As in `examples.end_with_eos`.

    Raises:
        DataError: A file is missing or malformed, or no example of its own is left.
    """
    settings = job.training
    weigh: Callable[[Sequence[TrainExample]], tuple[TrainExample, ...]]
    weigh = weighed_by_group if settings.weight == "prompt" else tuple
    own = load_examples(job.example_files, eos_token_ids, settings.max_seq_length, settings.train_on)
    examples, held_back = hold_back(own.examples, settings.held_back, job.held_back_seed)
    if not job.mixed_in:
        return Dataset(weigh(examples), held_back, 0, own.skipped_too_long)
    more = load_examples(job.mixed_in, eos_token_ids, settings.max_seq_length, settings.train_on, may_be_none=True)
    watched = {example.group for example in held_back}
    mixed = weigh([example for example in more.examples if example.group not in watched])
    return Dataset((*weigh(examples), *mixed), held_back, len(mixed), own.skipped_too_long + more.skipped_too_long)
