"""YAML file, `key=value` overrides and flags -> one validated, frozen config.

Precedence: flag > `key=value` > YAML > default. Every error is one line that names the place the
value came from (`configs/raft.yaml:12`, the override, or the flag), the key, and the mend.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import AliasChoices, BaseModel, ValidationError

from halo_raft.config.schema import SHORT_NAMES, RaftConfig
from halo_raft.config.sft import SftConfig
from halo_raft.config.sweep import SweepConfig
from halo_raft.errors import ConfigError, HaloRaftError, UsageError

C = TypeVar("C", bound=BaseModel)
KeyPath = tuple[str, ...]


class _Values:
    """A nested dict of settings that remembers where each one came from."""

    def __init__(self, schema: type[BaseModel], origin: str = "the configuration") -> None:
        self.schema = schema
        self.anywhere = origin
        self.tree: dict[str, Any] = {}
        self.origins: dict[KeyPath, tuple[str, type[HaloRaftError]]] = {}

    def put(self, path: KeyPath, value: Any, origin: str, error: type[HaloRaftError]) -> None:
        """Set one value; `verifier=gcc` on a section that has a name sets that name."""
        path = self._resolve(path, value, origin, error)
        node = self.tree
        for key in path[:-1]:
            node = node.setdefault(key, {})
        if isinstance(value, Mapping) and not _is_table(self.schema, path):  # a section: its values follow one by one
            node.setdefault(path[-1], {})
        else:
            node[path[-1]] = value
        self.origins[path] = (origin, error)

    def _resolve(self, path: KeyPath, value: Any, origin: str, error: type[HaloRaftError]) -> KeyPath:
        """Expand a short name, spell aliases as fields, and refuse keys that do not exist."""
        if path[0] not in _fields(self.schema) and issubclass(self.schema, RaftConfig) and path[0] in SHORT_NAMES:
            path = (*SHORT_NAMES[path[0]].split("."), *path[1:])
        section: type[BaseModel] | None = self.schema
        resolved: list[str] = []
        for key in path:
            if section is None:
                raise error(f"{origin}: {'.'.join(resolved)} is a value, it has no key {key!r}")
            fields = _fields(section)
            if key not in fields:
                raise error(f"{origin}: {_unknown(key, resolved, self.schema, section)}")
            resolved.append(fields[key])
            section = _section(section, fields[key])
        if section is not None and not isinstance(value, Mapping):
            if "name" not in section.model_fields or not isinstance(value, str):
                raise error(f"{origin}: {'.'.join(resolved)} is a section; give its keys, such as {_example(section)}")
            resolved.append("name")
        return tuple(resolved)

    def origin(self, path: KeyPath) -> tuple[str, type[HaloRaftError]]:
        """Return where the value at `path`, or the nearest place above it, came from."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
        return self.anywhere, ConfigError


def load_file(path: str | Path, overrides: Sequence[str] = ()) -> RaftConfig | SftConfig:
    """Load a YAML file of any pipeline; one with a `data:` section is SFT's, one with `sweep:` a sweep's."""
    tree = _read_yaml(Path(path))
    keys = {key.value for key, _ in tree.value} if isinstance(tree, yaml.MappingNode) else set()
    if "data" in keys:
        return load(SftConfig, path, overrides)
    return load(SweepConfig if "sweep" in keys else RaftConfig, path, overrides)


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
        overrides: `dotted.key=value`, the value in YAML's notation.
        flags: Dotted key -> (flag as typed, value).

    Raises:
        ConfigError: The file, or a value in it, is wrong.
        UsageError: An override or a flag is wrong.
    """
    values = _Values(schema)
    if path is not None:
        for keys, value, line in _leaves(_read_yaml(Path(path)), schema):
            values.put(keys, value, f"{path}:{line}", ConfigError)
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator or not key:
            raise UsageError(f"{override!r} is no setting; write key=value, for example training.learning_rate=1e-4")
        values.put(tuple(key.split(".")), _scalar(text, override), override, UsageError)
    for key, (flag, value) in (flags or {}).items():
        values.put(tuple(key.split(".")), value, flag, UsageError)
    try:
        return schema.model_validate(values.tree)
    except ValidationError as error:
        raise _one_line(error, values) from None


def with_values(config: C, values: Mapping[str, Any], origin: str) -> C:
    """Return `config` with some settings replaced, checked as if they stood in its file.

    Args:
        config: A resolved config.
        values: Dotted key, in any accepted spelling -> value.
        origin: What the one line of an error begins with: where the values stand.

    Raises:
        ConfigError: A key does not exist, or a value is not allowed.
    """
    changed = _Values(type(config), origin)
    changed.tree = config.model_dump(mode="json")
    for key, value in values.items():
        changed.put(tuple(key.split(".")), value, origin, ConfigError)
    try:
        return type(config).model_validate(changed.tree)
    except ValidationError as error:
        raise _one_line(error, changed) from None


def full_key(schema: type[BaseModel], key: str, origin: str) -> str:
    """Return the dotted path of a setting in any accepted spelling: `temperature` is `sampling.temperature`.

    Raises:
        ConfigError: There is no such setting, or it is a section.
    """
    return ".".join(_Values(schema)._resolve(tuple(key.split(".")), "", origin, ConfigError))


def to_yaml(config: BaseModel) -> str:
    """Return the resolved config as YAML that loads back to the same config."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _read_yaml(path: Path) -> yaml.Node | None:
    """Return the node tree of a YAML file, which keeps line numbers."""
    try:
        return yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give an existing YAML file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line}: not YAML: {getattr(error, 'problem', error)}") from None


