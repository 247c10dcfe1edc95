"""Which function of an answer a row's tests call: the one that it names, else what the tests show."""

from __future__ import annotations

import ast
import builtins
import functools
import re
import warnings
from collections.abc import Sequence

EXPRESSION = re.compile(r"([A-Za-z_]\w*)\(\)\.([A-Za-z_]\w*)")
"""`Solution().name`: a method of an object that the tests make."""


def entry_point_of(named: str | None, tests: str, setup: str) -> str | None:
    """Return the function under test.

    The row's own counts where the tests use it, or pass a candidate that the judge gives them; published
    rows name a helper here and there. Else it is the one function that every assert calls first of all,
    and that neither Python, the tests nor their set-up define.

    Args:
        named: What the row names.
        tests: Source of the tests.
        setup: Source that runs before them.
    """
    if named and (re.search(r"def check\(\s*\w+", tests) or EXPRESSION.fullmatch(named)):
        return named
    called = called_function(tests, setup)
    if named and (called is None or re.search(rf"\b{re.escape(named)}\b", tests)):
        return named
    return called


@functools.lru_cache(maxsize=4096)
def called_function(tests: str | Sequence[str], setup: str = "") -> str | None:
    """Return the one name that the asserts call first, or that all tests call; None if there is none."""
    tree = _tree(tests if isinstance(tests, str) else "\n".join(tests))
    if tree is None:
        return None
    own = set(vars(builtins)) | _defined(tree) | _defined(_tree(setup))
    asserted = [calls[0] for n in ast.walk(tree) if isinstance(n, ast.Assert) and (calls := _calls(n.test, own))]
    names = {ast.unparse(call.func) for call in asserted or _calls(tree, own)}
    return names.pop() if len(names) == 1 else None


def _calls(node: ast.AST, own: set[str]) -> list[ast.Call]:
    """Return the calls of names that are nobody else's, by their place in the text."""
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    found = [call for call in calls if call.func.id not in own]  # type: ignore[attr-defined]
    return sorted(found, key=lambda call: (call.func.lineno, call.func.col_offset))


def _defined(tree: ast.Module | None) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree) if tree else ():
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.alias(name=name, asname=asname):
                names.add(asname or name.partition(".")[0])
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.arg(arg=name):
                names.add(name)
    return names


def _tree(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
