"""The keys that a schema has, in every spelling that is accepted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import get_origin

from pydantic import AliasChoices, BaseModel

from halo_raft.config.schema import SHORT_NAMES, RaftConfig


def spellings(section: type[BaseModel]) -> dict[str, str]:
    """Return every accepted spelling of a section's keys -> the field's name."""
    found: dict[str, str] = {}
    for name, field in section.model_fields.items():
        aliases = field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else []
        found |= {str(alias): name for alias in (name, *aliases)}
    return found


def section_at(section: type[BaseModel], field: str) -> type[BaseModel] | None:
    """Return the section that `field` holds, None if it holds a value."""
    annotation = section.model_fields[field].annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def is_table(section: type[BaseModel], field: str) -> bool:
    """Return whether the setting is a mapping whose keys are the user's own."""
    return get_origin(section.model_fields[field].annotation) is dict


def example(section: type[BaseModel]) -> str:
    """Return a section's first keys, for a message."""
    return ", ".join(f"{name}:" for name in list(section.model_fields)[:3])


def unknown(key: str, above: Sequence[str], schema: type[BaseModel], section: type[BaseModel]) -> str:
    """Return the message for a key that does not exist, with the nearest one that does."""
    short = SHORT_NAMES if issubclass(schema, RaftConfig) else {}
    names = {name: ".".join((*above, name)) for name in spellings(section)}
    if not above:
        names |= {name: name for name in short}
    elsewhere = {name: path for path, name in _all_keys(schema)} | short
    full = ".".join((*above, key))
    inside = [path for path, _ in _all_keys(section, "".join(f"{name}." for name in above))]
    if meant := _shortened(key, inside) or _shortened(key, [path for path, _ in _all_keys(schema)]):
        return f"unknown key {full}; did you mean {meant}?"
    if close := difflib.get_close_matches(key, names, n=1, cutoff=0.6):
        return f"unknown key {full}; did you mean {names[close[0]]}?"
    if close := difflib.get_close_matches(key, elsewhere, n=1, cutoff=0.75):
        return f"unknown key {full}; did you mean {elsewhere[close[0]]}?"
    return f"unknown key {full}; there are: {', '.join(section.model_fields)}"


def _shortened(key: str, paths: Iterable[str]) -> str | None:
    """Return the path that a key shortens: to initials (`lr`), or to some of its words (`max_tokens`)."""
    parts = [part for part in re.split(r"\W|_", key.lower()) if part]

    def fits(path: str) -> bool:
        *_, last = words = re.split(r"[._]", path)
        before = iter(words[:-1])
        initials = "".join(word[0] for word in path.rpartition(".")[2].split("_"))
        return (len(key) > 1 and initials.endswith(key)) or (
            min(map(len, parts), default=0) > 1
            and last.startswith(parts[-1])
            and all(any(word.startswith(part) for word in before) for part in parts[:-1])
        )

    usual = SHORT_NAMES.values()
    return min(filter(fits, paths), key=lambda path: (path not in usual, len(path)), default=None)


def _all_keys(section: type[BaseModel], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted path, name) of every key of a schema."""
    for name in section.model_fields:
        yield above + name, name
        if inner := section_at(section, name):
            yield from _all_keys(inner, f"{above}{name}.")
