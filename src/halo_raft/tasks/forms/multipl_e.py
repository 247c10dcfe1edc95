"""MultiPL-E: a prompt that opens a function in another language, and `tests` that go on from its end."""

from __future__ import annotations

from halo_raft.extract import NATIVE, canonical
from halo_raft.records import Task
from halo_raft.tasks.forms import plain
from halo_raft.tasks.rows.row import Row


def reads(row: Row) -> bool:
    """Return whether a row has tests in a compiled language."""
    language = row.fields.get("language")
    return isinstance(language, str) and canonical(language) in NATIVE and isinstance(row.fields.get("tests"), str)


def task(row: Row) -> Task:
    """Read a row; its fields have the names of ours."""
    return plain.task(row)
