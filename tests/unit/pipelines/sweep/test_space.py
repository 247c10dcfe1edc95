from __future__ import annotations

import pytest

from halo_raft.config import SweepConfig
from halo_raft.errors import ConfigError
from halo_raft.pipelines.sweep.space import read_space


def space(**settings):
    return read_space(SweepConfig.model_validate({"sweep": settings}))


def test_the_default_space_is_temperature_keep_percent_and_threshold():
    assert [d.key for d in space().dimensions] == [
        "sampling.temperature",
        "selection.keep_top_percent",
        "selection.reward_threshold",
    ]


def test_a_short_name_stands_for_its_key_and_the_schema_says_what_is_whole():
    read = space(space={"samples_per_prompt": {"low": 1, "high": 4}, "training.epochs": {"low": 1, "high": 4}})
    whole, fractional = read.dimensions
    assert (whole.key, whole.low, whole.high, whole.whole) == ("sampling.samples_per_prompt", 1, 4, True)
    assert (fractional.key, fractional.whole) == ("training.num_train_epochs", False)


def test_choices_are_read_as_the_setting_reads_them():
    (dimension,) = space(space={"learning_rate": ["1e-4", 1e-4, 3e-4]}).dimensions
    assert dimension.choices == (1e-4, 3e-4)


def test_a_trial_is_the_base_with_its_values():
    read = space(space={"temperature": [0.1, 0.2]})
    config = read.config({"sampling.temperature": 0.2})
    assert config.sampling.temperature == 0.2
    assert config.model_copy(update={"sampling": read.base.sampling}) == read.base


@pytest.mark.parametrize(
    ("values", "first"),
    [
        ({"temperature": [0.1, 0.7]}, {"sampling.temperature": 0.7}),
        ({"temperature": [0.1, 0.2]}, None),
        ({"keep_percent": {"low": 0.2, "high": 0.8, "step": 0.2}}, None),
        ({"keep_percent": {"low": 0.1, "high": 0.9, "step": 0.2}}, {"selection.keep_top_percent": 0.5}),
        ({"engine.kv_cache_gb": {"low": 1, "high": 4}}, None),
    ],
)
def test_the_settings_as_they_are_come_first_where_the_space_has_them(values, first):
    assert space(space=values).base_values() == first


def test_a_grid_has_every_choice_and_step():
    settings = {"temperature": [0.1, 0.7], "keep_percent": {"low": 0.25, "high": 1, "step": 0.25}}
    points = [d.points for d in space(space=settings, sampler="grid").dimensions]
    assert points == [(0.1, 0.7), (0.25, 0.5, 0.75, 1.0)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"space": {"temprature": [1]}}, "sweep.space.temprature: unknown key temprature; did you mean temperature?"),
        ({"space": {"sampling": [1]}}, "sampling is a section"),
        ({"space": {"temperature": {"low": 1, "high": 0.5}}}, "the range from 1 to 0.5 is empty"),
        ({"space": {"temperature": {"low": 1, "high": 1}}}, "is empty"),
        ({"space": {"temperature": []}}, "choices is empty"),
        ({"space": {"temperature": {"low": 1}}}, "give low and high, or choices"),
        ({"space": {"temperature": {"low": 0, "high": 1, "choices": [1]}}}, "either choices or low and high"),
        ({"space": {"temperature": {"low": 0, "high": 1, "log": True}}}, "log needs a low above 0"),
        ({"space": {"temperature": {"low": 0.1, "high": 9}}}, "sampling.temperature: must be at most 5"),
        ({"space": {"temperature": ["hot"]}}, "must be a number"),
        ({"space": {"samples_per_prompt": {"low": 1, "high": 4, "step": 0.5}}}, "is a whole number"),
        ({"space": {"engine.sleep": {"low": 0, "high": 1}}}, "is no number; give choices"),
        ({"space": {"output": ["a", "b"]}}, "cannot be tried"),
        ({"space": {"temperature": [1], "sampling.temperature": [2]}}, "stands there twice"),
        ({"space": {"temperature": {"low": 0, "high": 1}}, "sampler": "grid"}, "a grid needs `choices` or a `step`"),
        ({"space": {"seed": {"low": 0, "high": 5000}}, "sampler": "grid"}, "have at most 1000"),
    ],
)
def test_a_mistake_in_the_space_is_one_line_that_names_the_key(settings, message):
    with pytest.raises(ConfigError) as caught:
        space(**settings)
    assert message in str(caught.value)
    assert str(caught.value).startswith("sweep.space")
    assert "\n" not in str(caught.value)


def test_values_that_are_not_allowed_together_are_refused():
    read = space(space={"max_new_tokens": [64, 1500], "engine.max_model_len": [1024, 2048]})
    with pytest.raises(ConfigError, match=r"^sweep\.space: .* leaves no room for a prompt"):
        read.config({"sampling.max_new_tokens": 1500, "engine.max_model_len": 1024})
