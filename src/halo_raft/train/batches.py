"""Which examples go together, in which order, and padded to what: pure functions, no torch.

Batches hold examples of similar length and are padded to a few fixed lengths: padding is wasted
work, and on CPU every new shape costs oneDNN a warm-up.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from halo_raft.train.examples import IGNORE_INDEX, TrainExample

PAD_TO_MULTIPLE = 64
"""Batches are padded to a multiple of this many tokens."""
MEGABATCH = 50
"""Batches' worth of shuffled examples that are sorted by length together; transformers' own choice."""


def length_grouped_order(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[int]:
    """Return a permutation whose consecutive runs of `batch_size` indices have similar lengths.

    The same on every machine and data-parallel worker for the same arguments. Batches themselves are
    shuffled, so that a step of several accumulated batches mixes lengths. A last batch that is not
    full stays last.
    """
    rng = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    rng.shuffle(order)
    batches: list[list[int]] = []
    short_batch: list[int] = []
    for start in range(0, len(order), batch_size * MEGABATCH):
        mega = sorted(order[start : start + batch_size * MEGABATCH], key=lambda i: padded_length(lengths[i]))
        if remainder := len(mega) % batch_size:
            # of any length, or the same shortest examples would end every epoch
            cut = batch_size * rng.randrange(len(mega) // batch_size + 1)
            short_batch = mega[cut : cut + remainder]
            del mega[cut : cut + remainder]
        batches += [mega[i : i + batch_size] for i in range(0, len(mega), batch_size)]
    rng.shuffle(batches)
    return [index for batch in batches for index in batch] + short_batch


def padded_length(length: int) -> int:
    """Return `length` rounded up to a multiple of `PAD_TO_MULTIPLE`."""
    return -(-length // PAD_TO_MULTIPLE) * PAD_TO_MULTIPLE


def pad_right(examples: Sequence[TrainExample], pad_token_id: int) -> dict[str, list[list[int]]]:
    """Return `input_ids`, `attention_mask` and `labels` of equal length for one batch.

    Mask and labels follow from true lengths, never from the pad id: with many models pad is EOS.
    """
    width = padded_length(max(map(len, examples)))
    gaps = [width - len(example) for example in examples]
    return {
        "input_ids": [e.input_ids + [pad_token_id] * gap for e, gap in zip(examples, gaps, strict=True)],
        "attention_mask": [[1] * len(e) + [0] * gap for e, gap in zip(examples, gaps, strict=True)],
        "labels": [e.labels + [IGNORE_INDEX] * gap for e, gap in zip(examples, gaps, strict=True)],
    }
