"""What a test expects of an argument is worked out before the program gets hold of it.

`assert f(xs) == sorted(xs)` reads the argument after the call, which may have emptied it. In trusted text
the expected side is evaluated first, where it reads an argument of a call of the program on the other side
and calls nothing of the program itself.
"""

from __future__ import annotations

import ast

from halo_raft.verifiers.functions.names import dotted
from halo_raft.verifiers.functions.walking import walk


def in_order(tree: ast.Module, targets: frozenset[str]) -> ast.Module:
    """Return tests in which expected values come before the calls that they are compared with.

    Args:
        tree: The tests; changed.
        targets: Names of the program's.
    """
    order = _Order(targets)
    for node in walk(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            node.left, node.comparators[0] = order.turned(node.left, node.comparators[0])
        elif isinstance(node, ast.Call) and len(node.args) > 1 and _asserts(node):
            node.args[:2] = order.turned(*node.args[:2])
    return tree


class _Order:
    def __init__(self, targets: frozenset[str]) -> None:
        self._targets = targets
        self._count = 0

    def turned(self, first: ast.expr, second: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Return both sides; where it matters, the first one evaluates the second before itself."""
        if isinstance(second, ast.Name | ast.Constant):
            return first, second
        given = {
            name for call in self._calls(first) for name in _names([*call.args, *(k.value for k in call.keywords)])
        }
        if not given & _names([second]) or any(self._calls(second)) or _is_length(second):
            return first, second
        self._count += 1
        name = f"__judge_expected_{self._count}__"
        kept = ast.NamedExpr(ast.Name(name, ast.Store()), second)
        both = ast.Tuple([kept, first], ast.Load())
        again = ast.copy_location(ast.Name(name, ast.Load()), second)
        taken = ast.copy_location(ast.Subscript(both, ast.Constant(1), ast.Load()), first)
        return ast.fix_missing_locations(taken), again

    def _calls(self, node: ast.expr) -> list[ast.Call]:
        """Return the calls of the program's names in an expression."""
        calls = [inner for inner in walk(node) if isinstance(inner, ast.Call)]
        return [call for call in calls if _names([call.func]) & self._targets]


def _asserts(node: ast.Call) -> bool:
    name = dotted(node.func).rpartition(".")[2]
    return name.startswith("assert") and not any(isinstance(argument, ast.Starred) for argument in node.args)


def _names(nodes: list[ast.expr]) -> set[str]:
    return {inner.id for node in nodes for inner in walk(node) if isinstance(inner, ast.Name)}


def _is_length(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"
