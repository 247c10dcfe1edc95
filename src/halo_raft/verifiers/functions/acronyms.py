"""Which names in capitals trusted text takes for classes: `LRU`, `DSU`; `GCD` may well be a function."""

from __future__ import annotations

import ast
from collections.abc import Iterable

_OF_VALUES = frozenset(name for kind in (list, dict, set, tuple, str, bytes, int, float) for name in dir(kind))


def asked_as_classes(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that are asked for attributes, or whose call's result is, or is told to change.

    An object is told to change by a statement that calls a method of it, or that sets an item or attribute of it:
    `d = LRU(2)`, then `d['a'] = 1` or `d.put(1)`. What is compared alone may be a value.
    """
    made: dict[str, set[str]] = {}
    found: set[str] = set()
    changed: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    made.setdefault(target.id, set()).add(node.value.func.id)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            changed |= _owner(node.value.func)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(node.value.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call) and node.attr not in _OF_VALUES:
            found |= {node.value.func.id} if isinstance(node.value.func, ast.Name) else set()
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            changed |= _owner(node)
    return found.union(*(made[name] for name in changed & made.keys()))


def _owner(node: ast.expr) -> set[str]:
    is_part = isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.value, ast.Name)
    return {node.value.id} if is_part else set()  # type: ignore[attr-defined]
