"""The whole table."""

from __future__ import annotations

from redteam.attack import Attack
from redteam.rows import (
    answers_python,
    believed_python,
    bombs_python,
    channel_python,
    checkers,
    crossing_python,
    driver_python,
    endings_python,
    errors_python,
    foreseen_python,
    forged_replies_python,
    handles_python,
    hangs_python,
    interpreter_python,
    liars_python,
    library_python,
    limits_under_a_drip,
    made_up_python,
    modes_python,
    native_c,
    native_c_compilers,
    native_failures,
    native_go,
    native_rust,
    objects_python,
    patches_python,
    peeking_python,
    programs_python,
    pytest_suites,
    shared_process_c,
    shared_process_python,
    swelling_python,
    theft_python,
    uncounted_python,
    values_python,
)

THEMES = (
    endings_python,
    liars_python,
    patches_python,
    interpreter_python,
    peeking_python,
    channel_python,
    driver_python,
    values_python,
    errors_python,
    forged_replies_python,
    objects_python,
    crossing_python,
    handles_python,
    believed_python,
    foreseen_python,
    made_up_python,
    library_python,
    modes_python,
    shared_process_python,
    pytest_suites,
    programs_python,
    answers_python,
    checkers,
    native_c,
    native_c_compilers,
    native_failures,
    shared_process_c,
    native_rust,
    native_go,
    theft_python,
    hangs_python,
    swelling_python,
    uncounted_python,
    limits_under_a_drip,
    bombs_python,
)
"""The harmless themes first, so that a hole shows before a bomb goes off."""
ATTACKS: dict[str, Attack] = {row.name: row for theme in THEMES for row in theme.ROWS}

IN_PROCESS = frozenset(
    {
        "pytest-beside-outcomes-on-the-stack",
        "pytest-beside-results-rewritten-by-a-thread",
        "pytest-beside-expected-in-the-test-file",
        "cpp-shared-secret-in-memory",
        "cpp-shared-memory-compare-defined",
        "cpp-shared-comparison-specialised",
    }
)
"""Attacks on tests that have to share the program's process and so can be reached by it.

Such tests are those of a pytest suite that does more than call the program, and of a C or C++ suite
that is no list of checks. Their verdicts say `integrity: in_process`, and never `outside`.
"""
