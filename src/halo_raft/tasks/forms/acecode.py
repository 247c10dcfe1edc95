"""AceCode: `test_cases` is a list of assert statements."""

from __future__ import annotations

from halo_raft.records import Task
from halo_raft.tasks.rows.calls import setup_of
from halo_raft.tasks.rows.entry_point import entry_point_of
from halo_raft.tasks.rows.row import Row


def reads(row: Row) -> bool:
    """Return whether the cases of a row are statements."""
    for key in ("test_cases", "tests", "assertions", "asserts"):
        cases = row.fields.get(key)
        if isinstance(cases, list | tuple) and cases and all(isinstance(case, str) for case in cases):
            return any(case.lstrip().startswith("assert") for case in cases)
    return False


def task(row: Row) -> Task:
    """Read a row."""
    prompt = row.prompt("question", "prompt", "text", "problem", "instruction")
    asserts = next(found for key in ("test_cases", "tests", "assertions", "asserts") if (found := row.texts(key)))
    setup = setup_of(row, "\n".join(asserts))
    return Task(
        task_id=row.name("task_id", "id", "question_id", prompt=prompt),
        prompt=prompt,
        entry_point=entry_point_of(row.text("entry_point"), "\n".join(asserts), setup or ""),
        test_setup=setup,
        test_list=asserts,
        solution=row.text("solution", "canonical_solution", "code"),
    )
