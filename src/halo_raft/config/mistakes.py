"""What pydantic finds wrong with the settings, as one line: where, which key, and what it has to be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from halo_raft.config.document import KeyPath, Source
from halo_raft.errors import ConfigError, HaloRaftError

Origins = Mapping[KeyPath, tuple[Source, KeyPath]]
"""Path of a setting -> where it was given, and how its path was spelled there."""


def one_line(error: ValidationError, schema: type[BaseModel], tree: Any, origins: Origins) -> HaloRaftError:
    """Turn pydantic's report into one line about the first wrong value."""
    first = max(error.errors(), key=lambda detail: len(detail["loc"]))  # the branch of a union that got furthest
    path = _keys_of(first["loc"], tree)
    source, spelled = _origin(path, origins)
    if first["type"] == "value_error":
        message = first["msg"].removeprefix("Value error, ")
        named = [tuple(word.split(".")) for word in re.findall(r"[a-z_.]*[a-z_]", message)]
        source, spelled = next((origins[key] for key in named if key in origins), (source, spelled))
        return ConfigError(f"{source.at(spelled)}: {message}")  # each of the values alone would do
    if first["type"] == "extra_forbidden":
        return source.wrong(spelled, f"unknown key {'.'.join(path)}; {_entry_keys(schema, path)}")
    return source.wrong(spelled, f"{'.'.join(path)}: {_requirement(first)} (got {_shown(first['input'])})")


def _keys_of(loc: Sequence[int | str], tree: Any) -> KeyPath:
    """Return the part of a place that names keys and entries; pydantic also names the branches of unions there."""
    path: list[str] = []
    for part in loc:
        if isinstance(part, int) or (isinstance(tree, Mapping) and part in tree):
            tree = tree[part]
            path.append(str(part))
    return tuple(path)


def _origin(path: KeyPath, origins: Origins) -> tuple[Source, KeyPath]:
    """Return where the value at `path`, or the nearest one above it, was given."""
    for end in range(len(path), 0, -1):
        if path[:end] in origins:
            source, spelled = origins[path[:end]]
            return source, (*spelled, *path[end:])
    return Source("the configuration", ConfigError), ()


def _entry_keys(schema: type[BaseModel], path: Sequence[str]) -> str:
    """Name the keys of a list entry, such as one of `cycles`."""
    annotation = schema.model_fields[path[0]].annotation
    entries = [m for a in get_args(annotation) for m in get_args(get_args(a)[0] if get_args(a) else a)]
    models = [m for m in entries if isinstance(m, type) and issubclass(m, BaseModel)]
    return f"an entry may have: {', '.join(models[0].model_fields)}" if models else "remove it"


def _requirement(detail: Any) -> str:
    """Return what a value has to be, in words."""
    context = detail.get("ctx", {})
    match detail["type"]:
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case "less_than":
            return f"must be less than {context['lt']}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "greater_than":
            return f"must be more than {context['gt']}"
        case "literal_error":
            return f"must be one of {context['expected']}"
        case "int_parsing" | "int_type" | "int_from_float":
            return "must be a whole number"
        case "float_parsing" | "float_type":
            return "must be a number"
        case "bool_parsing" | "bool_type":
            return "must be true or false"
        case "string_type" | "path_type":
            return "must be text; quote it"
        case "tuple_type":
            return "must be a list, such as [a, b]"
        case "dict_type" | "model_type":
            return "must have keys, such as {key: value}"
        case "too_short":
            return "must not be empty"
        case _:
            return str(detail["msg"]).lower()


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
