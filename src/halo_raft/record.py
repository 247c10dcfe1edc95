"""What all records have in common: to and from plain JSON objects."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Self


class Record:
    """Mixin for the frozen dataclasses below: to and from plain JSON objects."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; keys whose value is None are left out."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        values = ((f.name, getattr(self, f.name)) for f in fields)
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
        names = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        return cls(**{key: value for key, value in row.items() if key in names})
