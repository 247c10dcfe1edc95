"""Samples that stay in their files: what is looked at of each is read, the rest when it is asked for.

A run of a million samples of some hundred tokens has gigabytes of them; what a driver holds of one is about 200 bytes.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from halo_raft.records import Sample
from halo_raft.store.jsonl import lines_of, said_damaged
from halo_raft.store.lines import part_reader_of, reader_of
from halo_raft.store.reading import DAMAGES


class Drawn(Protocol):
    """What is asked of a sample, in memory or on disk, where many are looked at: attributes of `Sample`."""

    @property
    def sample_id(self) -> str: ...  # noqa: D102
    @property
    def task_id(self) -> str: ...  # noqa: D102
    @property
    def cycle(self) -> int: ...  # noqa: D102
    @property
    def index(self) -> int: ...  # noqa: D102
    @property
    def truncated(self) -> bool: ...  # noqa: D102
    @property
    def tokens(self) -> int: ...  # noqa: D102
    @property
    def form(self) -> str | None: ...  # noqa: D102
    @property
    def round(self) -> str | None: ...  # noqa: D102
    @property
    def completion(self) -> str: ...  # noqa: D102


class _Part(msgspec.Struct, gc=False):
    """What is read of each line; `token_ids` are counted where they stand, and never made."""

    sample_id: str
    task_id: str
    cycle: int
    index: int
    finish_reason: str
    token_ids: msgspec.Raw
    form: str | None = None
    round: str | None = None
    of: int | None = None


class _Text(msgspec.Struct, gc=False):
    completion: str


_read_text = msgspec.json.Decoder(_Text).decode


class _File:
    """A file of samples, open as long as any sample of it is known."""

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if (descriptor := getattr(self, "_descriptor", None)) is not None:
            os.close(descriptor)

    def line(self, start: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, start)


class StoredSample(msgspec.Struct, frozen=True, gc=False):
    """A sample on disk.

    Attributes:
        sample_id: As `records.Sample`, and so on to `index`.
        truncated: Whether the completion ran into the token limit.
        tokens: Length of the completion.
        form: As `records.Sample`, and so on to `of`.
    """

    sample_id: str
    task_id: str
    cycle: int
    index: int
    truncated: bool
    tokens: int
    file: _File
    start: int
    size: int
    form: str | None = None
    round: str | None = None
    of: int | None = None

    def line(self) -> bytes:
        """Return the sample as it stands in its file, the end of its line included."""
        return self.file.line(self.start, self.size)

    @property
    def completion(self) -> str:
        """The text as decoded, read anew each time."""
        try:
            return _read_text(self.line()).completion
        except msgspec.DecodeError:  # it takes no lone surrogates
            return str(json.loads(self.line())["completion"])

    def whole(self) -> Sample:
        """Return all of it."""
        return reader_of(Sample)(self.line())


_read = part_reader_of(_Part)


def stored_samples(path: Path) -> Iterator[StoredSample]:
    """Yield the samples of a JSONL file that is there or not, without what is in them.

    Raises:
        DataError: As `jsonl.read_records`.
    """
    file = None
    for number, start, line in lines_of(path):
        file = file or _File(path)
        try:
            part = _read(line)
            yield StoredSample(
                part.sample_id,
                sys.intern(part.task_id),  # there are few of them
                part.cycle,
                part.index,
                part.finish_reason == "length",
                _count(part.token_ids),
                file,
                start,
                len(line),
                part.form and sys.intern(part.form),
                part.round and sys.intern(part.round),
                part.of,
            )
        except DAMAGES as error:
            raise said_damaged(path, number, error) from None


def _count(array: msgspec.Raw) -> int:
    """Return the length of a JSON array of numbers.

    Raises:
        TypeError: It is none.
    """
    text = bytes(array)
    if text[:1] != b"[" or b'"' in text or b"{" in text:
        raise TypeError(f"token_ids is {text[:40].decode(errors='replace')}")
    return text.count(b",") + (len(text) > 2)
