"""Rewrites trusted text so that no object of the program decides what it compares; `guard` is what it then calls."""

from __future__ import annotations

import ast

from halo_raft.verifiers.functions.contexts import Contexts
from halo_raft.verifiers.functions.guard import COMPARE, METHOD, TEXT, TRUTH, UNPICKLE, VALUE
from halo_raft.verifiers.functions.names import parse

COMPARERS = frozenset(("isclose", "allclose", "array_equal", "equal", "eq", "sorted", "any", "all"))
"""Functions whose arguments are compared, or taken for truth."""
AS_THEY_ARE = ("assertRaises", "assertIs", "assertNotIsInstance", "assertWarns", "assertLogs", "assertNoLogs")
"""How the names of assertions begin that ask for class or identity: a copy has another."""
ASSERTED = {
    "assertEqual": "Eq",
    "assertEquals": "Eq",
    "assertNotEqual": "NotEq",
    "assertIn": "In",
    "assertNotIn": "NotIn",
    "assertLess": "Lt",
    "assertLessEqual": "LtE",
    "assertGreater": "Gt",
    "assertGreaterEqual": "GtE",
}
"""Assertions of `unittest` that are a comparison; where classes of the program's are tested, they are made as one."""


class _Guard(ast.NodeTransformer):
    def __init__(self, classes: frozenset[str], unbelieved: frozenset[str]) -> None:
        self._classes, self._unbelieved = classes, unbelieved
        self._inside = self._bound = 0

    def _visit_inside(self, node: ast.AST) -> ast.AST:
        """Visit a comprehension, in parts of which Python binds no names."""
        self._inside += 1
        self.generic_visit(node)
        self._inside -= 1
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_inside

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        return _comparison([type(op).__name__ for op in node.ops], [node.left, *node.comparators])

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
        if self._inside and any(isinstance(part, ast.Await | ast.NamedExpr) for part in ast.walk(node)):
            node.values = [*map(_truth, node.values)]  # neither may stand in a function of its own
            return node
        *first, value = node.values
        for operand in reversed(first):
            value = self._chosen(isinstance(node.op, ast.Or), operand, value)
        return value

    def _chosen(self, is_or: bool, operand: ast.expr, other: ast.expr) -> ast.expr:
        """Return `operand or other`, or `operand and other`, where no object of the program decides which it is."""
        name = f"__judge_side_{self._bound}__"
        self._bound += 1
        side = ast.Name(name, ast.Load())
        ends = (side, other) if is_or else (other, side)
        if not self._inside:
            return ast.IfExp(_truth(ast.NamedExpr(ast.Name(name, ast.Store()), operand)), *ends)
        argument = ast.arguments([], [ast.arg(name)], None, [], [], None, [])
        return ast.Call(ast.Lambda(argument, ast.IfExp(_truth(side), *ends)), [operand], [])

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in ("eval", "exec", "compile") and isinstance(node.func, ast.Name) and node.args:
            node.args[0] = _call(TEXT, node.args[0])
        elif ast.unparse(node.func) in ("pickle.loads", "loads") and len(node.args) == 1 and not node.keywords:
            node.func = ast.Name(UNPICKLE, ast.Load())
        elif self._classes and name in ASSERTED and _has_two(node):
            node.func.attr = "assertTrue"  # type: ignore[attr-defined]
            node.args = [_comparison([ASSERTED[name]], node.args[:2]), *node.args[2:]]
        elif name in ("assertTrue", "assertFalse") and node.args and not isinstance(node.args[0], ast.Starred):
            node.args[0] = _truth(node.args[0])
        elif name in COMPARERS or (name.startswith("assert") and not name.startswith(AS_THEY_ARE)):
            node.args = [a if isinstance(a, ast.Starred) or _is_approx(a) else _call(VALUE, a) for a in node.args]
            if isinstance(node.func, ast.Attribute) and name.startswith("assert_"):
                node.func = _call(METHOD, node.func.value, ast.Constant(name), ast.Constant(None))
        elif isinstance(node.func, ast.Attribute) and name in self._unbelieved:
            classes = ast.Tuple([ast.Constant(c) for c in sorted(self._classes)], ast.Load())
            node.func = _call(METHOD, node.func.value, ast.Constant(name), classes)
        return node


def _comparison(operators: list[str], operands: list[ast.expr]) -> ast.Call:
    names = ast.Tuple([ast.Constant(name) for name in operators], ast.Load())
    own = ast.Tuple([ast.Constant(i) for i, o in enumerate(operands) if _is_approx(o)], ast.Load())
    return _call(COMPARE, names, ast.Tuple(operands, ast.Load()), own)


def _has_two(node: ast.Call) -> bool:
    """Return whether an assertion of `unittest` says in two arguments what it compares."""
    plain = not any(isinstance(argument, ast.Starred) for argument in node.args)
    return isinstance(node.func, ast.Attribute) and len(node.args) >= 2 and plain


def _is_approx(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("approx", "pytest.approx")


def _call(name: str, *operands: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(operands), [])


def _truth(node: ast.expr) -> ast.expr:
    """Return a node whose truth no object of the program decides."""
    return node if isinstance(node, ast.Constant) else _call(TRUTH, node)


def guarded(source: str, classes: frozenset[str], unbelieved: frozenset[str]) -> str:
    """Return trusted source in which no object of the program decides a comparison.

    Args:
        source: Tests or set-up.
        classes: Names that it uses as classes of the program's.
        unbelieved: Methods whose answer it takes for truth; see `names`.
    """
    tree = Contexts().visit(_Guard(classes, unbelieved).visit(parse(source)))
    return ast.unparse(ast.fix_missing_locations(tree))
