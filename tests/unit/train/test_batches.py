from __future__ import annotations

import random

import pytest

from halo_raft.train.batches import PAD_TO_MULTIPLE, length_grouped_order, pad_right, padded_length
from halo_raft.train.examples import IGNORE_INDEX, TrainExample

LENGTHS = random.Random(7).choices(range(1, 900), k=1003)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 403, 1003])
def test_order_is_a_permutation(count: int) -> None:
    assert sorted(length_grouped_order(LENGTHS[:count], 8, seed=0, epoch=0)) == list(range(count))


def test_order_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return length_grouped_order(LENGTHS, 8, seed, epoch)

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1) != order(2, 1)


def test_grouping_saves_most_of_the_padding() -> None:
    def padding(order: list[int]) -> int:
        batches = [[LENGTHS[i] for i in order[at : at + 8]] for at in range(0, len(order), 8)]
        return sum(len(batch) * padded_length(max(batch)) - sum(batch) for batch in batches)

    grouped = length_grouped_order(LENGTHS, 8, seed=0, epoch=0)
    assert padding(grouped) < 0.25 * padding(list(range(len(LENGTHS))))


def test_the_short_batch_is_not_always_made_of_the_shortest() -> None:
    lengths = [100 * (i + 1) for i in range(9)]
    assert len({length_grouped_order(lengths, 4, seed=0, epoch=epoch)[-1] for epoch in range(40)}) > 1


def test_padding_follows_true_lengths_though_pad_is_eos() -> None:
    eos = 2
    batch = pad_right([TrainExample((5, eos), (6, eos)), TrainExample((5,), (eos,))], pad_token_id=eos)
    assert {len(row) for rows in batch.values() for row in rows} == {PAD_TO_MULTIPLE}
    assert [sum(mask) for mask in batch["attention_mask"]] == [4, 2]
    assert batch["labels"][0][:5] == [IGNORE_INDEX, IGNORE_INDEX, 6, eos, IGNORE_INDEX]
    assert batch["labels"][1][:3] == [IGNORE_INDEX, eos, IGNORE_INDEX]


@pytest.mark.parametrize(("length", "padded"), [(1, 64), (64, 64), (65, 128)])
def test_padded_length(length: int, padded: int) -> None:
    assert padded_length(length) == padded
