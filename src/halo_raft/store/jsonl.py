"""Records in JSONL files, appended and flushed as they come, and other files that appear whole.

A line that was torn by a crash is cut off when the file is opened again.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Self, TypeVar

import msgspec

from halo_raft.errors import DataError
from halo_raft.records import Record, Verdict
from halo_raft.store.lines import line_of, part_reader_of, reader_of
from halo_raft.store.reading import ANEW, DAMAGES, damaged

R = TypeVar("R", bound=Record)

_BLOCK = 1 << 20
"""Bytes that are read at a time where lines are counted."""


class _Id(msgspec.Struct):
    sample_id: str


_sample_id = part_reader_of(_Id)


class JsonlWriter:
    """Appends records to a JSONL file. Opening it cuts off a torn last line.

    A record is in the kernel's hands when `append` returns: the death of the process loses none.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut_torn_line(path)
        self._file: IO[bytes] = path.open("ab")

    def append(self, records: Iterable[Record]) -> None:
        """Write records, one a line, and flush."""
        self.append_lines(map(line_of, records))

    def append_lines(self, lines: Iterable[bytes]) -> None:
        """Write lines, each with its end, and flush."""
        self._file.write(b"".join(lines))
        self._file.flush()

    def close(self) -> None:
        """Flush to the disk and close; where the disk is full, what was written stays and a torn line is cut off."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            with contextlib.suppress(OSError):
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class LineCount:
    """Counts the whole lines of a file that grows meanwhile, and may not be there yet; reads what is new each time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = self._end = 0

    def __call__(self) -> int:
        """Return how many there are now."""
        with contextlib.suppress(OSError), self._path.open("rb") as file:  # whoever writes it says what is wrong
            file.seek(self._end)
            while block := file.read(_BLOCK):
                if lines := block.count(b"\n"):
                    self._lines += lines
                    self._end = file.tell() - len(block) + block.rindex(b"\n") + 1
        return self._lines


def read_records(path: Path, record: type[R]) -> Iterator[R]:
    """Yield the records of a JSONL file that is there or not; a torn last line is left out.

    Raises:
        DataError: A line other than the last is damaged, or it is no file.
    """
    make = reader_of(record)
    for number, _, line in lines_of(path):
        try:
            yield make(line)
        except DAMAGES as error:
            raise said_damaged(path, number, error) from None


def lines_of(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, from 1, place in bytes and content of each whole line of a file that is there or not.

    Raises:
        DataError: It is no file.
    """
    try:
        lines = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise damaged(path, error, ANEW) from None
    start = 0
    with lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            yield number, start, line
            start += len(line)


def said_damaged(path: Path, number: int, error: object) -> DataError:
    """Return the error of a line that is not what was written there."""
    return damaged(f"{path}:{number}", error, "remove the line to go on without it")


def read_verdicts(path: Path) -> dict[str, Verdict]:
    """Return the verdicts of a file by sample; of a sample that was judged again, the last one.

    Raises:
        DataError: As `read_records`.
    """
    return {verdict.sample_id: verdict for verdict in read_records(path, Verdict)}


def last_verdicts(path: Path) -> Iterator[Verdict]:
    """Yield the verdicts of a file; of a sample that was judged again, the last one, which comes at the end.

    Raises:
        DataError: As `read_records`.
    """
    again, last = _judged_again(path), dict[str, Verdict]()
    for verdict in read_records(path, Verdict):
        if again and hash(verdict.sample_id) in again:
            last[verdict.sample_id] = verdict
        else:
            yield verdict
    yield from last.values()


def _judged_again(path: Path) -> set[int]:
    """Return the hashes of ids that are there more than once; takes eight bytes a verdict."""
    hashes = array("q")
    for _, _, line in lines_of(path):
        with contextlib.suppress(*DAMAGES):  # whoever reads it says so
            hashes.append(hash(_sample_id(line).sample_id))
    if len(hashes) < 2:
        return set()
    import numpy as np

    ordered = np.sort(np.frombuffer(hashes, dtype=np.int64))
    return set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())


def write_atomically(path: Path, text: str | Iterable[bytes]) -> None:
    """Write a file beside its place and rename it there: readers see the old one or the new one."""
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        try:
            file.writelines([text.encode()] if isinstance(text, str) else text)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
        except BaseException:
            os.unlink(file.name)
            raise
    os.replace(file.name, path)


def _cut_torn_line(path: Path) -> None:
    """Cut a file back to its last newline."""
    if not path.is_file():
        return
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 65536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                file.truncate(start + newline + 1)
                return
            end = start
        file.truncate(0)


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
