"""Syntax trees of the Python programs that are being looked at: each is parsed once, however many look at it."""

from __future__ import annotations

import ast
import functools
import warnings

PARSED_CHARS = 200_000
"""Longer texts are not looked into, and scanned for fences line by line: parsers take seconds for some millions."""


def parsed(code: str) -> ast.Module | None:
    """Return the syntax tree of Python code, None where it has none; whoever looks at it must not change it."""
    return _parsed(code.rstrip()) if len(code) <= PARSED_CHARS else None


@functools.lru_cache(maxsize=8)
def _parsed(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
