"""Settings and numbers in the shape that trackers take: flat names, short strings, finite floats."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

MAX_NAME = 250
MAX_PARAM = 6000
MAX_TAG = 8000
"""MLflow's limits, in characters (`mlflow.utils.validation`)."""

T = TypeVar("T")


def flatten(params: Mapping[str, Any]) -> dict[str, str]:
    """Return nested settings as `{"sampling.temperature": "0.7"}`.

    Lists of mappings are numbered from 0 (`cycles.0.verifier`); other values become strings, cut at
    MLflow's limit.
    """
    leaves = [leaf for key, value in params.items() for leaf in _leaves(f"{key}.", value)]
    return {clean_name(name): cut(str(value), MAX_PARAM) for name, value in leaves}


def _leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    is_table = isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value)
    items = enumerate(value) if is_table else value.items() if isinstance(value, Mapping) else None
    if not items:
        yield prefix.rstrip("."), value
        return
    for key, item in items:
        yield from _leaves(f"{prefix}{key}.", item)


def finite_metrics(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """Return the metrics that are finite numbers, under names that MLflow takes.

    MLflow's databases store an infinity as the largest float, which is not what was measured, and a NaN
    breaks the axis of its charts; a gap says "not measured" in both cases.
    """
    present = {clean_name(name): float(value) for name, value in metrics.items() if value is not None}
    return {name: value for name, value in present.items() if math.isfinite(value)}


def clean_name(name: str) -> str:
    """Return a legal name for a metric or parameter: `pass@1` becomes `pass_at_1`."""
    return re.sub(r"[^\w\-. /]", "_", name.replace("@", "_at_"))[:MAX_NAME]


def cut(text: str, limit: int) -> str:
    """Return `text`, shortened to `limit` characters with an ellipsis where it is longer."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of at most `size` items, in order."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
