"""Whether `StopIteration` that the program raises may reach the tests: some ask for it, and it ends loops of others."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable

STOPS = frozenset(("StopIteration", "StopAsyncIteration"))
LOOPS = frozenset(
    ("map", "filter", "iter", "starmap", "takewhile", "dropwhile", "filterfalse", "accumulate", "groupby")
)
"""Iterators that a function ends which they call, where it raises what says so."""
ITERATED = frozenset(("__next__", "__anext__"))


def may_stop(nodes: Iterable[ast.AST], errors: Collection[str]) -> bool:
    """Return whether trusted text catches the end of an iteration, and calls nothing within a loop that it would end.

    Args:
        nodes: Of the text.
        errors: Names that it uses as exceptions.
    """
    if not STOPS & frozenset(errors):
        return False
    return not any(
        (isinstance(node, ast.Name) and node.id in LOOPS)
        or (isinstance(node, ast.Attribute) and node.attr in LOOPS)
        or (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in ITERATED)
        for node in nodes
    )
