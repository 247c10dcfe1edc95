"""Cases that are calls of a function (arguments and what it returns) -> the source of Python tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from halo_raft.errors import DataError
from halo_raft.tasks.rows.reading import parse_json
from halo_raft.tasks.rows.row import Row

IMPORTS = """\
import bisect, collections, copy, datetime, functools, heapq, itertools, json, math, operator, random, re, string, sys
from typing import *
from collections import *
from itertools import *
from functools import *
from heapq import *
from bisect import *
from math import *
from builtins import pow
"""
"""What contest sites have imported for a function before it is read: its published head uses `List` and the like."""
HELPERS = '''
inf, nan = float("inf"), float("nan")


def plain_value(value):
    if type(value) is tuple or type(value) is list:
        return [plain_value(item) for item in value]
    return value


def same_value(got, wanted):
    """Tuples are lists, as in JSON; floats may be off by a millionth."""
    if type(got) in (list, tuple) and type(wanted) in (list, tuple):
        return len(got) == len(wanted) and all(same_value(g, w) for g, w in zip(got, wanted))
    if type(wanted) is float and type(got) in (int, float):
        return got == wanted or abs(got - wanted) <= 1e-6 * max(1.0, abs(wanted))
    if type(wanted) is bool or type(got) is bool:
        return got is wanted
    if type(got) is dict and type(wanted) is dict:
        return got.keys() == wanted.keys() and all(same_value(got[key], wanted[key]) for key in wanted)
    return type(got) is type(wanted) and got == wanted


def same_or_wrapped(got, wanted):
    if type(wanted) in (list, tuple) and len(wanted) == 1 and same_value(got, wanted[0]):
        return True
    return same_value(got, wanted)
'''
"""What the tests below compare with: exact types, so that no object of a program's decides."""


def setup_of(row: Row, tests: str) -> str | None:
    """Return what runs before the tests, and the program; None without any.

    Where the tests ask for a method of `Solution`, the program is written as for a site that has `IMPORTS`.
    """
    setup = row.setup()
    asks = re.search(r"\bSolution\(\)", f"{row.text('entry_point') or ''}\n{tests}")
    if not asks or IMPORTS in (setup or ""):  # a file that was prepared has them already
        return setup
    return f"{IMPORTS}\n{setup or ''}"


def tests_of_calls(
    function: str, calls: Sequence[tuple[Sequence[Any], Any]], row: Row, *, wrapped: bool = False
) -> str:
    """Return tests that call `function` and compare what it returns.

    Args:
        function: Expression of the function: `name` or `Solution().name`.
        calls: Arguments and expected value of each.
        row: For messages.
        wrapped: An expected value may stand in a list of its own, as APPS has it.

    Raises:
        DataError: The function is no name, or a value has no literal.
    """
    if not re.fullmatch(r"(?:[A-Za-z_]\w*\(\)\.)?[A-Za-z_]\w*", function):
        raise row.wrong(f"{function!r} is no name of a function")
    if not calls:
        raise row.wrong("has no cases")
    lines = [HELPERS, "", "def test_solution():"]
    same = "same_or_wrapped" if wrapped else "same_value"
    for arguments, wanted in calls:
        try:
            lines.append(f"    assert {same}({function}({', '.join(map(repr, arguments))}), {wanted!r})")
        except (ValueError, RecursionError):
            raise row.wrong("a case has a number too long, or a value too deep, to be written") from None
    return "\n".join(lines) + "\n"


def arguments_of(value: Any, row: Row, field: str) -> list[Any]:
    """Return the arguments of a call: a list, a JSON text of one, or a text with a JSON value a line.

    Raises:
        DataError: It is none of them.
    """
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str):
        return [value]
    try:
        return [parse_json(line, field) for line in value.split("\n") if line.strip()]
    except DataError:
        return [parse_json(value, f"{row.where}: {field}")]


def spread(calls: Sequence[tuple[list[Any], Any]], name: str, solution: str | None) -> list[tuple[list[Any], Any]]:
    """Return calls whose one argument, a list, is all arguments: where the reference takes as many, and not one.

    A text `[[1], 2]` may be one argument or two; the function's head in the reference says which.

    Args:
        calls: Arguments and expected value of each.
        name: Name of the function.
        solution: The reference; None without one.
    """
    try:
        tree = ast.parse(solution or "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return list(calls)
    heads = [node.args for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    names = [argument.arg for argument in (*heads[-1].posonlyargs, *heads[-1].args)] if heads else ["one"]
    count = len(names) - (names[:1] == ["self"])
    alone = all(len(given) == 1 and isinstance(given[0], list) and len(given[0]) == count for given, _ in calls)
    return [(given[0] if alone and count != 1 else given, wanted) for given, wanted in calls]


def value_of(value: Any) -> Any:
    """Return what a call has to return; a JSON text is decoded, another text is itself."""
    if isinstance(value, str):
        try:
            return parse_json(value, "")
        except DataError:
            return value
    return value
