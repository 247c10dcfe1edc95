"""Whether tests only call the program with literals and compare plain values: then they need no judge of their own.

Such tests cannot be made to do anything by a value of plain data: nothing is opened, evaluated, repeated or grown by
what the program returns. Whatever is not in the lists below is not plain; that costs a fork and changes no verdict.
"""

from __future__ import annotations

import ast

from halo_raft.verifiers.functions.terms import Terms

# fmt: off
FUNCTIONS = frozenset((
    "abs", "all", "any", "bool", "dict", "enumerate", "float", "frozenset", "int", "isinstance", "len", "list", "max",
    "min", "repr", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "zip",
))
"""Built-in functions whose work is in proportion to what they are given."""
TYPES = frozenset(("bool", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"))
# fmt: on
CLOSED = frozenset(("range",))
"""Those that are so only where all that they are given stands in the tests."""
OPERATORS = (ast.Add, ast.Sub, ast.Div, ast.FloorDiv)
CLOSED_OPERATORS = (ast.Mult, ast.Pow, ast.Mod)
TESTS = ast.FunctionDef
TURNS = 10_000
"""Turns of a loop over a range, at most."""


def is_plain(tree: ast.Module, terms: Terms, before: frozenset[str]) -> bool:
    """Return whether tests are of this form.

    Args:
        tree: The tests as they are written.
        terms: What they take names for.
        before: Names that their set-up defines.
    """
    if terms.classes or terms.errors:
        return False
    targets = frozenset(terms.targets)
    functions = frozenset(node.name for node in tree.body if isinstance(node, TESTS))
    return _Form(targets - before, (FUNCTIONS | CLOSED) - targets - before - functions, functions).holds(tree.body)


class _Form:
    """Looks through one suite.

    Args:
        targets: Functions of the program's.
        built_in: Built-in functions that are what they are called.
        functions: Functions of the tests.
    """

    def __init__(self, targets: frozenset[str], built_in: frozenset[str], functions: frozenset[str]) -> None:
        self._targets, self._built_in, self._functions = targets, built_in, functions
        self._theirs = set(targets)
        """Names that stand for functions of the program's."""
        self._values: set[str] = set()
        """Names of values that stand in the tests."""

    def holds(self, body: list[ast.stmt]) -> bool:
        """Return whether statements are plain."""
        return all(map(self._statement, body))

    def _statement(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Assert):
            return self._value(node.test) and (node.msg is None or self._value(node.msg))
        if isinstance(node, TESTS):
            return self._function(node)
        if isinstance(node, ast.Assign):
            return self._is_closed(node.value) and all(map(self._names, node.targets))
        if isinstance(node, ast.For):
            return not node.orelse and self._turns(node.iter) and self._names(node.target) and self.holds(node.body)
        if isinstance(node, ast.Expr):
            return isinstance(node.value, ast.Constant) or self._is_run(node.value)
        return isinstance(node, ast.Pass)

    def _function(self, node: ast.FunctionDef) -> bool:
        """Return whether a function is a test that takes nothing but a function of the program's."""
        given = node.args
        names = [argument.arg for argument in given.args]
        odd = given.posonlyargs or given.kwonlyargs or given.defaults or given.vararg or given.kwarg
        if odd or node.decorator_list or len(names) > 1 or not node.name.startswith(("check", "test")):
            return False
        self._theirs |= set(names)
        return self.holds(node.body)

    def _is_run(self, node: ast.expr) -> bool:
        """Return whether a statement runs one of the test functions."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)) or node.keywords:
            return False
        given = all(isinstance(argument, ast.Name) and argument.id in self._targets for argument in node.args)
        return given and node.func.id in self._functions

    def _names(self, node: ast.expr) -> bool:
        """Take in what a statement gives names to."""
        if isinstance(node, ast.Tuple):
            return all(map(self._names, node.elts))
        if not isinstance(node, ast.Name) or node.id in self._theirs | self._built_in | self._functions:
            return False
        self._values.add(node.id)
        return True

    def _turns(self, node: ast.expr) -> bool:
        """Return whether a loop goes over what stands in the tests, and not for long."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            whole = [n.value for n in node.args if isinstance(n, ast.Constant) and type(n.value) is int]
            return len(whole) == len(node.args) and max(map(abs, whole), default=0) <= TURNS
        return isinstance(node, ast.List | ast.Tuple | ast.Name) and self._is_closed(node)

    def _is_closed(self, node: ast.expr) -> bool:
        """Return whether a value stands in the tests, whatever the program does."""
        called = {id(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)}
        names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
        known = all(n.id in (self._built_in if id(n) in called else self._values) for n in names)
        return known and self._value(node, closed=True)

    def _value(self, node: ast.expr, closed: bool = False) -> bool:
        """Return whether an expression is plain; `closed` when it is known to hold nothing of the program's."""

        def plain(*inner: ast.expr | None) -> bool:
            return all(part is None or self._value(part, closed) for part in inner)

        match node:
            case ast.Constant():
                return True
            case ast.Name(id=name):
                return name in self._values
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items) | ast.JoinedStr(values=items):
                return plain(*items)
            case ast.Dict(keys=keys, values=values):
                return None not in keys and plain(*keys, *values)
            case ast.UnaryOp(operand=operand) | ast.FormattedValue(value=operand, format_spec=None):
                return plain(operand)
            case ast.BoolOp(values=values):
                return plain(*values)
            case ast.Compare(left=left, comparators=others):
                return plain(left, *others)
            case ast.IfExp(test=test, body=body, orelse=other):
                return plain(test, body, other)
            case ast.Subscript(value=value, slice=index):
                return plain(value) and (isinstance(index, ast.Slice) or plain(index))
            case ast.BinOp(left=left, op=operator, right=right):
                small = isinstance(operator, OPERATORS) or closed or (self._is_closed(left) and self._is_closed(right))
                return small and isinstance(operator, OPERATORS + CLOSED_OPERATORS) and plain(left, right)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                return self._call(name, args, keywords, closed)
        return False

    def _call(self, name: str, args: list[ast.expr], keywords: list[ast.keyword], closed: bool) -> bool:
        given = [*args, *(keyword.value for keyword in keywords)]
        if any(isinstance(part, ast.Starred) for part in args) or any(keyword.arg is None for keyword in keywords):
            return False
        if name in self._theirs:
            return all(self._value(part, closed) for part in given)
        if name not in self._built_in or (name in CLOSED and not (closed or all(map(self._is_closed, given)))):
            return False
        if name == "isinstance":
            return len(given) == 2 and self._value(given[0], closed) and _is_type(given[1])
        return all(self._value(part, closed) for part in given)


def _is_type(node: ast.expr) -> bool:
    kinds = node.elts if isinstance(node, ast.Tuple) else [node]
    return all(isinstance(kind, ast.Name) and kind.id in TYPES for kind in kinds)
