"""When two completions are the same program, and how far apart two programs are. Pure functions.

Python programs are compared by their syntax tree without comments, docstrings, annotations, the names
of variables, and what the entry point never reaches: a solution does not become another one by trying
itself out, or by having a second function beside it. Programs in other languages, and Python that does
not parse, are compared by their tokens.
"""

from __future__ import annotations

import ast
import functools
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from halo_raft import prompts
from halo_raft.extract import compiles, continued, defines, extract, first_that_compiles
from halo_raft.extract.trees import PARSED_CHARS, parsed
from halo_raft.records import Task

_TOKEN = re.compile(r"""//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\])*+"?|'(?:\\.|[^'\\\n])*+'?|\w+|[^\w\s]""", re.S)
"""What opens and never closes is one token, to the end: a search for the end from each such place takes its square."""
MAX_CHARS = PARSED_CHARS
"""A longer program is compared letter by letter."""
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def normalised_program(completion: str, task: Task, form: str | None = None) -> str:
    """Return a form of the program that comments, layout, docstrings, dead code and chosen names do not change.

    Args:
        completion: The answer.
        task: What it answers.
        form: As `records.Sample`: how it was asked.
    """
    whole = under_its_stub(completion, task) if form else None
    return _normalised(extract(completion, task.language, task.entry_point) if whole is None else whole, task)


def under_its_stub(completion: str, task: Task) -> str | None:
    """Return the whole program of an answer that only goes on with the function that it was asked to complete.

    None for any other answer, also where its code cannot be told: whoever judges it says why.
    """
    stub = prompts.function_stub(task)
    if not stub:
        return None
    try:
        code = extract(completion, task.language, task.entry_point)
    except Exception:
        return None
    if not code or defines(code, task.entry_point or "") or not (code[:1].isspace() or not compiles(code)):
        return None
    return first_that_compiles(continued(stub, code))


def reference_of(task: Task) -> str | None:
    """Return a task's reference as a whole program, None where it has none; a body is put under its prompt."""
    if task.solution is None or not prompts.is_code(task) or defines(task.solution, task.entry_point or ""):
        return task.solution
    return first_that_compiles(continued(task.prompt, task.solution))


def normalised_reference(task: Task) -> str | None:
    """Return a task's reference as `normalised_program` has an answer's program, None where it has none."""
    reference = reference_of(task)
    return None if reference is None else _normalised(reference, task)


def _normalised(code: str, task: Task) -> str:
    if len(code) > MAX_CHARS:
        return code
    if task.language == "python":
        try:
            return " ".join(_normalised_python(code, task.entry_point))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    tokens = (m.group() for m in _TOKEN.finditer(code))
    return " ".join(t for t in tokens if not t.startswith(("//", "/*")))


def shingles(program: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of three words that a normalised program has."""
    words = program.split()
    return frozenset(zip(words, words[1:], words[2:], strict=False)) or frozenset([tuple(words)])


def similarity(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Return the share of two programs' shingles that both have (Jaccard), in [0, 1]."""
    both = len(one & other)
    return both / max(1, len(one) + len(other) - both)


def _normalised_python(code: str, entry_point: str | None) -> list[str]:
    """Return the words of a program's syntax tree: each node's class, and what it holds, from the root down.

    A name that the program chose is replaced by the number of the place where it first stands.
    """
    tree = parsed(code)
    if tree is None:
        raise SyntaxError("no program")
    body: Sequence[ast.stmt] = tree.body
    chosen: dict[str, None] = {}
    if entry_point:
        body = _reached(body, entry_point)
        helpers = (s.name for s in body if isinstance(s, ast.FunctionDef) and s.name != entry_point)
        chosen = dict.fromkeys(helpers)
    words: list[str | _Name] = []
    stack: list[Any] = [_without_docstring(body)]
    while stack:
        value = stack.pop()
        kind: Any = type(value)
        if kind is list:
            words.append(f"[{len(value)}")
            stack += value[::-1]
        elif kind is ast.Name:
            words += "Name", _Name(value.id)
            if type(value.ctx) is ast.Store:
                chosen[value.id] = None
        elif kind is ast.Constant:
            words += "Constant", repr(value.value)
        elif kind is ast.arg:
            words += "arg", _Name(value.arg)
            chosen[value.arg] = None
        elif kind is _Name:
            words.append(value)
        elif issubclass(kind, ast.AST):
            words.append(kind.__name__)
            stack += _parts(kind)(value)
        else:
            words.append(repr(value))
    named: dict[str, str] = {}
    for word in words:
        if type(word) is _Name and word in chosen:
            named.setdefault(word, f"v{len(named)}")
    return [named.get(word, word) if type(word) is _Name else word for word in words]


class _Name(str):
    """A name that the program may have chosen."""

    __slots__ = ()


@functools.cache
def _parts(kind: type[ast.AST]) -> Callable[[Any], Sequence[Any]]:
    """Return what takes of a node of this class all that makes a difference, the last first."""
    left_out = {"ctx", "type_comment", "returns"} | ({"annotation"} if kind is ast.AnnAssign else set())
    names = [name for name in reversed(kind._fields) if name not in left_out]
    if issubclass(kind, _Definition | ast.keyword | ast.Global | ast.Nonlocal):
        return lambda node: [_part(node, name) for name in names]
    if len(names) < 2:
        return lambda node: [getattr(node, name) for name in names]
    return operator.attrgetter(*names)


def _part(node: ast.AST, name: str) -> Any:
    value = getattr(node, name)
    if name == "body":
        return _without_docstring(value)
    if name == "names":
        return [_Name(one) for one in value]
    if isinstance(value, str) and not isinstance(node, ast.ClassDef):
        return _Name(value)  # `f(a=1)` names a parameter: it must move with it, or argument orders look alike
    return value


def _reached(body: Sequence[ast.stmt], entry_point: str) -> list[ast.stmt]:
    """Return the module's statements that the entry point's result can depend on; all of them where it is missing."""
    if len(body) == 1:
        return list(body)
    binding: dict[str, list[ast.stmt]] = defaultdict(list)
    for statement in body:
        for name in _bound(statement):
            if isinstance(statement, _Definition):
                binding[name].clear()  # it takes the place of what had the name before
            binding[name].append(statement)
    if entry_point not in binding:
        return list(body)
    names, reached = ["*", entry_point], set[ast.stmt]()
    while names:
        for statement in binding.pop(names.pop(), ()):
            if statement in reached:
                continue
            reached.add(statement)
            names += (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))
    return [statement for statement in body if statement in reached]


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module defines, imports, assigns or may change (`name.append(..)`)."""
    if isinstance(statement, _Definition):
        yield statement.name
        return
    nodes: list[ast.AST] = [statement]
    while nodes:
        node = nodes.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.alias():
                yield node.asname or node.name.partition(".")[0]
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(value=changed) | ast.Subscript(value=changed, ctx=ast.Store() | ast.Del()):
                # what is below has no other names: to look into `a.b.c` for each of its dots would take the square
                yield from (part.id for part in ast.walk(changed) if isinstance(part, ast.Name))
                nodes += (child for child in ast.iter_child_nodes(node) if child is not changed)
                continue
        nodes += ast.iter_child_nodes(node)


def _without_docstring(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return [*body[1:]] or [ast.Pass()]
    return [*body]
