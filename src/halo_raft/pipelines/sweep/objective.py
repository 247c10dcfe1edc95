"""What a sweep looks for: metrics by their tracked names, checked before anything starts."""

from __future__ import annotations

import difflib
import math
import sys
from collections.abc import Mapping, Sequence

from halo_raft import tasks
from halo_raft.config import SweepConfig
from halo_raft.errors import ConfigError
from halo_raft.pipelines.raft.plan import takes_out
from halo_raft.pipelines.raft.tracked import heldout_metric, metrics
from halo_raft.records import CycleStats, PassRate, VerdictKind
from halo_raft.select import Pool
from halo_raft.tracking.values import clean_name

SECONDS = "seconds"
"""Metric that only a whole trial has: what it took, with the share that it took over from another one."""

STAGES = ("sample", "train", "heldout")


def check_objective(config: SweepConfig) -> dict[str, str]:
    """Return metric -> direction under the names that are logged.

    Raises:
        ConfigError: A run of this config logs no such metric.
    """
    measured = _measures(config)
    logged = _logged(config, measured)
    checked: dict[str, str] = {}
    for name, direction in config.sweep.objective.items():
        metric = heldout_metric("greedy") if name == "heldout/greedy" else clean_name(name)
        if metric not in logged:
            raise ConfigError(f"sweep.objective.{name}: is never logged; {_mend(metric, logged, measured)}")
        checked[metric] = direction
    return checked


def values_of(found: Mapping[str, float | None], names: Sequence[str]) -> list[float] | None:
    """Return the objectives' values, None where one was not measured."""
    values = [found.get(name) for name in names]
    measured = [value for value in values if value is not None and math.isfinite(value)]
    return measured if len(measured) == len(names) else None


def _measures(config: SweepConfig) -> bool:
    """Return whether a run of this config measures on held-out tasks: on those that are named, or on some of its own.

    Raises:
        ConfigError, DataError: Its training tasks are not there, or are none.
    """
    train = config.tasks
    return bool(train.heldout) or takes_out(config, min(tasks.describe(train.train).tasks, train.limit or sys.maxsize))


def _logged(config: SweepConfig, measured: bool) -> list[str]:
    """Return the names of all that a run of this config may log, with those of held-out tasks where it has any."""
    heldout = config.heldout
    rates = [f"pass_at_{k}" for k in dict.fromkeys((1, heldout.samples))] if heldout.samples else []
    rates += ["greedy"] if heldout.greedy else []
    rate = PassRate(mean=0, low=0, high=0, tasks=0, samples=0).to_dict()
    stats = CycleStats(
        cycle=1,
        kinds={str(kind): 0 for kind in VerdictKind},
        heldout=dict.fromkeys(rates, rate) if measured else {},
        selection=Pool([], [], {}).select(config.selection).removed,
        seconds=dict.fromkeys(STAGES, 0.0),
    )
    return [SECONDS, *metrics(stats)]


def _mend(metric: str, logged: Sequence[str], measured: bool) -> str:
    if metric.startswith("heldout/") and not measured:
        return "name held-out tasks with tasks.heldout, or what counts in their place, as sweep.objective.pass_rate"
    if close := difflib.get_close_matches(metric, logged, n=1):
        return f"did you mean {close[0]}?"
    return f"there are: {', '.join(logged)}"
