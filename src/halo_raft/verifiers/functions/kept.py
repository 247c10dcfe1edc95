"""Whether tests hand the program something that both go on using: a list that it fills later, a coroutine.

A call's arguments and what became of them cross with that call. What the program keeps of them and changes
in a later one, only its own process can tell.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator

from halo_raft.verifiers.functions.names import dotted
from halo_raft.verifiers.functions.walking import walk

_MUTABLE = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
_MAKERS = frozenset(("list", "dict", "set", "deque", "defaultdict", "Counter", "OrderedDict", "bytearray"))
_OF_VALUES = frozenset(name for kind in (list, dict, set, str, bytes, float) for name in dir(kind))
_RUNNERS = frozenset(("run", "run_until_complete", "create_task", "ensure_future", "gather", "wait_for", "wait"))
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def hands_coroutines(nodes: Iterable[ast.AST], targets: tuple[str, ...]) -> bool:
    """Return whether calls of the program get coroutines, or their functions, that the tests define."""
    nodes = tuple(nodes)
    own = {n.name for n in nodes if isinstance(n, ast.AsyncFunctionDef)}
    if not own:
        return False
    return any(
        isinstance(part, ast.Name) and part.id in own
        for call in nodes
        if isinstance(call, ast.Call) and _is_of_program(call.func, targets)
        for operand in _operands(call)
        for part in walk(operand)
    )


def _is_of_program(function: ast.expr, targets: tuple[str, ...]) -> bool:
    if isinstance(function, ast.Attribute) and function.attr in _RUNNERS:
        return False
    return any(isinstance(part, ast.Name) and part.id in targets for part in walk(function))


def keeps_arguments(nodes: Iterable[ast.AST], targets: tuple[str, ...], classes: frozenset[str]) -> bool:
    """Return whether a test looks at a container that it handed over, after using what it got for it.

    Args:
        nodes: Of trusted text.
        targets: Names that the program defines.
        classes: Those of them that are used as classes.
    """
    nodes = tuple(nodes)
    if not any(isinstance(node, ast.Assign | ast.With | ast.AsyncWith) for node in nodes):
        return False
    own = frozenset(node.name for node in nodes if isinstance(node, ast.ClassDef))
    return any(_keeps(node, own, targets, classes) for node in nodes if isinstance(node, ast.Module | _Function))


def _keeps(scope: ast.AST, own: frozenset[str], targets: tuple[str, ...], classes: frozenset[str]) -> bool:
    inner = [node for statement in getattr(scope, "body", ()) for node in walk(statement)]
    if any(_is_looked_at_after(node, inner, targets) for node in inner if isinstance(node, ast.With | ast.AsyncWith)):
        return True
    bound = [pair for node in inner if isinstance(node, ast.Assign) for pair in _pairs(node)]
    made = {name for name, value in bound if _is_shared(value, own)}
    if not made:
        return False
    asked = [(part.lineno, part.id) for n in inner if _is_check(n) for part in walk(n) if isinstance(part, ast.Name)]

    def last_look(call: ast.Call) -> int:
        handed = {part.id for part in _operands(call) if isinstance(part, ast.Name)} & made
        return max((line for line, name in asked if name in handed and line > call.lineno), default=0)

    for call, got in _results(inner):
        last = last_look(call) if isinstance(call.func, ast.Name) and call.func.id in targets else 0
        if last and (got is None or _is_used(inner, got, call.lineno, last, dotted(call.func) in classes)):
            return True
    objects = {name for name, value in bound if isinstance(value, ast.Call) and dotted(value.func) in classes}
    for node in inner:
        function = node.func if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            name = function.value.id
            if name in objects and (last := last_look(node)) and _is_used(inner, name, node.lineno, last, True):
                return True
    return False


def _is_looked_at_after(node: ast.With | ast.AsyncWith, inner: list[ast.AST], targets: tuple[str, ...]) -> bool:
    """Return whether a test compares, behind its block, what a context of the program's gave it for the block."""
    contexts = [
        i for i in node.items if isinstance(i.context_expr, ast.Call) and _is_of_program(i.context_expr, targets)
    ]
    given = {item.optional_vars.id for item in contexts if isinstance(item.optional_vars, ast.Name)}
    checks = [part for n in inner if _is_check(n) for part in walk(n) if given]
    asked = {id(part.value) for part in checks if isinstance(part, ast.Attribute)}
    end = node.end_lineno or 0
    names = [part for part in inner if isinstance(part, ast.Name) and part.id in given and part.lineno > end]
    again = min((part.lineno for part in names if isinstance(part.ctx, ast.Store)), default=sys.maxsize)
    return any(
        isinstance(part, ast.Name) and part.id in given and id(part) not in asked and end < part.lineno < again
        for part in checks
    )


def _pairs(node: ast.Assign) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that an assignment binds, and to what."""
    for target in node.targets:
        several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        pairs = zip(target.elts, node.value.elts, strict=False) if several else [(target, node.value)]  # type: ignore[attr-defined]
        yield from ((name.id, value) for name, value in pairs if isinstance(name, ast.Name))


def _results(nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.Call, str | None]]:
    """Yield calls whose result is kept, and the result's name (None of a context)."""
    for node in nodes:
        if isinstance(node, ast.With | ast.AsyncWith):
            yield from ((i.context_expr, None) for i in node.items if isinstance(i.context_expr, ast.Call))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            yield from ((node.value, t.id) for t in node.targets if isinstance(t, ast.Name))


def _is_used(nodes: Iterable[ast.AST], name: str, first: int, last: int, is_object: bool) -> bool:
    """Return whether something named so is called, or asked to do something, between two lines."""
    for node in nodes:
        if not (isinstance(node, ast.Call) and first < node.lineno <= last):
            continue
        function = node.func
        if isinstance(function, ast.Name):
            if function.id == name or (function.id == "next" and any(_is_name(a, name) for a in node.args)):
                return True
        elif isinstance(function, ast.Attribute) and _is_name(function.value, name):
            said = is_object or function.attr not in _OF_VALUES
            if said:
                return True
    return False


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_shared(value: ast.expr, own: frozenset[str]) -> bool:
    """Return whether a value is a container, or an object of a class of the tests' own."""
    if isinstance(value, ast.Call):
        return dotted(value.func).rpartition(".")[2] in _MAKERS | own
    return isinstance(value, _MUTABLE)


def _is_check(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr.startswith("assert")
    return isinstance(node, ast.Assert)


def _operands(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]
