"""A Python task that asks in words, as a function to complete: HumanEval's way of asking.

What is shown is the head of the function, the imports that this head needs, and a docstring of the question with the
shown tests as examples. The head is the reference's own, or where there is none, one that the shown tests fit: nothing
of the reference's body is looked at.
"""

from __future__ import annotations

import ast
import builtins
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeGuard

from halo_raft.prompts.chat import is_code, shown_tests
from halo_raft.task_record import Task

INDENT = "    "
LETTERS = "abcdefgh"
"""Names of parameters that nobody named."""


def function_stub(task: Task, *, show_tests: bool = True) -> str | None:
    """Return the beginning of a program that defines the entry point, None where it cannot be told.

    Args:
        task: Any; one that is a function to complete already, or that is not in Python, has no stub.
        show_tests: Show the task's asserts as examples in the docstring: a call, and its value below.
    """
    name = task.entry_point
    if not name or not name.isidentifier() or task.language != "python" or is_code(task):
        return None
    shown = [test for text in shown_tests(task) for test in _asserted(text)]
    head = _head_of(task.solution or "", name) or _head_for(shown, name)
    if head is None:
        return None
    lines = textwrap.dedent(task.prompt).strip().splitlines()
    if show_tests:
        lines += [line for test in shown for line in _example(test, name)]
    text = textwrap.indent("\n".join(lines), INDENT).strip()
    escaped = text.replace("\\", "\\\\").replace('"""', "'''")
    return f'{head}\n{INDENT}"""{escaped}\n{INDENT}"""\n'


def _head_of(solution: str, name: str) -> str | None:
    """Return a program's last definition of the function up to its colon, with the imports that this needs."""
    body = _parsed(solution)
    found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == name]
    if not found or found[-1].decorator_list:
        return None
    arguments, returns = found[-1].args, found[-1].returns
    parts: list[ast.AST] = [arguments, *([returns] if returns else [])]
    used = {node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name)} - set(dir(builtins))
    imports = dict(_imports(body, used))
    if used - imports.keys():
        return None  # the value of a parameter is a name of the program's own
    result = f" -> {ast.unparse(returns)}" if returns else ""
    lines = dict.fromkeys(imports.values())
    return "\n".join([*lines, *(["", ""] if lines else []), f"def {name}({ast.unparse(arguments)}){result}:"])


def _imports(body: Iterable[ast.stmt], used: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each of the used names that the statements import, and the line that imports it."""
    for node in body:
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            bound = alias.asname or alias.name.partition(".")[0]
            if bound in used:
                source = f"from {'.' * node.level}{node.module or ''} " if isinstance(node, ast.ImportFrom) else ""
                yield bound, f"{source}import {ast.unparse(alias)}"


def _head_for(tests: Sequence[ast.expr], name: str) -> str | None:
    """Return a head that takes what all tests give the function: as many values, by their places alone."""
    calls = [call for test in tests for call in ast.walk(test) if _is_call(call, name)]
    plain = not any(call.keywords or any(isinstance(value, ast.Starred) for value in call.args) for call in calls)
    counts = {len(call.args) for call in calls}
    if len(counts) != 1 or not plain or (count := counts.pop()) > len(LETTERS):
        return None
    return f"def {name}({', '.join(LETTERS[:count])}):"


def _example(test: ast.expr, name: str) -> list[str]:
    """Return a test as a docstring shows it: `f(1) == 2` is `>>> f(1)` and `2`, anything else is `True`."""
    match test:
        case ast.Compare(left=call, ops=[ast.Eq()], comparators=[value]) if _is_call(call, name):
            return [f">>> {ast.unparse(call)}", ast.unparse(value)]
    return [f">>> {ast.unparse(test)}", "True"]


def _is_call(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _asserted(text: str) -> Iterator[ast.expr]:
    """Yield what the asserts of a text say."""
    yield from (node.test for node in _parsed(text) if isinstance(node, ast.Assert))


def _parsed(text: str) -> list[ast.stmt]:
    """Return a program's statements, none where it is no program."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
