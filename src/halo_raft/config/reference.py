"""The reference of all settings, from the schema: name, default, bounds, meaning, flag and other names.

`halo-raft config reference` prints it, and `docs/configuration.md` is what it prints.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from halo_raft.config.curriculum import CycleConfig
from halo_raft.config.flags import RAFT_FLAGS, SFT_FLAGS, Flag
from halo_raft.config.keys import is_table, section_at, spellings
from halo_raft.config.schema import SHORT_NAMES, RaftConfig
from halo_raft.config.sft import RAFT_ALONE, SftConfig
from halo_raft.config.sweep import Range, SweepSettings

KINDS = {int: "whole number", float: "number", bool: "`true`, `false`", str: "text"}
SIGNS = {
    annotated_types.Ge: ("≥", "ge"),
    annotated_types.Gt: (">", "gt"),
    annotated_types.Le: ("≤", "le"),
    annotated_types.Lt: ("<", "lt"),
}
"""Bound of a number -> its sign, and where its value is."""

HEAD = """# Configuration

Every setting there is. `halo-raft config reference` prints this page from the schema, and a test holds it to that.

A setting is given in a YAML file (`--config`), as `key=value` on the command line, or by its flag; a flag wins over
`key=value`, that over the file, and that over the default. In a file the names with dots are nested:

```yaml
sampling:
  temperature: 0.6
selection:
  reward_threshold: 1.0
```

`halo-raft config show FILE` prints a file with all defaults filled in, `halo-raft config validate FILE` says whether it
is right. A key that does not exist is refused with the nearest one that does. *Also* has a setting's flag and the other
names that are accepted, the training guide's among them.
"""
RAFT = "The settings of `raft train`, and of `benchmark run`, `verify` and `data` as far as they use them."
SFT = "The settings of `sft train` that are not those of RAFT above, or have another default or another flag here."
SWEEP = "A sweep's file is one of RAFT with this section more; its `output_dir` is `models/sweep` when not given."
CYCLE = "An entry of a `cycles:` list: what this cycle does differently. The rest is as in the rest of the file."
RANGE = "An entry of `sweep.space`: what a setting may be."


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a schema.

    Attributes:
        key: Its name with dots.
        default: As YAML has it; empty where there is none.
        bounds: What it may be.
        meaning: One or two sentences.
        also: Its flag, and other names that are accepted.
    """

    key: str
    default: str
    bounds: str
    meaning: str
    also: tuple[str, ...] = ()


def settings(
    section: type[BaseModel], flags: Sequence[Flag] = (), above: str = "", short: Mapping[str, str] | None = None
) -> Iterator[Setting]:
    """Yield every setting of a section and of those in it, in the schema's order."""
    other: dict[str, list[str]] = {}
    for spelling, name in spellings(section).items():
        if spelling != name:
            other.setdefault(name, []).append(above + spelling)
    defaults = section.model_construct() if _has_defaults(section) else None
    for name, field in section.model_fields.items():
        key = above + name
        inner = section_at(section, name)
        if inner and not is_table(section, name):
            for found in settings(inner, flags, f"{key}.", short):
                yield _as_here(found, getattr(defaults, name), f"{key}.")
            continue
        named = [flag.name for flag in flags if flag.key == key]
        named += other.get(name, [])
        named += [spelling for spelling, meant in (short or {}).items() if meant == key and spelling not in named]
        yield Setting(key, _default(field), _bounds(field), " ".join((field.description or "").split()), tuple(named))


