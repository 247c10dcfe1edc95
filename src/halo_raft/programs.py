"""When two completions are the same program, and how far apart two programs are. Pure functions.

Python programs are compared by their syntax tree without comments, docstrings, annotations and the
names of variables; programs in other languages, and Python that does not parse, by their tokens.
"""

from __future__ import annotations

import ast
import re

from halo_raft.extract import extract
from halo_raft.records import Task

_TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\w+|[^\w\s]""", re.S)
_SHINGLE = 3
"""Tokens in a row that are compared together."""


def normalised_program(completion: str, task: Task) -> str:
    """Return a form of the program that comments, layout, docstrings and variable names do not change."""
    code = extract(completion, task.language, task.entry_point)
    if task.language == "python":
        try:
            return _normalised_python(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    tokens = (m.group() for m in _TOKEN.finditer(code))
    return " ".join(t for t in tokens if not t.startswith(("//", "/*")))


def shingles(program: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of three tokens that a normalised program has."""
    tokens = [m.group() for m in _TOKEN.finditer(program)]
    return frozenset(tuple(tokens[i : i + _SHINGLE]) for i in range(max(1, len(tokens) - _SHINGLE + 1)))


def similarity(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Return the share of two programs' shingles that both have (Jaccard), in [0, 1]."""
    return len(one & other) / max(1, len(one | other))


def _normalised_python(code: str) -> str:
    tree = ast.parse(code)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            _drop_docstring(node)
        bound = node.arg if isinstance(node, ast.arg) else None
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound = node.id
        if bound is not None:
            names.setdefault(bound, f"v{len(names)}")
    for node in ast.walk(tree):
        _rename(node, names)
    return ast.dump(tree)


def _rename(node: ast.AST, names: dict[str, str]) -> None:
    """Give a node its normalised name, wherever one can stand, and drop its annotation."""
    match node:
        case ast.Name():
            node.id = names.get(node.id, node.id)
        case ast.arg():
            node.arg, node.annotation = names[node.arg], None
        case ast.keyword():  # `f(a=1)` names a parameter: it must move with it, or argument orders look alike
            node.arg = names.get(node.arg, node.arg) if node.arg else None
        case ast.Global() | ast.Nonlocal():
            node.names = [names.get(name, name) for name in node.names]
        case ast.AnnAssign():
            node.annotation = ast.Constant(None)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            node.returns = None


def _drop_docstring(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body = node.body[1:] or [ast.Pass()]
