"""How long a training is, and what is held back from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_raft.config.schema import TrainingConfig
from halo_raft.train.examples import TrainExample
from halo_raft.train.schedule import hold_back, schedule


def settings(batch: int, accumulation: int, epochs: float, min_steps: int = 0) -> TrainingConfig:
    return TrainingConfig(
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulation,
        num_train_epochs=epochs,
        min_steps=min_steps,
    )


@pytest.mark.parametrize(
    ("examples", "asked", "workers", "accumulation", "epochs", "steps"),
    [
        (64, settings(8, 2, 3), 1, 2, 3, 12),
        (64, settings(8, 2, 3), 2, 2, 3, 6),
        (64, settings(8, 2, 3, min_steps=12), 1, 2, 3, 12),
        (64, settings(8, 2, 3, min_steps=20), 1, 1, 3, 24),
        (64, settings(8, 4, 3, min_steps=9), 1, 3, 3, 9),
        (20, settings(8, 2, 1, min_steps=30), 1, 1, 10, 30),
        (1, settings(8, 2, 1, min_steps=5), 4, 1, 5, 5),
    ],
)
def test_fewer_batches_are_accumulated_before_passes_are_added(
    examples: int, asked: TrainingConfig, workers: int, accumulation: int, epochs: float, steps: int
) -> None:
    plan = schedule(examples, asked, workers)
    assert (plan.accumulation, plan.epochs, plan.steps) == (accumulation, epochs, steps)


@given(
    examples=st.integers(1, 2000), batch=st.integers(1, 16), accumulation=st.integers(1, 16),
    epochs=st.floats(0.1, 5), min_steps=st.integers(0, 100), workers=st.integers(1, 4),
)  # fmt: skip
def test_the_minimum_holds_and_never_shortens(
    examples: int, batch: int, accumulation: int, epochs: float, min_steps: int, workers: int
) -> None:
    plain = schedule(examples, settings(batch, accumulation, epochs), workers)
    plan = schedule(examples, settings(batch, accumulation, epochs, min_steps), workers)
    assert plan.steps >= max(min_steps, plain.steps)
    assert plan.epochs >= plain.epochs and plan.accumulation <= plain.accumulation


@given(
    groups=st.lists(st.integers(0, 9), min_size=1, max_size=40),
    share=st.sampled_from([0.0, 0.05, 0.5, 0.99]),
    seed=st.integers(0, 5),
)
def test_no_group_is_on_both_sides_and_something_is_left_to_train_on(
    groups: list[int], share: float, seed: int
) -> None:
    examples = [TrainExample((1,), (100 + i,), str(group)) for i, group in enumerate(groups)]
    train, held = hold_back(examples, share, seed)
    assert sorted((*train, *held), key=examples.index) == examples
    assert train
    assert not {e.group for e in train} & {e.group for e in held}
    assert bool(held) == (share > 0 and len(set(groups)) > 1)
    again = hold_back(list(reversed(examples)), share, seed)
    assert (set(train), set(held)) == (set(again[0]), set(again[1]))


def test_what_one_cycle_holds_back_the_next_does_too() -> None:
    first = [TrainExample((1,), (2,), str(group)) for group in range(200)]
    later = first[50:] + [TrainExample((1,), (2,), str(group)) for group in range(200, 300)]
    held, held_later = ({e.group for e in hold_back(examples, 0.2, 0)[1]} for examples in (first, later))
    assert len(held) == pytest.approx(40, abs=20)
    assert not held_later & ({e.group for e in first} - held), "nothing that was trained on is watched"
