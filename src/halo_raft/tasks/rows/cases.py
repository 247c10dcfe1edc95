"""Inputs and outputs of a row, in any of the shapes that are published -> cases of a program."""

from __future__ import annotations

from typing import Any

from halo_raft.tasks.rows.row import Row

Case = dict[str, str]
READS = "Write a complete program that reads standard input and prints the answer to standard output."
"""Stands under the statements of contest tasks: they describe input and output, and no function."""

INPUTS = ("input", "stdin", "inputs", "in")
OUTPUTS = ("output", "expected_output", "outputs", "expected", "stdout", "out", "answer")


def pairs_of(value: Any, row: Row, field: str) -> list[tuple[Any, Any]]:
    """Return (input, output) of each case: a list of objects or of pairs, or an object of two lists.

    Raises:
        DataError: It is none of them.
    """
    if isinstance(value, dict):
        inputs, outputs = _field(value, INPUTS), _field(value, OUTPUTS)
        if isinstance(inputs, list | tuple) and isinstance(outputs, list | tuple):
            if len(inputs) != len(outputs):
                raise row.wrong(f"{field} has {len(inputs)} inputs and {len(outputs)} outputs")
            return list(zip(inputs, outputs, strict=True))
        value = [value]
    if not isinstance(value, list | tuple):
        raise row.wrong(f"{field} must be a list of objects with stdin and expected_output")
    pairs = []
    for number, case in enumerate(value):
        if isinstance(case, dict):
            output = _field(case, OUTPUTS)
            if output is None:
                raise row.wrong(f"{field}[{number}] has no expected_output")
            pairs.append((_field(case, INPUTS), output))
        elif isinstance(case, list | tuple) and len(case) == 2:
            pairs.append((case[0], case[1]))
        else:
            raise row.wrong(f"{field} must be a list of objects with stdin and expected_output")
    return pairs


def programs_cases(pairs: list[tuple[Any, Any]], row: Row, field: str) -> tuple[Case, ...]:
    """Return pairs as cases of a program; lists of lines are joined.

    Raises:
        DataError: An input or output is no text.
    """
    return tuple(
        {"stdin": _as_text(given, row, field), "expected_output": _as_text(wanted, row, field)}
        for given, wanted in pairs
    )


def _as_text(value: Any, row: Row, field: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(line, str | int | float) for line in value):
        return "\n".join(map(str, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise row.wrong(f"{field}: input and output of a program are text, not {type(value).__name__}")


def _field(case: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((case[name] for name in names if case.get(name) is not None), None)
