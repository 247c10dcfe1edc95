"""Reads a task's trusted text: which names the program has to define, and what the text takes them for.

Runs in the trusted worker. The program is never looked at: what is open, what is believed and what is
looked up follow from set-up, prompt, tests and reference alone.
"""

from __future__ import annotations

import ast
import builtins
import collections
import datetime
import decimal
import functools
import pathlib
import re
import symtable
import sys
import threading
from collections.abc import Iterable, Iterator

from halo_raft.verifiers.functions.acronyms import asked_as_classes
from halo_raft.verifiers.functions.stops import may_stop
from halo_raft.verifiers.functions.terms import Terms
from halo_raft.verifiers.functions.walking import walk

BUILT_IN = frozenset((*vars(builtins), "__name__", "__file__"))
PROGRAM = "solution"
"""Module that tests may import the program from."""
_VALUES = (str, bytes, bytearray, list, tuple, dict, set, frozenset, int, float, complex, range, memoryview, re.Match)
_MORE = (collections.deque, collections.Counter, decimal.Decimal, datetime.datetime, pathlib.Path)
STANDARD = frozenset(name for kind in (*_VALUES, *_MORE) for name in dir(kind))
"""Methods of values: where a test calls one, a value is what it wants."""
# fmt: off
COMPARED_BY = frozenset((
    "len", "list", "sorted", "set", "tuple", "dict", "str", "repr", "int", "float", "sum", "min", "max", "abs",
    "round", "frozenset", "next", "iter", "enumerate", "zip", "map", "print", "Counter", "type", "isinstance",
    "reversed", "isclose", "allclose", "array_equal", "approx", "assertEqual", "assertEquals", "assertNotEqual",
    "assertAlmostEqual", "assertIn", "assertListEqual", "assertDictEqual", "assertSetEqual", "assertTupleEqual",
    "assertSequenceEqual", "assertCountEqual", "assertGreater", "assertLess", "assertIsNone",
))
# fmt: on
"""Functions whose arguments are compared or looked into, not taken for truth."""
RAISES = frozenset(["raises", "assertRaises", "assertRaisesRegex", "suppress", "assertRaisesRegexp"])
Function = ast.FunctionDef | ast.AsyncFunctionDef
READING = threading.RLock()
"""Held while source becomes a tree, or a tree code: CPython 3.11 counts their depth in one place for all threads."""


def parse(source: str) -> ast.Module:
    """Return source as a tree.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: It is not Python.
    """
    with READING:
        return ast.parse(source)


@functools.lru_cache(maxsize=256)
def parsed(source: str) -> ast.Module:
    """Return source as a tree, which nobody may change; an empty one where it is not Python."""
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


class Text:
    """Trusted source, read once: its nodes (see `walking`), names that it binds, names that it reads."""

    def __init__(self, source: str) -> None:
        self.tree = parsed(source)
        self.nodes = tuple(walk(self.tree))
        self.defined, self.used = defined(source), used(source)
        self.calls = [node for node in self.nodes if isinstance(node, ast.Call)]


@functools.lru_cache(maxsize=256)
def text(source: str) -> Text:
    """Return trusted source as it was read."""
    with READING:
        return Text(source)


def defined(source: str) -> frozenset[str]:
    """Return the names that trusted source binds at top level, those of `global` statements included."""
    return _symbols(source)[0]


def used(source: str) -> frozenset[str]:
    """Return the names that trusted source reads as globals."""
    return _symbols(source)[1]


