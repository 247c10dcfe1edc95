"""HumanEval and HumanEval+: a prompt that opens a function, and `test` with `check(candidate)`."""

from __future__ import annotations

from halo_raft.records import Task
from halo_raft.tasks.forms import plain
from halo_raft.tasks.rows.row import Row


def reads(row: Row) -> bool:
    """Return whether a row has a check, and names what is checked."""
    tests = row.fields.get("test")
    return isinstance(tests, str) and "def check(" in tests and row.has("entry_point") and row.has("prompt")


def task(row: Row) -> Task:
    """Read a row; its fields have the names of ours."""
    return plain.task(row)
