"""The guide's "When to Stop": what each cycle gained, in points, and its advice, held-out tasks or not."""

from __future__ import annotations

import pytest

from halo_raft.config.schema import StopConfig
from halo_raft.pipelines.raft import spoken
from halo_raft.pipelines.raft.stopping import advice, pass_rate_line, reason_to_stop
from halo_raft.records import CycleStats
from halo_raft.select import Selection
from halo_raft.store import RunFolder

GUIDE = (0.342, 0.421, 0.485, 0.512, 0.521, 0.518)


def cycles(*rates: float, heldout: tuple[float, ...] = ()) -> list[CycleStats]:
    measured = [{"pass_at_1": {"mean": rate}} for rate in heldout] or [{}] * (len(rates) + 1)
    return [CycleStats(cycle=n, pass_rate=r, heldout=measured[n]) for n, r in enumerate((0.0, *rates))]


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path)
    for cycle in range(1, 7):
        begin(folder, cycle)
    return folder


def begin(folder: RunFolder, cycle: int, **changes: object) -> None:
    plan = {"cycle": cycle, "verifier": "mbpp", "run_after_compile": False, "reward_threshold": 0.5,
            "keep_top_percent": 0.5, "temperature": 0.7, "learning_rate": 1e-4, "task_ids": None}  # fmt: skip
    folder.write_json(f"cycle_{cycle}_plan.json", plan | changes)


def test_each_cycle_says_what_it_gained_in_the_guides_words() -> None:
    said = [pass_rate_line(cycles(*GUIDE[:n])) for n in range(1, 7)]
    assert said == [
        "Cycle 1: 34.2% pass rate",
        "Cycle 2: 42.1% pass rate (+7.9%)",
        "Cycle 3: 48.5% pass rate (+6.4%)",
        "Cycle 4: 51.2% pass rate (+2.7%)",
        "Cycle 5: 52.1% pass rate (+0.9%)",
        "Cycle 6: 51.8% pass rate (-0.3%)",
    ]


def test_without_held_out_tasks_the_advice_is_the_guides(folder) -> None:
    said = [advice(cycles(*GUIDE[:n]), StopConfig(), folder) or "" for n in range(1, 7)]
    assert said[:4] == [""] * 4
    assert said[4].startswith("Diminishing returns: the pass rate gained less than 2.0 points in cycle 5")
    assert said[5].startswith("Stop here: the pass rate fell by 0.3 points in cycle 6 (52.1% -> 51.8%). The guide's")
    assert reason_to_stop(cycles(*GUIDE), StopConfig(patience=1)) is None, "a pass rate ends no run by itself"


def test_held_out_tasks_count_where_they_are_measured(folder) -> None:
    risen, flat = (0.1, 0.2, 0.3), (0.1, 0.2, 0.21)
    assert advice(cycles(0.5, 0.4, heldout=risen), StopConfig(), folder) is None
    said = advice(cycles(0.5, 0.6, heldout=flat), StopConfig(), folder)
    assert said is not None and "held-out pass@1 gained less" in said and "stop.patience=1" in said


def test_whoever_said_when_to_stop_gets_no_advice(folder) -> None:
    assert advice(cycles(0.5, 0.4), StopConfig(patience=2), folder) is None


@pytest.mark.parametrize("change", [{"verifier": "gcc"}, {"temperature": 1.0}, {"task_ids": ["a"]}])
def test_pass_rates_of_other_prompts_or_verifiers_are_not_compared(folder, change) -> None:
    begin(folder, 2, **change)
    assert advice(cycles(0.5, 0.4), StopConfig(), folder) is None
    assert advice(cycles(0.5, 0.1, 0.4), StopConfig(), folder) is not None, "with cycle 1 it is comparable"


def test_what_is_left_out_now_is_told_apart_from_what_was_replayed(capsys) -> None:
    spoken.selected(Selection((), {"duplicate": 5, "below_threshold": 9}, 0.5, {"duplicate": 4}), 0.5)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["  Left out: duplicate 1, below threshold 9",
                         "  Left out of earlier cycles' samples: duplicate 4"]  # fmt: skip
