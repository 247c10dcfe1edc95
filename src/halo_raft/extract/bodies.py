"""A completion that only goes on where its prompt stops: put under the prompt again."""

from __future__ import annotations

import warnings


def continued(prompt: str, code: str) -> tuple[str, ...]:
    """Return the programs that a body may stand for under its prompt, the likeliest first.

    The body is tried as it is, with the indentation of its first line restored (chat templates strip it),
    with all of it indented, and cut where it falls back to the margin (a truncated next function).
    """
    head = prompt if prompt.endswith("\n") else prompt + "\n"
    lines = code.split("\n")
    margin = next((i for i, line in enumerate(lines) if i and line.strip() and not line[0].isspace()), len(lines))
    bodies = (
        code,
        "    " + code.lstrip(),
        "\n".join("    " + line for line in lines),
        "\n".join(lines[:margin]),
    )
    return tuple(head + body for body in dict.fromkeys(bodies))


def first_that_compiles(programs: tuple[str, ...]) -> str:
    """Return the first Python program that compiles, the first of all where none does."""
    return next((program for program in programs if compiles(program)), programs[0])


def compiles(program: str) -> bool:
    """Return whether Python compiles a program, which more than parses: `return` may stand in functions alone."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(program, "<completion>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
