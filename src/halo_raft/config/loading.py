"""YAML file, `key=value` overrides and flags -> one validated, frozen config.

Precedence: flag > `key=value` > YAML > default. Every error is one line that names the place the
value came from (`configs/raft.yaml:12`, the override, or the flag), the key, and the mend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from halo_raft.config import keys, mistakes
from halo_raft.config.document import KeyPath, Source, read
from halo_raft.config.schema import SHORT_NAMES, RaftConfig
from halo_raft.config.sft import SftConfig
from halo_raft.config.sweep import SweepConfig
from halo_raft.errors import ConfigError, UsageError

C = TypeVar("C", bound=BaseModel)

SHIPPED = Path(__file__).parents[1] / "shipped"
"""What comes with the package and is no code: configurations, the starter tasks, what `init` writes."""

_TOLD_BY: dict[str, tuple[type[RaftConfig | SftConfig], str]] = {
    "data": (SftConfig, "sft train"),
    "sweep": (SweepConfig, "sweep"),
}
"""Section that only one pipeline's files have -> its schema and its command."""


class _Values:
    """A nested dict of settings that remembers where each one came from, and how it was spelled there."""

    def __init__(self, schema: type[BaseModel]) -> None:
        self.schema = schema
        self.tree: dict[str, Any] = {}
        self.origins: dict[KeyPath, tuple[Source, KeyPath]] = {}

    def put(self, path: KeyPath, value: Any, source: Source) -> None:
        """Set one value, or all that a section holds; `verifier=gcc` on a section that has a name sets that name."""
        resolved, parent, section = self._resolve(path, source)
        if isinstance(value, Mapping) and (section or (value and not keys.is_table(parent, resolved[-1]))):
            for key, inner in value.items():
                self.put((*path, str(key)), inner, source)
            return
        if section is not None:
            if "name" not in section.model_fields or not isinstance(value, str):
                given = f"{'.'.join(resolved)} is a section; give its keys, such as {keys.example(section)}"
                raise source.wrong(path, given)
            resolved = (*resolved, "name")
        node = self.tree
        for key in resolved[:-1]:
            node = node.setdefault(key, {})
        node[resolved[-1]] = value
        before, spelled = self.origins.get(resolved, (None, ()))
        if before is source:
            both = " and ".join(f"{'.'.join(p)} ({source.at(p)})" for p in (spelled, path))
            raise source.wrong(path, f"{'.'.join(resolved)} is given twice, as {both}; remove one")
        self.origins[resolved] = source, path

    def validated(self, kind: type[C]) -> C:
        """Return the config that the values make."""
        try:
            return kind.model_validate(self.tree)
        except ValidationError as error:
            raise mistakes.one_line(error, kind, self.tree, self.origins) from None

    def _resolve(self, path: KeyPath, source: Source) -> tuple[KeyPath, type[BaseModel], type[BaseModel] | None]:
        """Expand a short name, spell aliases as fields, and refuse keys that do not exist.

        Returns:
            The path, the section that its last key is in, and the section that it names, if it names one.
        """
        wanted = path
        if (
            path[0] not in keys.spellings(self.schema)
            and issubclass(self.schema, RaftConfig)
            and path[0] in SHORT_NAMES
        ):
            wanted = (*SHORT_NAMES[path[0]].split("."), *path[1:])
        section: type[BaseModel] | None = self.schema
        parent, resolved = self.schema, list[str]()
        for key in wanted:
            if section is None:
                raise source.wrong(path, f"{'.'.join(resolved)} is a value, it has no key {key!r}")
            fields, parent = keys.spellings(section), section
            if key not in fields:
                raise source.wrong(path, keys.unknown(key, resolved, self.schema, section))
            resolved.append(fields[key])
            section = keys.section_at(section, fields[key])
        return tuple(resolved), parent, section


