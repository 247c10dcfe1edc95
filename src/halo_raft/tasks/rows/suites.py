"""Pytest and unittest suites that expect the program in their own module: they are given an import of it."""

from __future__ import annotations

import ast
import re

from halo_raft.extract.joining import free_names

_IMPORTS = re.compile(r"^[ \t]*(?:from[ \t]+solution[ \t]+import|import[ \t]+solution)\b", re.MULTILINE)


def importing_program(tests: str) -> str:
    """Return a suite that imports from `solution` what it uses and nobody defines."""
    if _IMPORTS.search(tests):
        return tests
    try:
        tree = ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tests  # the verifier says so
    names = [name for name in free_names(tree.body) if not name.startswith("__")]
    if not names:
        return tests
    line = f"from solution import {', '.join(names)}\n"
    future = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    lines = tests.split("\n")
    at = future[-1].end_lineno or 0 if future else 0
    return "\n".join([*lines[:at], line + "\n".join(lines[at:])])
