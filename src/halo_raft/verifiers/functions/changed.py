"""Whether tests change what objects of the program's hold: `tree.children.append(...)`, `box.items[0] = 1`.

What an object's attribute or method answers crosses as a copy, so only the program's own process can tell what
becomes of the object.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from halo_raft.verifiers.functions.names import dotted

CHANGING = frozenset(
    (
        *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "add", "discard", "update"),
        *("setdefault", "popitem", "appendleft", "popleft", "extendleft", "rotate", "difference_update"),
    )
)
"""Methods by which containers are changed."""


def changes_answers(nodes: Iterable[ast.AST], classes: frozenset[str]) -> bool:
    """Return whether a container that an object of the program's answered with is changed.

    Args:
        nodes: Of trusted text.
        classes: Names that it uses as classes of the program's.
    """
    if not classes:
        return False
    nodes = tuple(nodes)
    bound = [(t, node.value) for node in nodes if isinstance(node, ast.Assign) for t in node.targets]
    objects = {dotted(target) for target, value in bound if _is_name(target) and _is_made(value, classes)} | classes
    parts = {dotted(target) for target, value in bound if _is_name(target) and _is_part(value, objects, classes)}
    return any(
        _is_part(owner, objects, classes) or (_is_name(owner) and dotted(owner) in parts)
        for owner in map(_changed, nodes)
        if owner is not None
    )


def _changed(node: ast.AST) -> ast.expr | None:
    """Return the container that a node changes."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
        return node.func.value
    if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return node.value
    return None


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_name(node.value))


def _is_made(node: ast.expr, classes: frozenset[str]) -> bool:
    return isinstance(node, ast.Call) and _is_name(node.func) and dotted(node.func) in classes


def _is_part(node: ast.expr, objects: frozenset[str] | set[str], classes: frozenset[str]) -> bool:
    """Return whether an expression asks an object of the program's, and is not the object itself."""
    if _is_made(node, classes) or (_is_name(node) and dotted(node) in objects):
        return False
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
        if _is_made(node, classes) or (_is_name(node) and dotted(node) in objects):
            return True
    return False
