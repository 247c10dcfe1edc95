"""What tests compare and take for truth, decided without asking the program's objects.

Beside the program, an object that equals everything would pass any test. So trusted text is rewritten in
the trusted worker (`guarded`), and what it calls (`compare`, `truth_of`, ...) believes no class that Python
code made where the other side is a plain value.
"""

from __future__ import annotations

import ast
import builtins
import fractions
import operator
import pathlib
import sys
import uuid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

globals()["__builtins__"] = dict(vars(builtins))  # its own: a program that replaces `isinstance` must not reach this

COMPARE, VALUE, TRUTH, METHOD = "__judge_compare__", "__judge_value__", "__judge_truth__", "__judge_method__"
TEXT, UNPICKLE = "__judge_text__", "__judge_unpickle__"
"""Names by which guarded source calls the functions of this module, and of `pytest_suites.answers`."""
COMPARERS = frozenset(("isclose", "allclose", "array_equal", "equal", "eq", "sorted", "any", "all"))
"""Functions whose arguments are compared, or taken for truth."""
AS_THEY_ARE = ("assertRaises", "assertIs", "assertNotIsInstance", "assertWarns", "assertLogs", "assertNoLogs")
"""How the names of assertions begin that ask for class or identity: a copy has another."""
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
_KNOWN: set[type] = set()
"""Classes that were there before the program."""
_EQUALS: dict[type, Any] = {
    kind: kind.__eq__ for kind in (fractions.Fraction, pathlib.PurePath, pathlib.PosixPath, uuid.UUID)
}
_TRUSTED = tuple(_EQUALS)


class Opaque(Exception):
    """The value is, or holds, an object whose class can answer as it likes."""


class _Guard(ast.NodeTransformer):
    def __init__(self, classes: frozenset[str], unbelieved: frozenset[str]) -> None:
        self._classes, self._unbelieved = classes, unbelieved

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        names = ast.Tuple([ast.Constant(type(op).__name__) for op in node.ops], ast.Load())
        operands = [node.left, *node.comparators]
        own = ast.Tuple([ast.Constant(i) for i, o in enumerate(operands) if _is_approx(o)], ast.Load())
        return _call(COMPARE, names, ast.Tuple(operands, ast.Load()), own)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.generic_visit(node)
        node.test = _truth(node.test)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not):
            node.operand = _truth(node.operand)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        node.values = [*map(_truth, node.values)]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in ("eval", "exec", "compile") and isinstance(node.func, ast.Name) and node.args:
            node.args[0] = _call(TEXT, node.args[0])
        elif ast.unparse(node.func) in ("pickle.loads", "loads") and len(node.args) == 1 and not node.keywords:
            node.func = ast.Name(UNPICKLE, ast.Load())
        elif name in COMPARERS or (name.startswith("assert") and not name.startswith(AS_THEY_ARE)):
            node.args = [a if isinstance(a, ast.Starred) or _is_approx(a) else _call(VALUE, a) for a in node.args]
            if isinstance(node.func, ast.Attribute) and name.startswith("assert_"):
                node.func = _call(METHOD, node.func.value, ast.Constant(name), ast.Constant(None))
        elif isinstance(node.func, ast.Attribute) and name in self._unbelieved:
            classes = ast.Tuple([ast.Constant(c) for c in sorted(self._classes)], ast.Load())
            node.func = _call(METHOD, node.func.value, ast.Constant(name), classes)
        return node


