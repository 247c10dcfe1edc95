"""The time and memory that a row allows, in whatever words it says so."""

from __future__ import annotations

import re
from typing import Any

from halo_raft.tasks.rows.row import Row

MAX_SECONDS, MAX_MIB = 3600.0, 1 << 20
_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)")
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "second": 1.0, "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "min": 60.0}
_MIB = {"": 1.0, "mb": 1.0, "mib": 1.0, "megabyte": 1.0, "kb": 2**-10, "kib": 2**-10, "kilobyte": 2**-10}
_MIB |= {"gb": 1024.0, "gib": 1024.0, "gigabyte": 1024.0, "b": 2**-20, "byte": 2**-20}


def time_limit_s(row: Row) -> float | None:
    """Return the CPU seconds for one case: `2`, `"2.0 seconds"`, `{"seconds": 2, "nanos": 0}`, `time_limit_ms`."""
    value = row.get("time_limit", "time_limit_s", "time_limit_seconds", "timeout")
    if isinstance(value, dict):
        value = (value.get("seconds") or 0) + (value.get("nanos") or 0) / 1e9
    seconds = _quantity(value, _SECONDS)
    if seconds is None:
        milliseconds = _quantity(row.get("time_limit_ms"), _SECONDS)
        seconds = None if milliseconds is None else milliseconds / 1000
    elif isinstance(value, int | float) and seconds >= 100:
        seconds /= 1000  # nobody allows minutes; some count in milliseconds
    return None if seconds is None else min(seconds, MAX_SECONDS)


def memory_limit_mb(row: Row) -> int | None:
    """Return the MiB for one case: `256`, `"256.0 megabytes"`, `memory_limit_bytes`."""
    value = row.get("memory_limit", "memory_limit_mb", "memory_limit_MB")
    mib = _quantity(value, _MIB)
    if mib is None:
        size = _quantity(row.get("memory_limit_bytes"), _MIB)
        mib = None if size is None else size / 2**20
    elif isinstance(value, int | float) and mib >= 1 << 20:
        mib /= 1 << 20  # bytes
    return None if mib is None else max(1, min(int(mib), MAX_MIB))


def _quantity(value: Any, units: dict[str, float]) -> float | None:
    """Return a number with its unit, None where there is none above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = _NUMBER.match(str(value))
    if match is None:
        return None
    unit = match[2].lower()
    factor = units.get(unit, units.get(unit.removesuffix("s")))
    number = float(match[1]) * factor if factor is not None else 0.0
    return number if number > 0 else None
