"""KodCode and other rows with a pytest suite: `question`, `solution`, `test` (`test_code` before)."""

from __future__ import annotations

from halo_raft.records import Task
from halo_raft.tasks.rows.row import Row


def reads(row: Row) -> bool:
    """Return whether a row has a question and a suite."""
    return row.has("question") and any(
        isinstance(row.fields.get(key), str) and "def test" in row.fields[key] for key in ("test", "test_code")
    )


def task(row: Row) -> Task:
    """Read a row; `test_info` names the function, and is shown to the model by the public pipeline."""
    question = row.prompt("question")
    info = row.decoded("test_info")
    first = info[0] if isinstance(info, list) and info and isinstance(info[0], dict) else {}
    head = first.get("function_declaration")
    prompt = question if not head or str(head) in question else f"{question}\n\nThe function is declared as `{head}`."
    name = first.get("function_name") or row.text("test_entry_point", "entry_point")
    return Task(
        task_id=row.name("task_id", "question_id", "id", "conversation_id", prompt=question),
        prompt=prompt,
        entry_point=str(name).rpartition("::")[2] if name else None,
        tests=row.text("test", "test_code"),
        shown_tests=(),
        solution=row.text("solution"),
    )
