"""When two completions are the same program, and how far apart two programs are. Pure functions.

Python programs are compared by their syntax tree without comments, docstrings, annotations, the names
of variables, and what the entry point never reaches: a solution does not become another one by trying
itself out, or by having a second function beside it. Programs in other languages, and Python that does
not parse, are compared by their tokens.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from halo_raft.extract import extract
from halo_raft.records import Task

_TOKEN = re.compile(r"""//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\])*+"?|'(?:\\.|[^'\\\n])*+'?|\w+|[^\w\s]""", re.S)
"""What opens and never closes is one token, to the end: a search for the end from each such place takes its square."""
MAX_CHARS = 1 << 18
"""A longer program is compared letter by letter."""
_SHINGLE = 3
"""Tokens in a row that are compared together."""
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def normalised_program(completion: str, task: Task) -> str:
    """Return a form of the program that comments, layout, docstrings, dead code and chosen names do not change."""
    code = extract(completion, task.language, task.entry_point)
    if len(code) > MAX_CHARS:
        return code
    if task.language == "python":
        try:
            return _normalised_python(code, task.entry_point)
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


def _normalised_python(code: str, entry_point: str | None) -> str:
    tree = ast.parse(code)
    names: dict[str, str] = {}
    if entry_point:
        tree.body = _reached(tree.body, entry_point)
        helpers = (s.name for s in tree.body if isinstance(s, ast.FunctionDef) and s.name != entry_point)
        names = {name: f"f{i}" for i, name in enumerate(dict.fromkeys(helpers))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | _Definition):
            _drop_docstring(node)
        bound = node.arg if isinstance(node, ast.arg) else None
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound = node.id
        if bound is not None:
            names.setdefault(bound, f"v{len(names)}")
    for node in ast.walk(tree):
        _rename(node, names)
    return ast.dump(tree)


def _reached(body: Sequence[ast.stmt], entry_point: str) -> list[ast.stmt]:
    """Return the module's statements that the entry point's result can depend on; all of them where it is missing."""
    binding: dict[str, list[ast.stmt]] = defaultdict(list)
    for statement in body:
        for name in _bound(statement):
            if isinstance(statement, _Definition):
                binding[name].clear()  # it takes the place of what had the name before
            binding[name].append(statement)
    if entry_point not in binding:
        return list(body)
    names, reached = ["*", entry_point], set[ast.stmt]()
    while names:
        for statement in binding.pop(names.pop(), ()):
            if statement in reached:
                continue
            reached.add(statement)
            names += (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))
    return [statement for statement in body if statement in reached]


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module defines, imports, assigns or may change (`name.append(..)`)."""
    if isinstance(statement, _Definition):
        yield statement.name
        return
    nodes: list[ast.AST] = [statement]
    while nodes:
        node = nodes.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.alias():
                yield node.asname or node.name.partition(".")[0]
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(value=changed) | ast.Subscript(value=changed, ctx=ast.Store() | ast.Del()):
                # what is below has no other names: to look into `a.b.c` for each of its dots would take the square
                yield from (part.id for part in ast.walk(changed) if isinstance(part, ast.Name))
                nodes += (child for child in ast.iter_child_nodes(node) if child is not changed)
                continue
        nodes += ast.iter_child_nodes(node)


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
            node.name, node.returns = names.get(node.name, node.name), None


def _drop_docstring(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body = node.body[1:] or [ast.Pass()]
