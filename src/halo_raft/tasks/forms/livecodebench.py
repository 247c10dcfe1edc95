"""LiveCodeBench: `public_test_cases` and `private_test_cases`, of `stdin` or `functional` kind.

The private cases are JSON, or base64 of zlib of a pickled JSON text. The pickle is read by an unpickler
that knows no class and no function: it can hold that text alone.
"""

from __future__ import annotations

import base64
import binascii
import io
import pickle
import zlib
from typing import Any

from halo_raft.errors import DataError
from halo_raft.records import Task
from halo_raft.tasks.rows.calls import IMPORTS, arguments_of, tests_of_calls, value_of
from halo_raft.tasks.rows.cases import READS, pairs_of, programs_cases
from halo_raft.tasks.rows.reading import parse_json
from halo_raft.tasks.rows.row import Row

FIELDS = ("public_test_cases", "private_test_cases")
MAX_BYTES = 1 << 30
"""Size of unpacked cases; the largest published ones have some hundreds of MB."""


def reads(row: Row) -> bool:
    """Return whether a row has one of the two fields."""
    return row.has(*FIELDS)


def task(row: Row) -> Task:
    """Read a row; all its cases are judged."""
    statement = row.prompt("question_content", "prompt", "question", "content")
    starter = row.text("starter_code") or ""
    cases = [case for field in FIELDS for case in cases_of(row, field)]
    metadata = row.decoded("metadata")
    name = metadata.get("func_name") if isinstance(metadata, dict) else None
    functional = any(case.get("testtype") == "functional" for case in cases if isinstance(case, dict))
    pairs = pairs_of(cases, row, FIELDS[0])
    fields: dict[str, Any]
    if functional or (name and starter.strip()):
        name = name or _method(starter)
        function = f"Solution().{name}" if "class Solution" in starter or not starter.strip() else str(name)
        calls = [(arguments_of(given, row, FIELDS[0]), value_of(wanted)) for given, wanted in pairs]
        fields = {"tests": tests_of_calls(function, calls, row), "shown_tests": (), "test_setup": IMPORTS}
        fields["entry_point"] = function.partition("(")[0]
        statement = f"{statement.strip()}\n\n```python\n{starter.strip()}\n```"
    else:
        fields = {"test_cases": programs_cases(pairs, row, FIELDS[0]), "comparison": "numeric"}
        statement = f"{statement.strip()}\n\n{READS}"
    return Task(
        task_id=row.name("task_id", "question_id", "id", prompt=statement),
        prompt=statement,
        language=row.language(),
        solution=row.text("solution", "canonical_solution"),
        **fields,
    )


def cases_of(row: Row, field: str) -> list[Any]:
    """Return the cases of a field, decoded.

    Raises:
        DataError: They cannot be.
    """
    value = row.get(field)
    if isinstance(value, str):
        text = value if value.lstrip()[:1] in ("[", "{", "") else _unpacked(value, row, field)
        value = parse_json(text, f"{row.where}: {field}") if text.strip() else []
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


class _TextAlone(pickle.Unpickler):
    """Unpickles plain values; whatever names a class or function is refused before it is looked up."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"names {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("refers to something outside")


def _unpacked(value: str, row: Row, field: str) -> str:
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(base64.b64decode(value, validate=True), MAX_BYTES)
        if unpacking.unconsumed_tail:
            raise DataError(f"{row.where}: {field} unpacks to more than {MAX_BYTES >> 20} MiB")
        held = data.decode() if data[:1] in (b"[", b"{") else _TextAlone(io.BytesIO(data)).load()
    except (binascii.Error, zlib.error, pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError) as error:
        raise DataError(f"{row.where}: {field} cannot be decoded ({str(error) or type(error).__name__})") from None
    except (AttributeError, TypeError, MemoryError, RecursionError, ImportError, OverflowError) as error:
        raise DataError(f"{row.where}: {field} is no pickled text ({type(error).__name__})") from None
    if not isinstance(held, str):
        raise DataError(f"{row.where}: {field} holds {type(held).__name__}, not text")
    return held


def _method(starter: str) -> str:
    """Return the name of the last function that the starter code opens."""
    return starter.rpartition("def ")[2].partition("(")[0].strip()
