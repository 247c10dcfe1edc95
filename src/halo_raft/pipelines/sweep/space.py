"""What a sweep tries: from `sweep.space` to checked dimensions, and from a trial's values to its config."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from halo_raft.config import RaftConfig, Range, SweepConfig, full_key, with_values
from halo_raft.errors import ConfigError

Choice = bool | int | float | str | None

NOT_TRIED = ("output_dir", "tracking", "resources")
"""Settings that say where a trial runs and writes: the sweep's own affair."""


LARGEST_GRID = 1000


@dataclass(frozen=True, slots=True)
class Dimension:
    """One setting that is tried.

    Attributes:
        key: Dotted path in `RaftConfig`.
        choices: What it may be, as the schema reads it; empty where it is a range.
        low, high: Ends of the range, both included; whole numbers where the setting is one.
        log: Whether orders of magnitude are alike.
        step: Distance of the values that are taken, None for any.
    """

    key: str
    choices: tuple[Choice, ...] = ()
    low: float = 0
    high: float = 0
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        """Whether the range is one of whole numbers."""
        return isinstance(self.low, int)

    @property
    def points(self) -> tuple[Choice, ...]:
        """The values that a grid takes; a range without steps that is not whole has none."""
        if self.choices or not (self.step or self.whole):
            return self.choices
        step = self.step or 1
        return tuple(self.low + i * step for i in range(int((self.high - self.low) / step + 1e-9) + 1))

    def holds(self, value: Any) -> bool:
        """Return whether the setting may be `value` in this sweep."""
        if self.choices:
            return value in self.choices
        on_step = not self.step or abs((value - self.low) / self.step - round((value - self.low) / self.step)) < 1e-9
        return bool(self.low <= value <= self.high and on_step)

    def __str__(self) -> str:
        if self.choices:
            return ", ".join(map(str, self.choices))
        notes = [*(["log"] if self.log else []), *([f"in steps of {self.step:g}"] if self.step else [])]
        return f"{self.low:g} to {self.high:g}" + (f" ({', '.join(notes)})" if notes else "")


@dataclass(frozen=True, slots=True)
class Space:
    """All dimensions of a sweep, and the config that holds everything else."""

    base: RaftConfig
    dimensions: tuple[Dimension, ...]

    def config(self, values: Mapping[str, Any]) -> RaftConfig:
        """Return the base config with a trial's values.

        Raises:
            ConfigError: They are not allowed together.
        """
        return with_values(self.base, values, "sweep.space")

    def base_values(self) -> dict[str, Any] | None:
        """Return the base config's own values, None where they are not in the space."""
        values = {d.key: _value_at(self.base, d.key) for d in self.dimensions}
        inside = all(values[d.key] is not None and d.holds(values[d.key]) for d in self.dimensions)
        return values if inside else None


def read_space(config: SweepConfig) -> Space:
    """Check `sweep.space` against the schema of a run.

    Raises:
        ConfigError: A key does not exist or comes twice, a range is empty, or a value is not allowed.
    """
    base = base_config(config)
    dimensions = [_dimension(base, key, range_) for key, range_ in config.sweep.space.items()]
    for dimension in dimensions:
        if [d.key for d in dimensions].count(dimension.key) > 1:
            raise ConfigError(f"sweep.space: {dimension.key} stands there twice, under two spellings; keep one")
        if config.sweep.sampler == "grid" and not dimension.points:
            raise ConfigError(f"sweep.space.{dimension.key}: a grid needs `choices` or a `step`")
    size = math.prod(len(dimension.points) for dimension in dimensions)
    if config.sweep.sampler == "grid" and size > LARGEST_GRID:
        raise ConfigError(f"sweep.space: a grid of {size} trials; have at most {LARGEST_GRID}, or another sampler")
    return Space(base, tuple(dimensions))


def base_config(config: SweepConfig) -> RaftConfig:
    """Return the run that a sweep varies."""
    return RaftConfig.model_validate(config.model_dump(mode="json", exclude={"sweep"}))


def _dimension(base: RaftConfig, key: str, range_: Range) -> Dimension:
    origin = f"sweep.space.{key}"
    path = full_key(type(base), key, origin)
    if path.split(".")[0] in NOT_TRIED:
        raise ConfigError(f"{origin}: cannot be tried; it says where a trial runs and writes")

    def checked(value: Any) -> Any:
        return _value_at(with_values(base, {path: value}, origin), path)

    if range_.choices is not None:
        if range_.low is not None or range_.high is not None:
            raise ConfigError(f"{origin}: give either choices or low and high")
        if not range_.choices:
            raise ConfigError(f"{origin}: choices is empty; give the values to try")
        return Dimension(path, tuple(dict.fromkeys(checked(value) for value in range_.choices)))
    if range_.low is None or range_.high is None:
        raise ConfigError(f"{origin}: give low and high, or choices")
    if range_.low >= range_.high:
        raise ConfigError(
            f"{origin}: the range from {range_.low:g} to {range_.high:g} is empty; low must be below high"
        )
    if range_.log and (range_.low <= 0 or range_.step):
        raise ConfigError(f"{origin}: log needs a low above 0 and no step")
    low, high = checked(range_.low), checked(range_.high)
    for value in (low, high):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{origin}: is no number; give choices instead of low and high")
    whole = isinstance(low, int)
    if whole and range_.step and range_.step != int(range_.step):
        raise ConfigError(f"{origin}: is a whole number, so step must be one too (got {range_.step:g})")
    step = int(range_.step) if whole and range_.step else range_.step
    return Dimension(path, (), low, high, range_.log, step)


def _value_at(config: RaftConfig, key: str) -> Any:
    return functools.reduce(getattr, key.split("."), config)
