"""Rows as they are published -> tasks: one file a public form, looked at in order, row by row.

Each module has `reads(row)`, whether a row is of its form, and `task(row)`. What any row may say beside
(`verifier`, `comparison`, limits, a checker) is read here.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from halo_raft.records import Checker, Task
from halo_raft.tasks.forms import (
    acecode,
    apps,
    bigcodebench,
    code_contests,
    codeforces,
    humaneval,
    kodcode,
    leetcode,
    livecodebench,
    mbpp,
    multipl_e,
    plain,
    verification_info,
)
from halo_raft.tasks.rows.limits import memory_limit_mb, time_limit_s
from halo_raft.tasks.rows.row import Row, name_unread_tests
from halo_raft.tasks.rows.suites import importing_program

FORMS: tuple[ModuleType, ...] = (
    livecodebench,
    codeforces,
    code_contests,
    verification_info,
    leetcode,
    bigcodebench,
    apps,
    acecode,
    multipl_e,
    mbpp,
    kodcode,
    humaneval,
    plain,
)
"""In the order in which they are asked: the most particular first."""

ORDERS = ("input output answer", "input answer output")
COMPARISONS = ("exact", "token", "numeric")
CPP_SOURCE = re.compile(r"^\s*#\s*include\b", re.MULTILINE)


def form_of(row: Row) -> ModuleType:
    """Return the form that a row is of; `plain` reads any."""
    return next(form for form in FORMS if form.reads(row))


def parse_row(row: Mapping[str, Any], where: str) -> Task:
    """Turn one row of any known form into a `Task`.

    Args:
        row: The JSON object.
        where: File and line, for messages.

    Raises:
        DataError: There is no prompt, a field has the wrong type, or one that looks like tests is not read
            and the row has no others.
    """
    fields = Row(row, where)
    task: Task = form_of(fields).task(fields)
    said = {key: value for key, value in _said_beside(fields).items() if value is not None}
    task = dataclasses.replace(task, **said) if said else task
    if task.judged_by == "pytest" and task.tests:
        task = dataclasses.replace(task, tests=importing_program(task.tests))
    name_unread_tests(fields, task.has_tests or task.our_limit is not None)
    return task


def _said_beside(row: Row) -> dict[str, Any]:
    """Return what a row of any form may say about how it is judged."""
    verifier, comparison = row.text("verifier"), row.text("comparison")
    if verifier is not None and not verifier.isidentifier():
        raise row.wrong(f"verifier must be the name of a built-in one, not {verifier!r}: rows cannot name code to load")
    if comparison is not None and comparison not in COMPARISONS:
        raise row.wrong(f"comparison must be one of {', '.join(COMPARISONS)}, not {comparison!r}")
    tolerance = row.get("tolerance")
    if tolerance is not None and (
        isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or tolerance < 0
    ):
        raise row.wrong(f"tolerance must be a number from 0, not {tolerance!r}")
    interactive = "it is interactive, and programs are run on an input alone" if row.get("interactor") else None
    return {
        "verifier": None if verifier == "auto" else verifier,
        "comparison": comparison,
        "tolerance": tolerance,
        "checker": _checker(row),
        "time_limit_s": time_limit_s(row),
        "memory_limit_mb": memory_limit_mb(row),
        "input_file": _file(row, "input_file"),
        "output_file": _file(row, "output_file"),
        "our_limit": interactive,
    }


def _file(row: Row, key: str) -> str | None:
    """Return the name of a file in the work folder."""
    name = row.text(key)
    if name and not re.fullmatch(r"\w[\w.-]{0,99}", name):
        raise row.wrong(f"{key} must be the name of a file, not {name!r}")
    return name or None


def _checker(row: Row) -> Checker | None:
    """Return a row's special judge: source as text, or an object with `source`, `language` and `order`."""
    value = row.get("checker", "special_judge")
    language = order = None
    if isinstance(value, dict):
        language, order = value.get("language"), value.get("order")
        value = value.get("source") or value.get("code")
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise row.wrong("checker must be the source of a program")
    language = language or ("cpp" if CPP_SOURCE.search(value) else "python")
    if language not in ("python", "cpp"):
        raise row.wrong(f"checker: there are checkers in python and cpp, not in {language!r}")
    order = order or ORDERS[0]
    if order not in ORDERS:
        raise row.wrong(f"checker: order must be one of {', '.join(map(repr, ORDERS))}")
    return Checker(source=value, language=language, order=order)
