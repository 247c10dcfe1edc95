"""Whether an adapter becomes the champion: what is known of it, and the rule.

There is one registered model for each base model. Registering is `mlflow_tracker`'s, finding a champion's files
`champion`'s.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

from halo_raft.records import CycleStats

CHAMPION = "champion"
"""Alias of the version to serve."""
LEAST_KEPT = 16
"""Fewer samples do not fill one optimizer step of the default settings."""
_READ = {"str": str, "int": int, "float": float}


def registered_name(base_model: str) -> str:
    """Return the name of the registered model for adapters of a base model; MLflow takes no `/` and no `:` in it."""
    return "halo-raft-" + re.sub(r"[^\w.-]+", "-", base_model).strip("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An adapter, and how good it was measured to be; without any values one of which nothing is known.

    Attributes:
        base_model: Name of the model that it was trained on.
        kept: Samples that its cycle kept to train on.
        heldout_tasks: Hash of the held-out tasks and of how they are sampled; empty where none were measured.
        measure: The rate that was measured: `pass_at_1` or `greedy`.
        mean: The rate, in [0, 1], and the ends of its 95% interval; NaN where nothing was measured.
        base_mean: The base model's rate on the same tasks; NaN where it was not measured.
    """

    base_model: str = ""
    kept: int = 0
    heldout_tasks: str = ""
    measure: str = "pass_at_1"
    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    base_mean: float = math.nan

    @classmethod
    def of(cls, stats: CycleStats, base: CycleStats | None, *, base_model: str, heldout_tasks: str) -> Self:
        """Return what a run's statistics say of the adapter of one of its cycles; `base` is its cycle 0."""
        measure = "pass_at_1" if "pass_at_1" in stats.heldout else "greedy"
        rate, before = stats.heldout.get(measure, {}), base.heldout.get(measure, {}) if base else {}
        return cls(
            base_model=base_model,
            kept=stats.kept,
            heldout_tasks=heldout_tasks,
            measure=measure,
            base_mean=before.get("mean", math.nan),
            **{name: rate.get(name, math.nan) for name in ("mean", "low", "high")},
        )

    @property
    def tags(self) -> dict[str, str]:
        """The tags of its version in the registry."""
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Self:
        """Return what a version's tags say; where they do not say all, one of which nothing is known."""
        try:
            return cls(**{field.name: _READ[str(field.type)](tags[field.name]) for field in fields(cls)})
        except (KeyError, ValueError):
            return cls()


def refusal(candidate: Candidate, champion: Candidate | None) -> str | None:
    """Return why an adapter does not become champion in the place of another, None where it does.

    Args:
        candidate: The new adapter.
        champion: The present one, None where there is none.
    """
    if not candidate.heldout_tasks or math.isnan(candidate.mean):
        return "it was not measured on held-out tasks; set tasks.heldout"
    if candidate.kept < LEAST_KEPT:
        return f"it was trained on {candidate.kept} kept samples, fewer than {LEAST_KEPT}"
    if candidate.mean < candidate.base_mean:
        return f"it is worse than its base model ({candidate.mean:.1%} against {candidate.base_mean:.1%})"
    if champion is None:
        return None
    if (champion.heldout_tasks, champion.measure) != (candidate.heldout_tasks, candidate.measure):
        return "the champion was not measured on the same held-out tasks; compare them and move the alias by hand"
    if candidate.mean < champion.mean:
        return f"it is worse than the champion ({candidate.mean:.1%} against {champion.mean:.1%})"
    return None