@functools.lru_cache(maxsize=1024)
def _symbols(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that source binds at top level, and those that it reads as globals."""
    try:
        top = symtable.symtable(source, "text", "exec")
    except (SyntaxError, ValueError):
        return frozenset(), frozenset()
    bound, read = set(), set()
    for table in _tables(top):
        for symbol in table.get_symbols():
            at_top = table is top and symbol.is_local()
            if (symbol.is_assigned() and (at_top or symbol.is_declared_global())) or (at_top and symbol.is_imported()):
                bound.add(symbol.get_name())
            if symbol.is_referenced() and (table is top or symbol.is_global()):
                read.add(symbol.get_name())
    return frozenset(bound), frozenset(read)


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def dotted(node: ast.expr) -> str:
    """Return an expression as text: names with dots, as nearly all that are called are, without unparsing."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ast.unparse(node)


def calls(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that are called, outer calls first."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def imported(nodes: tuple[ast.AST, ...]) -> Iterator[str]:
    """Yield what a text takes from the module of the program, whatever it calls that."""
    modules = {PROGRAM, *(a.asname for n in nodes if isinstance(n, ast.Import) for a in n.names if a.name == PROGRAM)}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == PROGRAM:
            yield from (alias.name for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield node.attr


MODULES = {"np": "numpy", **{name: name for name in sys.stdlib_module_names if not name.startswith("_")}}
"""Names that can only mean a module of Python's, or numpy, where a text asks them for attributes alone."""


def modules_in(source: str, under_test: str | None) -> list[str]:
    """Return the known modules that a text asks for attributes and never imports: they are not the program's."""
    names = {name for name in used(source) - defined(source) if name in MODULES and name != under_test}
    if not names:
        return []
    read = text(source)
    asked = {id(node.value) for node in read.nodes if isinstance(node, ast.Attribute)}
    alone = {node.id for node in read.nodes if isinstance(node, ast.Name) and id(node) not in asked}
    imported_ones = {
        alias.asname or alias.name.partition(".")[0]
        for node in read.nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    return sorted(names - alone - imported_ones)


def targets_of(source: str, under_test: str | None) -> tuple[str, ...]:
    """Return the names that a text uses and that it, its set-up and Python leave for the program to define."""
    read = text(source)
    taken = dict.fromkeys(imported(read.nodes))
    called = dict.fromkeys(calls(read.nodes))
    wanted = read.used - read.defined - BUILT_IN - frozenset(modules_in(source, under_test))
    names = [n for n in called if n in wanted] + sorted(wanted - set(called)) + list(taken)
    if under_test and under_test not in names:
        names.insert(0, under_test)
    return tuple(dict.fromkeys(names))


def terms_of(tests: str, setup: str, prompt: str, solution: str, under_test: str | None) -> Terms:
    """Return what the trusted text of a task says.

    Args:
        tests: Its tests.
        setup: Its set-up.
        prompt: Its prompt; text, or code that belongs to the program.
        solution: Its reference; empty without one.
        under_test: Name of the entry point, which the program defines whoever else does.
    """
    source = f"{setup}\n{tests}"
    read, targets = text(source), targets_of(source, under_test)
    named_errors = frozenset(_errors(read.nodes))
    errors = named_errors & frozenset(targets)
    spoken_of = frozenset(re.findall(r"\bclass\s+(\w+)", f"{prompt}\n{solution}"))
    classes = frozenset(n for n in targets if n not in errors and (n in spoken_of or _is_class(n, read)))
    return Terms(
        targets=targets,
        classes=classes,
        errors=errors,
        unbelieved=frozenset(_unbelieved(read, prompt, solution)),
        raised=frozenset(_raised(read.nodes)),
        ends="SystemExit" in named_errors,
        stops=may_stop(read.nodes, named_errors),
    )


def _names(node: ast.expr) -> str:
    return dotted(node.func if isinstance(node, ast.Call) else node).rpartition(".")[2]


def _raised(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the exceptions that a text raises itself, or gives to a context manager that it enters."""
    for node in nodes:
        if isinstance(node, ast.Raise) and node.exc is not None:
            yield _names(node.exc)
        elif isinstance(node, ast.withitem) and isinstance(node.context_expr, ast.Call):
            yield from (a.id for a in node.context_expr.args if isinstance(a, ast.Name))


def _errors(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that are used as exceptions."""
    for node in nodes:
        found: ast.expr | None = None
        if isinstance(node, ast.ExceptHandler):
            found = node.type
        elif isinstance(node, ast.Call) and _names(node) in RAISES and node.args:
            found = node.args[0]
        if found is not None:
            yield from (_names(n) for n in (found.elts if isinstance(found, ast.Tuple) else [found]))


def _is_class(name: str, read: Text) -> bool:
    """Return whether a trusted text uses a name as a class: it calls what is written like one, or asks for it."""
    short = name.lstrip("_")
    if short[:1].isupper() and not short.isupper():
        return True
    for node in read.calls:
        of_class = _names(node) in ("isinstance", "issubclass", "assertIsInstance") and len(node.args) > 1
        if of_class and name in {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}:
            return True
    return short.isupper() and name in asked_as_classes(read.nodes)


def _methods(tree: ast.AST) -> frozenset[str]:
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return frozenset(n.name for c in classes for n in c.body if isinstance(n, Function))


def _unbelieved(read: Text, prompt: str, solution: str) -> Iterator[str]:
    """Yield the methods that are called for an answer which nothing is compared with.

    An object of whatever class may answer `True` to `x.startswith("a")`. A method that the prompt speaks of,
    or that the reference defines, is the program's to define, unless values have it too.
    """
    asked = [node for node in read.calls if isinstance(node.func, ast.Attribute)]
    if not asked:
        return
    spoken = _methods(parsed(solution)) | frozenset(re.findall(r"[A-Za-z_]\w*", prompt[:100_000]))
    parents = {child: node for node in read.nodes for child in ast.iter_child_nodes(node)}
    truths = {node.id for node in _truths(read.nodes) if isinstance(node, ast.Name)}
    for node in asked:
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
            if (name in STANDARD or name not in spoken) and not _is_compared(node, parents, truths):
                yield name


def _is_compared(node: ast.AST, parents: dict[ast.AST, ast.AST], truths: set[str]) -> bool:
    parent = parents.get(node)
    if isinstance(parent, ast.Await):
        return _is_compared(parent, parents, truths)
    if isinstance(parent, ast.Compare):
        return not any(
            isinstance(o, ast.Constant) and type(o.value) is bool for o in (parent.left, *parent.comparators)
        )
    if isinstance(parent, ast.Assign):
        targets = [target for target in parent.targets if isinstance(target, ast.Name)]
        return len(targets) == len(parent.targets) and not any(target.id in truths for target in targets)
    if isinstance(parent, ast.Call):
        return node is parent.func or _names(parent) in COMPARED_BY
    harmless = ast.Expr | ast.Attribute | ast.Subscript | ast.BinOp | ast.FormattedValue | ast.For | ast.withitem
    return isinstance(parent, harmless)


def _truths(nodes: Iterable[ast.AST]) -> Iterator[ast.expr]:
    """Yield the expressions whose truth a text asks for."""
    for node in nodes:
        if isinstance(node, ast.Assert | ast.If | ast.While | ast.IfExp):
            yield node.test
        elif isinstance(node, ast.BoolOp):
            yield from node.values
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node.operand
        elif isinstance(node, ast.comprehension):
            yield from node.ifs
        elif isinstance(node, ast.Call) and _names(node) not in COMPARED_BY:
            yield from node.args
        elif isinstance(node, ast.Compare):
            operands = (node.left, *node.comparators)
            if any(isinstance(o, ast.Constant) and type(o.value) is bool for o in operands):
                yield from operands
        elif isinstance(node, ast.Return) and node.value is not None:
            yield node.value
