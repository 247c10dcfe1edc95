"""Our own form: any of `tests`, `test_list`, `stdin` with `expected_output`, `test_cases`, or none of them.

Reads whatever no other form is, so it takes the usual names for a prompt and for cases.
"""

from __future__ import annotations

import ast

from halo_raft.records import Task
from halo_raft.tasks.rows.calls import setup_of
from halo_raft.tasks.rows.cases import Case, pairs_of, programs_cases
from halo_raft.tasks.rows.entry_point import entry_point_of
from halo_raft.tasks.rows.row import Row

PROMPTS = ("prompt", "text", "question", "problem", "problem_statement", "problem_description", "description")
IDS = ("task_id", "id", "name", "question_id", "problem_id")


def reads(row: Row) -> bool:
    """Return True: what is missing is said by `task`."""
    return True


def task(row: Row) -> Task:
    """Read a row."""
    prompt = row.prompt(*PROMPTS)
    tests = row.text("tests", "test", "test_code") if not isinstance(row.fields.get("tests"), list) else None
    cases: tuple[Case, ...] = ()
    if tests is None and row.has("tests"):
        cases = programs_cases(pairs_of(row.get("tests"), row, "tests"), row, "tests")
    setup = setup_of(row, tests or "")
    if row.has("test_cases"):
        cases = programs_cases(pairs_of(row.decoded("test_cases"), row, "test_cases"), row, "test_cases")
    expected = row.text("expected_output")
    language = row.language()
    named = row.text("entry_point")
    if language == "python" and tests:
        named = entry_point_of(named, tests, f"{setup or ''}\n{prompt if _is_code(prompt) else ''}")
    return Task(
        task_id=row.name(*IDS, prompt=prompt),
        prompt=prompt,
        language=language,
        entry_point=named,
        tests=tests,
        test_setup=setup,
        stdin=row.text("stdin"),
        expected_output=expected,
        test_cases=cases or None,
        solution=row.text("solution", "canonical_solution", "code"),
        shown_tests=row.texts("shown_tests") if "shown_tests" in row.fields else None,
        our_limit=row.text("our_limit"),
    )


def _is_code(prompt: str) -> bool:
    try:
        ast.parse(prompt)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
