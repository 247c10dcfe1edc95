"""open-r1's Codeforces: `official_tests`, `input_mode`, limits, and a checker where several outputs are right.

The checker, in Python, is called with input, the jury's answer and the output, in this order, and prints 1.
"""

from __future__ import annotations

from halo_raft.records import Checker, Task
from halo_raft.tasks.rows.cases import READS, pairs_of, programs_cases
from halo_raft.tasks.rows.row import Row


def reads(row: Row) -> bool:
    """Return whether a row has the tests of a contest."""
    return row.has("official_tests")


def task(row: Row) -> Task:
    """Read a row; the statement is put together from its parts."""
    prompt = row.text("prompt") or f"{_statement(row)}\n\n{READS}"
    checker = row.text("generated_checker")
    files = row.text("input_mode") == "file"
    row.get("official_tests_complete", "generated_tests", "testset_size", "examples")
    interactive = "it is interactive, and programs are run on an input alone"
    return Task(
        task_id=row.name("task_id", "id", "problem_id", prompt=prompt),
        prompt=prompt,
        language=row.language(),
        test_cases=programs_cases(
            pairs_of(row.decoded("official_tests"), row, "official_tests"), row, "official_tests"
        ),
        comparison="numeric",
        checker=Checker(source=checker, order="input answer output") if checker and checker.strip() else None,
        input_file="input.txt" if files else None,
        output_file="output.txt" if files else None,
        our_limit=interactive if (row.text("interaction_format") or "").strip() else None,
        solution=row.text("solution"),
    )


def _statement(row: Row) -> str:
    parts = [row.text("title"), row.prompt("description", "problem", "question", "statement")]
    for title, key in (("Input", "input_format"), ("Output", "output_format"), ("Note", "note")):
        text = row.text(key)
        parts += [f"{title}\n\n{text.strip()}"] if text and text.strip() else []
    for number, (given, wanted) in enumerate(_examples(row), start=1):
        parts.append(f"Example {number}\n\nInput\n```\n{given}\n```\nOutput\n```\n{wanted}\n```")
    return "\n\n".join(part.strip() for part in parts if part)


def _examples(row: Row) -> list[tuple[str, str]]:
    examples = row.get("examples") or []
    return [(str(a or "").strip(), str(b or "").strip()) for a, b in pairs_of(examples, row, "examples")]
