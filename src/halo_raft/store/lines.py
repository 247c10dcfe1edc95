"""Records to lines of JSON and back, as fast as `msgspec` does it.

Lines are those of `Record.to_json`, which any reader of JSON takes, in ASCII. What msgspec does not take, a lone
surrogate or a content of another type, goes the way of the standard library, which says what is wrong with it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from halo_raft.records import Record
from halo_raft.store.reading import record_of

R = TypeVar("R", bound=Record)


def line_of(record: Record) -> bytes:
    """Return a record as a line of JSON, its end included."""
    try:
        line = msgspec.json.encode(record.to_dict())
    except (TypeError, ValueError):
        line = b"\xff"
    return (line if line.isascii() else record.to_json().encode()) + b"\n"


def reader_of(kind: type[R]) -> Callable[[bytes], R]:
    """Return what makes a record of a line.

    The function raises one of `reading.DAMAGES` where the line is no JSON, or no such record.
    """
    wanted: Any = kind
    return _cached_reader(wanted)


@functools.cache
def _cached_reader(kind: Any) -> Callable[[bytes], Any]:
    make = record_of(kind)

    def slow(line: bytes) -> Any:
        return make(json.loads(line))

    try:
        decode = msgspec.json.Decoder(kind).decode
    except (TypeError, NameError):  # a field of a type that it does not know
        return slow

    def read(line: bytes) -> Any:
        try:
            return decode(line)
        except (msgspec.MsgspecError, ValueError, TypeError):
            return slow(line)

    return read


def part_reader_of(kind: type[Any]) -> Callable[[bytes], Any]:
    """Return what reads of a line no more than the fields of a `msgspec.Struct`.

    The function raises ValueError where they are not there, or of another type.
    """
    decode, encode = msgspec.json.Decoder(kind).decode, msgspec.json.encode

    def read(line: bytes) -> Any:
        try:
            return decode(line)
        except msgspec.DecodeError:
            row = json.loads(line)  # msgspec takes no lone surrogates, not even in what it leaves out
            known = {name: row[name] for name in kind.__struct_fields__ if isinstance(row, dict) and name in row}
            return decode(encode(_without_surrogates(known)))

    return read


def _without_surrogates(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in row.items()
    }