def _is_approx(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("approx", "pytest.approx")


def _call(name: str, *operands: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(operands), [])


def _truth(node: ast.expr) -> ast.expr:
    """Return a node whose truth no object of the program decides."""
    return node if isinstance(node, ast.Constant) else _call(TRUTH, node)


def _parse(source: str) -> ast.Module:
    from halo_raft.verifiers.functions.names import parse  # here: the sandbox has no need of it

    return parse(source)


def guarded(source: str, classes: frozenset[str], unbelieved: frozenset[str]) -> str:
    """Return trusted source in which no object of the program decides a comparison.

    Args:
        source: Tests or set-up.
        classes: Names that it uses as classes of the program's.
        unbelieved: Methods whose answer it takes for truth; see `names`.
    """
    from halo_raft.verifiers.functions.contexts import Contexts  # here: the sandbox has no need of it

    tree = Contexts().visit(_Guard(classes, unbelieved).visit(_parse(source)))
    return ast.unparse(ast.fix_missing_locations(tree))


def install() -> None:
    """Give the functions that guarded source calls the names that it calls them by, once and for all."""
    for name, function in ((COMPARE, compare), (VALUE, value_of), (TRUTH, truth_of), (METHOD, method_of)):
        setattr(builtins, name, function)
    _KNOWN.update(_subclasses(object))
    for kind in _KNOWN:
        _EQUALS.setdefault(kind, getattr(kind, "__eq__", None))


def _subclasses(top: type) -> set[type]:
    found: set[type] = {top}
    queue = [top]
    while queue:
        below: list[type] = type.__subclasses__(queue.pop())
        new = set(below) - found
        found |= new
        queue += new
    return found


def value_of(value: Any) -> Any:
    """Return a value as it may be compared; of an object that answers as it likes, one that equals nothing."""
    try:
        return plain(value)
    except Opaque:
        return value if type(value) in _KNOWN and not _is_changed(type(value)) else Unequal(type(value).__name__)


class Unequal:
    """Stands for an object that may not say what it equals."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"<{self._name} of the program>"

    __eq__ = __ne__ = __lt__ = __gt__ = lambda self, other: False
    __hash__ = object.__hash__


def truth_of(value: Any) -> bool:
    """Return the truth of a value.

    Raises:
        TypeError: A class of the program's would decide it.
    """
    kind = type(value)
    if kind in _KNOWN or not _FLAGS.__get__(kind) & HEAP_TYPE:
        return bool(value)
    if any(name in vars(base) for base in type.mro(kind) for name in ("__bool__", "__len__") if base is not object):
        return bool(plain_or(value))
    return True


def plain_or(value: Any) -> Any:
    """Return a value without its own class.

    Raises:
        TypeError: It has no other.
    """
    try:
        return plain(value)
    except Opaque:
        raise TypeError(f"the truth of a {type(value).__name__} of the program") from None


def method_of(value: Any, name: str, classes: tuple[str, ...] | None) -> Any:
    """Return a method whose answer a test takes for truth; of a mock its class's own. `classes`: None for any.

    Raises:
        TypeError: It is one of a class that the test does not speak of.
    """
    kind = type(value)
    trusted = kind in _KNOWN or not _FLAGS.__get__(kind) & HEAP_TYPE or kind is type(sys)
    if is_mock(kind):
        found = (vars(base)[name] for base in type.mro(kind) if base in _KNOWN and name in vars(base))
        method = next(found, None) if name.startswith("assert_") else None
        return getattr(value, name) if method is None else method.__get__(value)
    if classes is None or trusted or kind.__name__ in classes:
        return getattr(value, name)
    raise TypeError(f"a {kind.__name__} of the program is not asked for {name!r}")


def is_of_program(kind: type) -> bool:
    """Return whether a class was made by Python code after `install`."""
    return bool(_FLAGS.__get__(kind) & HEAP_TYPE) and kind not in _KNOWN


def is_mock(kind: type) -> bool:
    """Return whether a class is one of `unittest.mock`."""
    return any(base in _KNOWN and base.__module__ == "unittest.mock" for base in type.mro(kind))


def _is_changed(kind: type) -> bool:
    """Return whether a class answers comparisons by a function that was not there before the program."""
    return getattr(kind, "__eq__", None) is not _EQUALS.setdefault(kind, getattr(kind, "__eq__", None))


def compare(names: tuple[str, ...], values: tuple[Any, ...], own: tuple[int, ...]) -> Any:
    """Evaluate `values[0] names[0] values[1] names[1] ...`.

    Args:
        names: The operators, as `ast` calls them.
        values: The operands.
        own: Which of them the suite made on the spot, to compare as it likes: `approx`.
    """
    for i, name in enumerate(names):
        result = _compare_two(name, values[i], values[i + 1], {i, i + 1} & {*own})
        if i + 1 == len(names) or not truth_of(result):
            break
    return result


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
    if any(kind is p for p in PLAIN) or (any(kind is t for t in _TRUSTED) and not _is_changed(kind)):
        return value
    if depth > MAX_DEPTH:
        raise Opaque
    for base in type.mro(kind):
        if base is list or base is tuple:
            items = [plain(item, depth + 1) for item in base.__iter__(value)]
            if kind.__name__ == "_Call" and kind.__module__ == "unittest.mock" and items[:1] == [""]:
                items = items[1:]  # a call that a mock took has no name, one that a test writes an empty one
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