def load_file(path: str | Path, overrides: Sequence[str] = ()) -> RaftConfig | SftConfig:
    """Load a YAML file of any pipeline; one with a `data:` section is SFT's, one with `sweep:` a sweep's."""
    tree, _ = _read_file(Path(path))
    kinds: list[type[RaftConfig | SftConfig]] = [schema for key, (schema, _) in _TOLD_BY.items() if key in tree]
    return load(kinds[0] if kinds else RaftConfig, path, overrides)


def load(
    schema: type[C],
    path: str | Path | None = None,
    overrides: Sequence[str] = (),
    flags: Mapping[str, tuple[str, Any]] | None = None,
) -> C:
    """Resolve a config.

    Args:
        schema: `RaftConfig` or `SftConfig`.
        path: YAML file, or None for defaults alone.
        overrides: `dotted.key=value`, the value in YAML's notation; `section={key: value}` sets several.
        flags: Dotted key -> (flag as typed, value).

    Raises:
        ConfigError: The file, or a value in it, is wrong.
        UsageError: An override or a flag is wrong.
    """
    values = _Values(schema)
    if path is not None:
        tree, file = _read_file(Path(path))
        if other := _other_command(tree, schema):
            raise file.wrong((), f"is a configuration of `halo-raft {other}`; give it to that command")
        for key, value in tree.items():
            values.put((key,), value, file)
    for override in overrides:
        name, separator, text = override.partition("=")
        if not separator or not name:
            raise UsageError(f"{override!r} is no setting; write key=value, for example training.learning_rate=1e-4")
        setting, source = tuple(name.split(".")), Source(override, UsageError)
        values.put(setting, read(text, source, setting), source)
    for name, (flag, value) in (flags or {}).items():
        values.put(tuple(name.split(".")), value, Source(flag, UsageError))
    return values.validated(schema)


def with_values(config: C, values: Mapping[str, Any], origin: str) -> C:
    """Return `config` with some settings replaced, checked as if they stood in its file.

    Args:
        config: A resolved config.
        values: Dotted key, in any accepted spelling -> value.
        origin: What the one line of an error begins with: where the values stand.

    Raises:
        ConfigError: A key does not exist, or a value is not allowed.
    """
    changed, source = _Values(type(config)), Source(origin, ConfigError)
    changed.tree = config.model_dump(mode="json")
    for key, value in values.items():
        changed.put(tuple(key.split(".")), value, source)
    return changed.validated(type(config))


def full_key(schema: type[BaseModel], key: str, origin: str) -> str:
    """Return the dotted path of a setting in any accepted spelling: `temperature` is `sampling.temperature`.

    Raises:
        ConfigError: There is no such setting, or it is a section.
    """
    values = _Values(schema)
    values.put(tuple(key.split(".")), "", Source(origin, ConfigError))
    return ".".join(*values.origins)


def to_yaml(config: BaseModel) -> str:
    """Return the resolved config as YAML that loads back to the same config."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _other_command(tree: Mapping[str, Any], schema: type[BaseModel]) -> str:
    """Return the command that a file is written for, where that is not the one of `schema`; else nothing."""
    for key, (_, command) in _TOLD_BY.items():
        if key in tree and key not in schema.model_fields:
            return command
    own = keys.spellings(RaftConfig).keys() - keys.spellings(schema).keys()
    return "raft train" if schema is SftConfig and "data" not in tree and own & tree.keys() else ""


def _read_file(path: Path) -> tuple[Mapping[str, Any], Source]:
    """Return what a YAML file says, and where it says it; `configs/NAME.yaml` comes with us where it is not there."""
    if str(path.parent) == "configs" and not path.exists() and (SHIPPED / path).is_file():
        path = SHIPPED / path
    source = Source(str(path), ConfigError, {})
    try:
        tree = read(path.read_text(encoding="utf-8"), source)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give an existing YAML file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    if not isinstance(tree, Mapping):
        raise source.wrong((), f"the file must hold keys, such as {keys.example(RaftConfig)}")
    return tree, source
