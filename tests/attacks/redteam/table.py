"""The whole table."""

from __future__ import annotations

from redteam.attack import Attack
from redteam.rows import (
    bombs_python,
    channel_python,
    driver_python,
    endings_python,
    errors_python,
    forged_replies_python,
    hangs_python,
    interpreter_python,
    liars_python,
    native_c,
    native_c_compilers,
    native_go,
    native_rust,
    objects_python,
    patches_python,
    peeking_python,
    programs_python,
    pytest_suites,
    shared_process_python,
    swelling_python,
    theft_python,
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
    shared_process_python,
    pytest_suites,
    programs_python,
    native_c,
    native_c_compilers,
    native_rust,
    native_go,
    theft_python,
    hangs_python,
    swelling_python,
    bombs_python,
)
"""The harmless themes first, so that a hole shows before a bomb goes off."""
ATTACKS: dict[str, Attack] = {row.name: row for theme in THEMES for row in theme.ROWS}