def _leaves(node: yaml.Node | None, schema: type[BaseModel]) -> Iterator[tuple[KeyPath, Any, int]]:
    """Yield (path, value, line) of every section and setting in a YAML tree, a section before its settings."""
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"line {node.start_mark.line + 1}: the file must hold keys, such as {_example(schema)}")
    yield from _mapping_leaves(node, (), schema)


def _mapping_leaves(
    node: yaml.MappingNode, prefix: KeyPath, schema: type[BaseModel]
) -> Iterator[tuple[KeyPath, Any, int]]:
    for key_node, value_node in node.value:
        path, line = (*prefix, str(key_node.value)), key_node.start_mark.line + 1
        if isinstance(value_node, yaml.MappingNode) and not _is_table(schema, path):
            yield path, {}, line
            yield from _mapping_leaves(value_node, path, schema)
        else:
            yield path, _construct(value_node), line


def _construct(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError) as error:
        reason = str(getattr(error, "problem", None) or error)
        raise ConfigError(f"line {node.start_mark.line + 1}: not a value ({reason}); quote it") from None
    finally:
        loader.dispose()


def _scalar(text: str, override: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        raise UsageError(f"{override!r}: the value is not YAML; quote it") from None


def _fields(section: type[BaseModel]) -> dict[str, str]:
    """Return every accepted spelling of a section's keys -> the field's name."""
    spellings: dict[str, str] = {}
    for name, field in section.model_fields.items():
        aliases = field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else []
        spellings |= {str(alias): name for alias in (name, *aliases)}
    return spellings


def _section(section: type[BaseModel], field: str) -> type[BaseModel] | None:
    """Return the section that `field` holds, None if it holds a value."""
    annotation = section.model_fields[field].annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _is_table(schema: type[BaseModel], path: KeyPath) -> bool:
    """Return whether the setting at `path` is a mapping whose keys are the user's own."""
    section: type[BaseModel] | None = schema
    for key in path[:-1]:
        name = _fields(section).get(key) if section else None
        section = _section(section, name) if section and name else None
    name = _fields(section).get(path[-1]) if section else None
    return bool(section and name and get_origin(section.model_fields[name].annotation) is dict)


def _example(section: type[BaseModel]) -> str:
    return ", ".join(f"{name}:" for name in list(section.model_fields)[:3])


def _unknown(key: str, above: Sequence[str], schema: type[BaseModel], section: type[BaseModel]) -> str:
    """Return the message for a key that does not exist, with the nearest one that does."""
    names = {name: ".".join((*above, name)) for name in _fields(section)}
    if not above and issubclass(schema, RaftConfig):
        names |= {name: name for name in SHORT_NAMES}
    elsewhere = {name: path for path, name in _all_keys(schema)} | SHORT_NAMES
    full = ".".join((*above, key))
    if close := difflib.get_close_matches(key, names, n=1, cutoff=0.6):
        return f"unknown key {full}; did you mean {names[close[0]]}?"
    if close := difflib.get_close_matches(key, elsewhere, n=1, cutoff=0.75):
        return f"unknown key {full}; did you mean {elsewhere[close[0]]}?"
    return f"unknown key {full}; there are: {', '.join(section.model_fields)}"


def _all_keys(section: type[BaseModel], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted path, name) of every key of a schema."""
    for name in section.model_fields:
        yield above + name, name
        if inner := _section(section, name):
            yield from _all_keys(inner, f"{above}{name}.")


def _one_line(error: ValidationError, values: _Values) -> HaloRaftError:
    """Turn pydantic's report into one line about the first wrong value."""
    first = max(error.errors(), key=lambda detail: len(detail["loc"]))  # the branch of a union that got furthest
    path = tuple(str(part) for part in first["loc"])
    origin, kind = values.origin(path)
    if first["type"] == "value_error":
        return kind(f"{origin}: {first['msg'].removeprefix('Value error, ')}")
    known = [part for part in path if not part.startswith(("function-", "constrained-", "tuple[", "int", "str"))]
    if first["type"] == "extra_forbidden":
        return kind(f"{origin}: unknown key {'.'.join(known)}; {_entry_keys(values.schema, known)}")
    return kind(f"{origin}: {'.'.join(known)}: {_requirement(first)} (got {_shown(first['input'])})")


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
        case _:
            return str(detail["msg"]).lower()


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
