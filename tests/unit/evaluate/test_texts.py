import math

import pytest

from halo_raft.evaluate import Difference, chance_text, difference_text, odds_text, p_text, rate_text
from halo_raft.records import PassRate


def difference(p_value: float, **fields) -> Difference:
    known = {"mean": 0.041, "low": 0.01, "high": 0.0724, "tasks": 120, "tasks_left_out": 0}
    return Difference(p_value=p_value, **known | fields)


def test_rates_and_differences():
    assert rate_text(PassRate(mean=0.342, low=0.301, high=0.38, tasks=1, samples=1)) == "34.2% [30.1, 38.0]"
    assert rate_text(PassRate(mean=math.nan, low=math.nan, high=math.nan, tasks=0, samples=0)) == "-"
    assert difference_text(difference(0.1)) == "+4.1 points [+1.0, +7.2]"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "p = 0.031 (120 tasks, paired)"),
        ({"chosen_among": 5}, "p = 0.031 (120 tasks, paired, corrected for the best of 5)"),
        ({"runs": 3}, "p = 0.031 (120 tasks in 3 training runs, paired)"),
    ],
)
def test_a_p_value_says_what_it_counts(fields, expected):
    assert p_text(difference(0.031, **fields)) == expected


@pytest.mark.parametrize(
    ("p_value", "fields", "expected"),
    [
        (0.1, {}, "could be chance: about 1 in 10 comparisons of equally good models show as much"),
        (0.51, {}, "could be chance: about 1 in 2 comparisons"),
        (1.0, {}, "could be chance: most comparisons"),
        (0.0049, {}, "hardly chance: about 1 in 200 comparisons"),
        (0.0001, {}, "hardly chance: fewer than 1 in 1,000 comparisons"),
        (0.01, {"low": -0.01}, "could be chance: about 1 in 100"),
        (0.1, {"chosen_among": 5}, "comparisons of equally good models show as much by the best of 5"),
        (math.nan, {}, "too few tasks to tell from chance"),
    ],
)
def test_a_p_value_in_words(p_value, fields, expected):
    assert expected in chance_text(difference(p_value, **fields))


@pytest.mark.parametrize(
    ("p_value", "expected"),
    [
        (0.1, "could be chance: about 1 in 10"),
        (0.0001, "hardly chance: fewer than 1 in 1,000"),
        (1.0, "most likely chance"),
        (math.nan, "too few tasks to tell from chance"),
    ],
)
def test_a_p_value_in_a_few_words(p_value, expected):
    assert odds_text(difference(p_value)) == expected
