"""BigCodeBench: `task_func`, judged by a unittest class that stands in the program's own module.

The imports and constants of `code_prompt` are its set-up. An answer is a whole program, or goes on where `code_prompt`
stops: the instruction shows it, as the published ones do.
"""

from __future__ import annotations

import ast

from halo_raft.extract import blocks_of, defines
from halo_raft.records import Task
from halo_raft.tasks.rows.row import Row


def reads(row: Row) -> bool:
    """Return whether a row has one of the two prompts of this form."""
    return row.has("complete_prompt", "instruct_prompt") and row.has("test")


def task(row: Row) -> Task:
    """Read a row; the prompt is the instruction, as the set's chat variant has it."""
    complete = row.text("complete_prompt") or ""
    prompt = row.text("instruct_prompt") or complete
    opening = row.text("code_prompt") or complete
    name = row.text("entry_point") or "task_func"
    if prompt != complete and not any(defines(block.code, name) for block in blocks_of(prompt, "python")[0]):
        prompt = f"{prompt.rstrip()}\nYou should write self-contained code starting with:\n```\n{opening.rstrip()}\n```"
    body = row.text("canonical_solution")
    return Task(
        task_id=row.name("task_id", "id", prompt=prompt),
        prompt=prompt,
        entry_point=name,
        tests=row.text("test"),
        test_setup=_before_function(opening, name) or None,
        shown_tests=(),
        verifier="pytest",
        solution=None if body is None else f"{opening.rstrip()}\n{body}",
    )


def _before_function(opening: str, name: str) -> str:
    """Return the imports and constants that stand before the function; empty where they are no Python."""
    head = opening.partition(f"def {name}")[0].rstrip()
    try:
        ast.parse(head)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return head
