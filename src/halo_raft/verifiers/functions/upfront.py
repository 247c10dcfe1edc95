"""Calls of the program that tests make with literals alone: all of them can be asked at once.

A question for each call, and a wait for its answer, cost more than most calls. Where every call of a suite stands
in an assert of its own, is made whatever the others return, and is given nothing but literals, the program gets
them all with one message and answers one after the other, in the order in which the tests make them. Where a later
call would tell what an earlier one has to return (see `foreseen`), they are asked one by one.
"""

from __future__ import annotations

import ast
import marshal
from collections.abc import Iterator, Sequence

from halo_raft.verifiers.functions.foreseen import is_foreseen
from halo_raft.verifiers.functions.walking import walk

ANSWER = "__judge_answer__"
"""What stands in the tests in the place of a call, with its number; see `answers`."""


class _NotUpFront(Exception):
    """A call depends on another one, or on what is not written down."""


def up_front(tree: ast.Module, functions: Sequence[ast.stmt], targets: frozenset[str], candidate: str | None) -> bytes:
    """Put numbers in the place of the calls of plain tests, where all of them can be asked at once.

    Args:
        tree: The tests, which are plain (see `plain`); changed.
        functions: Those of its functions that the judge calls once each, in this order, after all else.
        targets: Names of the program's.
        candidate: What the argument of these functions stands for.

    Returns:
        The calls, marshalled: name, arguments, and arguments by name of each. Nothing, and no change, where one of
        them cannot be asked so, or there is none.
    """
    loose = [node for node in tree.body if node not in functions]
    try:
        calls = [*_calls(loose, dict.fromkeys(targets))]
        for function in functions:
            assert isinstance(function, ast.FunctionDef)
            given = {argument.arg: candidate for argument in function.args.args}
            calls += _calls(function.body, dict.fromkeys(targets) | given)
        asked = [(_name(call, meant), *_arguments(call)) for _, call, meant in calls]
    except _NotUpFront:
        return b""
    bodies = (function.body for function in functions if isinstance(function, ast.FunctionDef))
    others = [statement for body in (loose, *bodies) for statement in body]
    if is_foreseen([test for test, _, _ in calls], [call for _, call, _ in calls], others):
        return b""
    for number, (_, call, _) in enumerate(calls):
        call.func = ast.copy_location(ast.Name(ANSWER, ast.Load()), call.func)
        call.args, call.keywords = [ast.copy_location(ast.Constant(number), call)], []
    return marshal.dumps(asked) if asked else b""


def _calls(body: Sequence[ast.stmt], names: dict[str, str | None]) -> Iterator[tuple[ast.Assert, ast.Call, str | None]]:
    """Yield the statements that call the program, with the call, and what its function stands for.

    Raises:
        _NotUpFront: One of them may not be made, or is not the only one of its statement.
    """
    for statement in body:
        found = [n for n in walk(statement) if isinstance(n, ast.Name) and n.id in names]
        if not found:
            continue
        if not isinstance(statement, ast.Assert) or len(found) > 1:
            raise _NotUpFront
        call = next((n for n in _certain(statement.test) if isinstance(n, ast.Call) and n.func is found[0]), None)
        if call is None:
            raise _NotUpFront
        yield statement, call, names[found[0].id]


def _certain(node: ast.expr) -> Iterator[ast.expr]:
    """Yield an expression and what it is made of, as far as that is evaluated in any case."""
    yield node
    match node:
        case ast.BoolOp(values=[first, *_]) | ast.IfExp(test=first):
            parts = [first]
        case ast.Compare(left=left, comparators=[first, *_]):
            parts = [left, first]
        case _:
            parts = [inner for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.expr)]
            parts += [keyword.value for keyword in getattr(node, "keywords", ())]
    for part in parts:
        yield from _certain(part)


def _name(call: ast.Call, meant: str | None) -> str:
    assert isinstance(call.func, ast.Name)
    return meant or call.func.id


def _arguments(call: ast.Call) -> tuple[tuple[object, ...], dict[str, object]]:
    """Return the arguments of a call as values."""
    try:
        by_name = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in call.keywords}
        return tuple(map(ast.literal_eval, call.args)), by_name
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _NotUpFront from None
