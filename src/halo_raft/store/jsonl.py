"""Records in JSONL files, appended and flushed as they come, and other files that appear whole.

A line that was torn by a crash is cut off when the file is opened again.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Self, TypeVar

from halo_raft.records import Record, Verdict
from halo_raft.store.reading import ANEW, DAMAGES, damaged, record_of

R = TypeVar("R", bound=Record)


class JsonlWriter:
    """Appends records to a JSONL file. Opening it cuts off a torn last line.

    A record is in the kernel's hands when `append` returns: the death of the process loses none.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut_torn_line(path)
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def append(self, records: Iterable[Record]) -> None:
        """Write records, one a line, and flush."""
        self._file.write("".join(record.to_json() + "\n" for record in records))
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


def read_records(path: Path, record: type[R]) -> Iterator[R]:
    """Yield the records of a JSONL file that is there or not; a torn last line is left out.

    Raises:
        DataError: A line other than the last is damaged, or it is no file.
    """
    make = record_of(record)
    try:
        lines = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise damaged(path, error, ANEW) from None
    with lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                yield make(json.loads(line))
            except DAMAGES as error:
                raise damaged(f"{path}:{number}", error, "remove the line to go on without it") from None


def read_verdicts(path: Path) -> dict[str, Verdict]:
    """Return the verdicts of a file by sample; of a sample that was judged again, the last one.

    Raises:
        DataError: As `read_records`.
    """
    return {verdict.sample_id: verdict for verdict in read_records(path, Verdict)}


def write_atomically(path: Path, text: str) -> None:
    """Write a text file beside its place and rename it there: readers see the old one or the new one."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}-", delete=False, encoding="utf-8"
    ) as file:
        try:
            file.write(text)
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
