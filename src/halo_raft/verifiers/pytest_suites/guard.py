"""Comparisons inside a suite's asserts, decided without asking the program's objects.

Beside the program, an object that equals everything would pass any test. So the asserts of the suite
are rewritten in the trusted worker (`guarded`), and what they call (`compare`) believes no class that
Python code made where the other side is a plain value.
"""

from __future__ import annotations

import ast
import builtins
import operator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

globals()["__builtins__"] = dict(vars(builtins))  # its own: a program that replaces `isinstance` must not reach this

COMPARE = "__judge_compare__"
MAX_DEPTH = 60
HEAP_TYPE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: set for every class that Python code can make."""
PLAIN = (int, float, str, bool, bytes, complex, type(None), bytearray, type(...), range)
OPERATIONS = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Is": operator.is_,
    "IsNot": operator.is_not,
    "In": lambda item, container: item in container,
    "NotIn": lambda item, container: item not in container,
}
_FLAGS = type.__dict__["__flags__"]


class Opaque(Exception):
    """The value is, or holds, an object whose class can answer as it likes."""


class _Guard(ast.NodeTransformer):
    def __init__(self) -> None:
        self._inside = False

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        outer, self._inside = self._inside, True
        node.test = self.visit(node.test)
        self._inside = outer
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if not self._inside:
            return node
        names = ast.Tuple([ast.Constant(type(op).__name__) for op in node.ops], ast.Load())
        operands = [node.left, *node.comparators]
        own = ast.Tuple([ast.Constant(i) for i, o in enumerate(operands) if _is_approx(o)], ast.Load())
        return ast.Call(ast.Name(COMPARE, ast.Load()), [names, ast.Tuple(operands, ast.Load()), own], [])


def _is_approx(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("approx", "pytest.approx")


def guarded(source: str) -> str:
    """Return the suite with the comparisons of its asserts rewritten to calls of `compare`."""
    return ast.unparse(ast.fix_missing_locations(_Guard().visit(ast.parse(source))))


def compare(names: tuple[str, ...], values: tuple[Any, ...], own: tuple[int, ...]) -> bool:
    """Evaluate `values[0] names[0] values[1] names[1] ...`.

    Args:
        names: The operators, as `ast` calls them.
        values: The operands.
        own: Which of them the suite made on the spot, to compare as it likes: `approx`.
    """
    return all(_compare_two(name, values[i], values[i + 1], {i, i + 1} & {*own}) for i, name in enumerate(names))


def _compare_two(name: str, left: Any, right: Any, own: set[int]) -> Any:
    operation = OPERATIONS[name]
    if name in ("Is", "IsNot"):
        return operation(left, right)
    opaque = -len(own)
    try:
        left = plain(left)
    except Opaque:
        opaque += 1
    try:
        right = plain(right)
    except Opaque:
        opaque += 1
    if opaque == 0 or (opaque == 2 and type(left) is type(right)):
        return operation(left, right)
    if name in ("Eq", "In"):
        return False
    if name in ("NotEq", "NotIn"):
        return True
    raise TypeError(f"{type(left).__name__} and {type(right).__name__} have no trusted order")


def plain(value: Any, depth: int = 0) -> Any:
    """Return `value` with every subclass of a primitive turned into that primitive.

    Raises:
        Opaque: It is, or holds, an object of a class that Python code made.
    """
    kind = type(value)
    if any(kind is p for p in PLAIN):
        return value
    if depth > MAX_DEPTH:
        raise Opaque
    for base in type.mro(kind):
        if base is list or base is tuple:
            items = [plain(item, depth + 1) for item in base.__iter__(value)]
            return items if base is list else tuple(items)
        if base is set or base is frozenset:
            return base([plain(item, depth + 1) for item in base.__iter__(value)])
        if base is dict:
            return {plain(k, depth + 1): plain(v, depth + 1) for k, v in dict.items(value)}
        if base in (int, float):
            return base.__pos__(value)
        if base is str:
            return str.__str__(value)
    if _FLAGS.__get__(kind) & HEAP_TYPE:
        raise Opaque
    return value
