"""What a run is tied to, under names that every run folder has, and which part depends on what."""

from dataclasses import replace

import pytest

from halo_raft.fingerprint import Fingerprint

MADE = Fingerprint(
    model="m", checkpoint=None, training_tasks="t", heldout_tasks="h", verifier="mbpp", seed=0,
    settings={
        "sampling": {"temperature": 0.5}, "selection": 1, "lora": 2, "training": 3, "heldout": {"samples": 4},
        "verifier": {"flags": []}, "sandbox": {"cpu_s": 5}, "ablate": None,
    },
)  # fmt: skip


def test_a_run_folder_of_an_earlier_version_is_read():
    row = MADE.to_dict()
    assert list(row)[:5] == ["model", "checkpoint", "training tasks", "held-out tasks", "verifier"]
    assert row["sampling settings"] == {"temperature": 0.5}
    assert Fingerprint.from_dict(row) == MADE


def changed(section, value):
    return replace(MADE, settings={**MADE.settings, section: value})


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (changed("selection", 9), {"of_samples", "of_heldout", "of_first_training", "of_base_heldout", "of_verdicts"}),
        (changed("sampling", {"temperature": 1}), {"of_heldout", "of_base_heldout", "of_verdicts"}),
        (
            changed("sampling", {"temperature": 0.5, "second_round": 8}),
            {"of_heldout", "of_first_training", "of_base_heldout", "of_verdicts"},
        ),
        (changed("sandbox", {"cpu_s": 6}), {"of_heldout", "of_first_training", "of_base_heldout"}),
        (changed("heldout", {"samples": 5}), {"of_first_training", "of_verdicts"}),
        (changed("ablate", "verifier"), {"of_heldout", "of_first_training", "of_base_heldout", "of_verdicts"}),
        (replace(MADE, seed=1), {"of_heldout", "of_verdicts"}),
        (replace(MADE, training_tasks="u"), {"of_heldout", "of_base_heldout", "of_verdicts"}),
        (replace(MADE, heldout_tasks="i"), {"of_first_training", "of_verdicts"}),
    ],
)
def test_what_depends_on_what(other, same):
    parts = ("of_samples", "of_heldout", "of_first_training", "of_base_heldout", "of_verdicts")
    assert {part for part in parts if getattr(other, part) == getattr(MADE, part)} == same
    assert other.short != MADE.short


def test_without_heldout_tasks_nothing_is_measured_on():
    assert replace(MADE, heldout_tasks=None).of_heldout == ""


def test_later_rounds_are_told_apart_and_those_that_show_more_are_never_alike():
    rounds = [changed("sampling", sampling).of_later_rounds for sampling in (
        {"temperature": 0.5}, {"temperature": 1}, {"second_round": 8}, {"repair": 0, "second_round": 8}, {"repair": 2},
    )]  # fmt: skip
    assert rounds[0] == rounds[1] != rounds[2] != rounds[3]
    assert all(rounds[:4]) and not rounds[4]
