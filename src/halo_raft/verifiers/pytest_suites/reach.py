"""What a pytest suite asks of the program: can it stand outside of the program's process?

From outside, functions can be called and plain values come back; of an object of a class that the suite
names, attributes, methods, items and length can be asked. What needs more (equality of objects,
`isinstance`, a context manager, captured output) needs the object itself, in the same process.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

PROGRAM = "solution"
"""Module that the suite imports the program from."""

SHARED_FIXTURES = frozenset(("capsys", "capfd", "capsysbinary", "capfdbinary", "caplog", "monkeypatch", "mocker"))
"""Fixtures that look into, or change, the process that they are in: the program has to be there."""

ASKED_FROM_OUTSIDE = frozenset(("len", "list"))
"""Built-in functions that may be given an object of the program's."""


def names_of_program(tree: ast.Module) -> tuple[str, ...]:
    """Return what the suite uses of the program."""
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == PROGRAM:
            names |= dict.fromkeys(alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == PROGRAM:
            names[node.attr] = None
    return tuple(names)


def can_stand_outside(tree: ast.Module, names: tuple[str, ...]) -> bool:
    """Return whether all that the suite asks of the program can be asked from outside."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg in SHARED_FIXTURES:
            return False
        if isinstance(node, ast.alias) and (node.name == "*" or (PROGRAM in node.name.split(".") and node.asname)):
            return False
        if isinstance(node, ast.alias) and node.asname and node.name in names:
            return False
        if _is_use(node, names) and not _is_called(node, parents):
            return False
    classes = {name for name in names if name[:1].isupper()}
    return not classes or _objects_are_asked_simply(tree, classes, parents)


def _is_use(node: ast.AST, names: tuple[str, ...]) -> bool:
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == PROGRAM
    return isinstance(node, ast.Name) and node.id in names


def _is_called(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    parent = parents[node]
    return isinstance(parent, ast.Call) and parent.func is node


def _objects_are_asked_simply(tree: ast.Module, classes: set[str], parents: dict[ast.AST, ast.AST]) -> bool:
    """Return whether objects of `classes` are only kept in variables, asked, and handed back to the program."""
    made: set[ast.AST] = {
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and _last_name(node.func) in classes
    }
    kept = {name for node in made for name in _variables(parents[node], parents)}
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name | ast.arg) and _name(node) in kept]
    objects: set[ast.AST] = made | {
        node for node in uses if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    if not all(_asks(node, parents[node], objects) or (node in made and _keeps(parents[node])) for node in objects):
        return False
    # what is asked of anything else might be asked of an object that the program made of a class of its own
    asked = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return all(node.value in objects or _is_trusted(node.value, tree) for node in asked)


def _last_name(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


def _name(node: ast.Name | ast.arg) -> str:
    return node.id if isinstance(node, ast.Name) else node.arg


def _variables(parent: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[str]:
    """Yield the variable that an object is kept in: an assignment's, or the fixture that returns it."""
    if isinstance(parent, ast.Assign):
        yield from (target.id for target in parent.targets if isinstance(target, ast.Name))
    if isinstance(parent, ast.Return) and isinstance(function := parents[parent], ast.FunctionDef):
        yield function.name


def _keeps(parent: ast.AST) -> bool:
    if isinstance(parent, ast.Assign):
        return all(isinstance(target, ast.Name) for target in parent.targets)
    return isinstance(parent, ast.Return | ast.Expr)


def _asks(node: ast.AST, parent: ast.AST, objects: set[ast.AST]) -> bool:
    """Return whether `parent` asks an object for something, or hands it to the program."""
    if isinstance(parent, ast.Attribute | ast.Subscript):
        return parent.value is node
    if not isinstance(parent, ast.Call) or node not in parent.args:
        return False
    of_an_object = isinstance(parent.func, ast.Attribute) and parent.func.value in objects
    return of_an_object or parent in objects or ast.unparse(parent.func) in ASKED_FROM_OUTSIDE


def _is_trusted(node: ast.expr, tree: ast.Module) -> bool:
    """Return whether a value is the suite's own: a module that it imports, `self`, a literal, or of those."""
    while isinstance(node, ast.Attribute):
        node = node.value
    if isinstance(node, ast.Constant | ast.List | ast.Dict | ast.JoinedStr):
        return True
    imported = {a.asname or a.name for n in tree.body if isinstance(n, ast.Import) for a in n.names}
    return isinstance(node, ast.Name) and node.id in imported | {"self"}
