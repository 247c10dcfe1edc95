"""Settings of a sweep: those of the run that is tried in many forms, and a `sweep:` section."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from halo_raft.config.schema import Positive, RaftConfig, Seconds, Section


class Range(Section):
    """What a setting may be: one of `choices` (a bare list is enough), or anything from `low` to `high`."""

    choices: tuple[bool | int | float | str | None, ...] | None = None
    """Values to try; a bare list is the same."""
    low: float | None = None
    """Least value of a range."""
    high: float | None = None
    """Greatest value of a range."""
    log: bool = False
    """Try orders of magnitude alike: for learning rates."""
    step: float | None = Field(None, gt=0)
    """Take only `low`, `low + step`, ..."""

    @model_validator(mode="before")
    @classmethod
    def _bare_list(cls, value: Any) -> Any:
        return {"choices": value} if isinstance(value, list | tuple) else value


def _default_space() -> dict[str, Range]:
    return {
        # few temperatures: trials at the same one share their samples
        "sampling.temperature": Range(choices=(0.4, 0.7, 1.0)),
        "selection.keep_top_percent": Range(low=0.2, high=1.0),
        "selection.reward_threshold": Range(choices=(0.1, 0.3, 0.5, 1.0)),
    }


class SweepSettings(Section):
    """What is tried, what for, and how long."""

    space: dict[str, Range] = Field(default_factory=_default_space, min_length=1)
    """Setting -> what it may be; every other setting is the same in all trials."""
    objective: dict[str, Literal["maximize", "minimize"]] = Field({"heldout/pass_at_1": "maximize"}, min_length=1)
    """Metrics of the best cycle, under the names that the tracker shows; `seconds` is the whole trial's time."""
    trials: Positive = 20
    """How many trials the study ends with, those of earlier runs of the command counted."""
    parallel: Positive | None = None
    """Trials at a time, as far as they fit; when not given, one for each GPU, or each node without one."""
    time_budget_s: Seconds | None = None
    """Start no trial after so many seconds; those that run are brought to their end."""
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    """What chooses the next trial; `grid` takes every combination of choices and steps once."""
    pruner: Literal["median", "none"] = "median"
    """End a trial whose first objective is below the median of the others after the same cycle."""
    study: str | None = None
    """Name of the study; the output folder's when not given."""
    storage: str | None = None
    """A journal file or a database URL that keeps the study; `study.journal` in the output folder when not given."""


class SweepConfig(RaftConfig):
    """The sweep pipeline: a RAFT config with a `sweep:` section."""

    sweep: SweepSettings = SweepSettings()
    output_dir: Path = Path("models/sweep")
    """Folder of the study, with a run folder for each trial."""

    @property
    def study(self) -> str:
        """Name of the study."""
        return self.sweep.study or self.output_dir.name

    @property
    def storage(self) -> str:
        """Journal file or database URL of the study."""
        return self.sweep.storage or str(self.output_dir / "study.journal")
