"""The one way that a file of a run is read back: what is damaged in it is one line that names file and mend."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from halo_raft.errors import DataError
from halo_raft.records import Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")

ANEW = "remove it and run again, which makes it anew"
A_COPY = "bring back a copy of it"

DAMAGES = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)
"""What arises where a content is not what was written."""


def damaged(path: Path | str, error: object, mend: str) -> DataError:
    """Return the error of a file that cannot be read, or is not what was written there."""
    why = error.strerror if isinstance(error, OSError) else str(error).partition("\n")[0][:200]
    return DataError(f"{path}: is damaged ({why or type(error).__name__}); {mend}")


def read_as(path: Path, make: Callable[[Any], T], *, mend: str = ANEW) -> T | None:
    """Return what is made of a JSON file's content, None where there is no such file.

    Raises:
        DataError: It is damaged, or not what was written there.
    """
    try:
        return make(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, *DAMAGES) as error:
        raise damaged(path, error, mend) from None


def read_yaml(path: Path, kind: type[T], *, mend: str = A_COPY) -> T:
    """Return what a YAML file says, of which `kind`, a `TypedDict`, says what is used; empty where there is none.

    Raises:
        DataError: It is damaged.
    """
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as quick, where it was built
        said = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
        return typing.cast(T, checked(kind, {} if said is None else said))
    except (FileNotFoundError, NotADirectoryError):
        return typing.cast(T, {})
    except (OSError, yaml.YAMLError, *DAMAGES) as error:
        raise damaged(path, error, mend) from None


def record_of(kind: type[R]) -> Callable[[Any], R]:
    """Return what makes a record of a JSON object.

    The function raises TypeError where a field is missing or of another type.
    """
    return lambda row: kind.from_dict(checked(kind, row))


def checked(kind: Any, value: Any) -> Any:
    """Return a JSON value that is of a type: a record's, a `TypedDict`'s, or `dict[str, int]` and the like.

    Raises:
        TypeError: It is not; names the field.
    """
    if not _test(kind)(value):
        fields = _fields(kind) if isinstance(value, dict) else {}
        wrong = next((name for name, test in fields.items() if name in value and not test(value[name])), None)
        raise TypeError(f"{wrong} is {_shown(value[wrong])}" if wrong else f"it holds {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."


@functools.cache
def _fields(kind: Any) -> Mapping[str, Callable[[Any], bool]]:
    """Return the tests of a record's or a `TypedDict`'s fields, by name."""
    if not (dataclasses.is_dataclass(kind) or typing.is_typeddict(kind)):
        return {}
    return {name: _test(hint) for name, hint in typing.get_type_hints(kind).items() if not name.startswith("_")}


@functools.cache
def _test(hint: Any) -> Callable[[Any], bool]:
    """Return what tells whether a JSON value fits a type; the fields of a record may be missing here."""
    if hint is Any:
        return lambda value: True
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        tests = [_test(one) for one in inner]
        return lambda value: any(test(value) for test in tests)
    if origin in (list, tuple):
        if inner[0] in (int, str):  # thousands of token ids a line
            plain = {inner[0]}
            return lambda value: type(value) is list and plain.issuperset(map(type, value))
        each = _test(inner[0])
        return lambda value: type(value) is list and all(map(each, value))
    if origin is dict:
        each = _test(inner[1])
        return lambda value: type(value) is dict and all(map(each, value.values()))
    if issubclass(hint, tuple):  # a named one, which JSON has as a list
        tests = [_test(each) for each in typing.get_type_hints(hint).values()]
        return lambda value: (
            type(value) is list and len(value) == len(tests) and all(t(v) for t, v in zip(tests, value, strict=True))
        )
    if typing.is_typeddict(hint) or dataclasses.is_dataclass(hint):
        return lambda value: (
            type(value) is dict and all(test(value[name]) for name, test in _fields(hint).items() if name in value)
        )
    if issubclass(hint, Enum):
        return lambda value: value in tuple(hint)
    allowed = (int, float) if hint is float else hint
    return lambda value: isinstance(value, allowed)
