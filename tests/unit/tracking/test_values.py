import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_raft.config.schema import CycleConfig, RaftConfig
from halo_raft.tracking.values import MAX_PARAM, batches, clean_name, cut, finite_metrics, flatten


def test_nested_settings_get_dotted_names():
    assert flatten({"sampling": {"temperature": 0.7, "stop": ["a", "b"]}, "seed": 0, "none": None}) == {
        "sampling.temperature": "0.7",
        "sampling.stop": "['a', 'b']",
        "seed": "0",
        "none": "None",
    }


def test_lists_of_tables_are_numbered_and_empty_ones_kept():
    assert flatten({"cycles": [{"verifier": "gcc"}, {}], "empty": {}, "list": []}) == {
        "cycles.0.verifier": "gcc",
        "cycles.1": "{}",
        "empty": "{}",
        "list": "[]",
    }


def test_no_settings_are_no_parameters():
    assert flatten({}) == {}


def test_a_whole_config_flattens():
    flat = flatten(RaftConfig(cycles=(CycleConfig(verifier="gcc"),)).model_dump(mode="json"))
    assert flat["cycles.0.verifier"] == "gcc" and flat["lora.target_modules"] == "all-linear"
    assert all(isinstance(value, str) for value in flat.values())


def test_long_values_are_cut_at_the_limit():
    assert len(flatten({"a": "x" * 9000})["a"]) == MAX_PARAM
    assert cut("abcdef", 5) == "ab..." and cut("abcde", 5) == "abcde"


def test_metrics_lose_what_is_no_number():
    metrics = {"a": 1, "b": math.nan, "c": math.inf, "d": -math.inf, "e": None, "f": True}
    assert finite_metrics(metrics) == {"a": 1.0, "f": 1.0}


@pytest.mark.parametrize(("name", "clean"), [("pass@1", "pass_at_1"), ("best/loss", "best/loss"), ("a%b", "a_b")])
def test_names_are_legal(name, clean):
    assert clean_name(name) == clean


@given(st.lists(st.integers()), st.integers(1, 7))
def test_batches_are_whole(items, size):
    parts = list(batches(items, size))
    assert [item for part in parts for item in part] == items
    assert all(len(part) == size for part in parts[:-1])
