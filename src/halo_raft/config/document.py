"""YAML text -> plain values, each with its line, and no key given twice."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from halo_raft.errors import HaloRaftError

KeyPath = tuple[str, ...]
_MENDS = {
    "'\\t'": "indent with spaces",
    "mapping values are not allowed": "quote a value that has a colon, and indent keys of a section alike",
    "expected ':'": "write `key: value`, with a space behind the colon",
    "expected <block end>": "indent keys of a section alike",
    "cannot start any token": "quote a value that begins with a sign",
}
"""Part of what the parser says -> what helps; the first that fits."""
_MERGE, _MAP, _LIST = (f"tag:yaml.org,2002:{kind}" for kind in ("merge", "map", "seq"))


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Where settings stand.

    Attributes:
        name: The file, the override or the flag.
        error: What a mistake in it is raised as.
        lines: Path of a key or a list's entry -> its line, from 1, as far as it was read; None where lines say nothing.
    """

    name: str
    error: type[HaloRaftError]
    lines: dict[KeyPath, int] | None = None

    def at(self, path: KeyPath) -> str:
        """Return the place of a value, or of the nearest one above it: `configs/raft.yaml:12`."""
        lines = self.lines or {}
        line = next((lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines), None)
        return f"{self.name}:{line}" if line else self.name

    def note(self, path: KeyPath, node: yaml.Node) -> None:
        """Remember the line of a value."""
        if self.lines is not None:
            self.lines[path] = node.start_mark.line + 1

    def wrong(self, path: KeyPath, message: str) -> HaloRaftError:
        """Return the error about a value, in one line that begins with its place."""
        return self.error(f"{self.at(path)}: {message}")


def read(text: str, source: Source, path: KeyPath = ()) -> Any:
    """Return what a YAML text says, and note its lines in `source`.

    Args:
        text: A file, or the value of the setting at `path`.
        source: Where it stands.
        path: () for a file, of which an empty one has no settings.

    Raises:
        HaloRaftError: It is not YAML, a key is given twice, or something is no value.
    """
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or error
        if source.lines is None:
            raise source.wrong((), f"the value is not YAML ({problem}); quote it") from None
        mend = next((f"; {mend}" for sign, mend in _MENDS.items() if sign in str(problem)), "")
        raise source.error(f"{source.name}{f':{mark.line + 1}' if mark else ''}: not YAML: {problem}{mend}") from None
    if node is None:
        return None if path else {}
    source.note((), node)
    return _value(node, path, source)


def _value(node: yaml.Node, path: KeyPath, source: Source, above: tuple[yaml.Node, ...] = ()) -> Any:
    """Return what a node holds that is in the nodes `above`."""
    if node in above:
        raise source.wrong(path, f"{'.'.join(path)}: holds itself")
    above = (*above, node)
    if isinstance(node, yaml.MappingNode) and node.tag == _MAP:
        return {key: _value(value, (*path, key), source, above) for key, value in _entries(node, path, source)}
    if isinstance(node, yaml.SequenceNode) and node.tag == _LIST:
        for number, entry in enumerate(node.value):
            source.note((*path, str(number)), entry)
        return [_value(entry, (*path, str(number)), source, above) for number, entry in enumerate(node.value)]
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError) as error:
        problem = getattr(error, "problem", None) or error
        raise source.wrong(path, f"{'.'.join(path)}: not a value ({problem}); quote it") from None
    finally:
        loader.dispose()


def _entries(node: yaml.MappingNode, path: KeyPath, source: Source) -> Iterator[tuple[str, yaml.Node]]:
    """Yield the keys of a mapping with their nodes, those that are merged in (`<<`) before its own."""
    seen: dict[str, int] = {}
    for key, _ in node.value:
        inner = (*path, str(key.value))
        source.note(inner, key)
        if not isinstance(key, yaml.ScalarNode):
            raise source.wrong(inner, "a key must be a word")
        if key.value in seen:
            first = f", first in line {seen[key.value]}" if source.lines else ""
            raise source.wrong(inner, f"{'.'.join(inner)} is given twice{first}; remove one")
        seen[key.value] = key.start_mark.line + 1
    if any(key.tag == _MERGE for key, _ in node.value):
        node = copy.deepcopy(node)  # it would be changed in place, and an alias of it is read again
        yaml.constructor.SafeConstructor().flatten_mapping(node)
    for key, value in node.value:
        source.note((*path, key.value), key)
        yield key.value, value