def page() -> str:
    """Return the reference as Markdown."""
    raft = list(settings(RaftConfig, RAFT_FLAGS, short=SHORT_NAMES))
    known = {setting.key: setting for setting in raft}
    refused = {f"training.{name}" for name in RAFT_ALONE}
    sft = [s for s in settings(SftConfig, SFT_FLAGS) if s.key not in refused and not _told(s, known.get(s.key))]
    parts = [HEAD, "## RAFT\n", f"{RAFT}\n"]
    for title, rows in _by_section(raft).items():
        parts += [f"### {title}\n", *_about(RaftConfig, title), _table(rows)]
    parts += ["## Cycles\n", f"{CYCLE}\n", _table(settings(CycleConfig))]
    parts += ["## SFT\n", f"{SFT}\n", _table(sft)]
    parts += ["## Sweep\n", f"{SWEEP}\n", _table(settings(SweepSettings, above="sweep."))]
    parts += [f"{RANGE}\n", _table(settings(Range))]
    return "\n".join(parts)


def _told(setting: Setting, before: Setting | None) -> bool:
    """Return whether a setting stands in RAFT's tables as it is."""
    return before is not None and setting.default == before.default and set(setting.also) <= set(before.also)


def _has_defaults(section: type[BaseModel]) -> bool:
    return not any(field.is_required() for field in section.model_fields.values())


def _as_here(setting: Setting, section: BaseModel, above: str) -> Setting:
    """Return a setting with the default that the section has where it is used, such as SFT's `lora.r`."""
    value: Any = section
    for name in setting.key.removeprefix(above).split("."):
        value = getattr(value, name)
    return Setting(setting.key, _shown(value), setting.bounds, setting.meaning, setting.also)


def _default(field: FieldInfo) -> str:
    return _shown(field.get_default(call_default_factory=True))


def _shown(value: Any) -> str:
    """Return a default as one would write it into a YAML file; nothing where none is given."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, BaseModel):
        given = value.model_dump(exclude_defaults=True)
        return _shown(given.get("choices") or given)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _bounds(field: FieldInfo) -> str:
    """Return what a setting may be: its kinds with their bounds, or the words that are accepted."""
    return ", or ".join(dict.fromkeys(_kinds(field.annotation, field.metadata)))


def _kinds(annotation: Any, metadata: Sequence[Any]) -> Iterator[str]:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        yield ", ".join(f"`{word}`" for word in inner)
    elif origin in (Union, types.UnionType):
        for one in inner:
            if one is not type(None):  # an empty default says so
                yield from _kinds(one, metadata)
    elif hasattr(annotation, "__metadata__"):
        yield from _kinds(inner[0], [*annotation.__metadata__, *metadata])
    elif origin in (tuple, list):
        kinds = ", or ".join(_kinds(inner[0], ()))
        yield "list of [cycles](#cycles)" if inner[0] is CycleConfig else f"list of {kinds}"
    elif origin is dict:
        yield "mapping"
    elif annotation in (int, float):
        yield ", ".join((KINDS[annotation], *_limits(metadata))).replace(", ", " ", 1)
    else:
        yield KINDS.get(annotation, "path")


def _limits(metadata: Sequence[Any]) -> Iterator[str]:
    for bound in metadata:
        for kind, (word, attribute) in SIGNS.items():
            if isinstance(bound, kind):
                yield f"{word} {getattr(bound, attribute):g}"
        if isinstance(bound, FieldInfo):  # `Annotated[float, Field(ge=0)]` inside of a union
            yield from _limits(bound.metadata)


def _by_section(rows: Sequence[Setting]) -> dict[str, list[Setting]]:
    """Return first part of the key -> its settings; those of no section come first, under `the run`."""
    found: dict[str, list[Setting]] = {"The run": []}
    for setting in rows:
        head, dot, _ = setting.key.partition(".")
        found.setdefault(head if dot else "The run", []).append(setting)
    return found


def _about(schema: type[BaseModel], section: str) -> list[str]:
    inner = section_at(schema, section) if section in schema.model_fields else None
    return [f"{(inner.__doc__ or '').strip()}\n"] if inner else []


def _table(rows: Sequence[Setting] | Iterator[Setting]) -> str:
    lines = ["| setting | default | may be | meaning | also |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        default, also = f"`{row.default}`" if row.default else "", ", ".join(f"`{name}`" for name in row.also)
        cells = (f"`{row.key}`", default, row.bounds, row.meaning, also)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
