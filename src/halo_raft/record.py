"""What all records have in common: to and from plain JSON objects."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any, Self


class Record:
    """Mixin for the frozen dataclasses below: to and from plain JSON objects."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; keys whose value is None are left out."""
        values = ((name, getattr(self, name)) for name in _names(type(self)))
        return {name: v.to_dict() if isinstance(v, Record) else v for name, v in values if v is not None}

    def to_json(self) -> str:
        """Return the record as one line of JSON, without the newline."""
        return json.dumps(self.to_dict(), ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Build the record from a dict; keys that are no field of it are ignored.

        Raises:
            TypeError: A field without a default is missing.
        """
        names = _names(cls)
        return cls(**{key: value for key, value in row.items() if key in names})


def _names(kind: Any) -> tuple[str, ...]:
    return _cached_names(kind)


@functools.cache
def _cached_names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))
