"""Files of rows -> (line number, row): JSON lines, as they are or compressed (`.gz`, `.zst`), and Parquet.

The one reader of rows: of tasks, samples and training data. Lines are read one at a time.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from halo_raft.errors import DataError

Numbered = tuple[int, dict[str, Any]]


def read_rows(path: str | Path, wrong: Callable[[int, DataError], None] | None = None) -> Iterator[Numbered]:
    """Yield (line number from 1, row) of a file of objects; blank lines are skipped. Parquet's rows count as lines.

    Args:
        path: The file.
        wrong: Is told of each line that is not a JSON object, in place of an error.

    Raises:
        DataError: The file is missing, or a line is not a JSON object; the message has file and line.
    """
    path = Path(path)
    if path.suffix == ".parquet":
        yield from _parquet(path)
        return
    number = 0
    try:
        with closing(_opened(path)) as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    row = _row(line, number, f"{path}:{number}")
                except DataError as error:
                    if wrong is None:
                        raise
                    wrong(number, error)
                    continue
                if row is not None:
                    yield number, row
    except (OSError, EOFError) as error:  # a compressed file that was cut off is one of these
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}){_mend(error)}") from None


def _mend(error: BaseException) -> str:
    """Return what helps where a file is not there, or is a folder."""
    if isinstance(error, FileNotFoundError):
        return "; give a file that is there"
    return "; name the file in it" if isinstance(error, IsADirectoryError) else ""


def _opened(path: Path) -> IO[bytes]:
    """Return a file of bytes that yields its lines."""
    file = path.open("rb")
    if path.suffix == ".gz":
        return io.BufferedReader(gzip.GzipFile(fileobj=file))
    if path.suffix in (".zst", ".zstd"):
        import pyarrow  # type: ignore[import-untyped]

        return io.BufferedReader(pyarrow.CompressedInputStream(pyarrow.PythonFile(file), "zstd"))
    return file


def _parquet(path: Path) -> Iterator[Numbered]:
    import pyarrow
    import pyarrow.parquet  # type: ignore[import-untyped]

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            for batch in table.iter_batches(batch_size=64):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (OSError, pyarrow.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise DataError(f"{path}: cannot be read as Parquet ({reason}){_mend(error)}") from None


def _row(line: bytes, number: int, where: str) -> dict[str, Any] | None:
    """Return the object of a line, None for a blank one."""
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: is not UTF-8 text ({error.reason}); save it as UTF-8") from None
    if not text.strip():
        return None
    array = ", and this looks like an array over several lines (jq -c '.[]' FILE takes it apart)"
    hint = "each line is one JSON object" + (array if number == 1 and text.lstrip().startswith("[") else "")
    row = parse_json(text, where, hint)
    if not isinstance(row, dict):
        raise DataError(f"{where}: is not a JSON object; each line is one")
    return row


def parse_json(text: str, where: str, hint: str = "") -> Any:
    """Return the value of a JSON text.

    Raises:
        DataError: It is none, is nested too deep, or has a number that is too long.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = error.msg
    except RecursionError:
        reason = "nested too deep"
    except ValueError:
        reason = "a number of more digits than Python reads"
    raise DataError(f"{where}: is not JSON ({reason}){'; ' if hint else ''}{hint}")
