"""Statements of a test -> the same statements, which report whether they held."""

from __future__ import annotations

import ast

OK, BAD, ERROR, ANY = "__judge_ok__", "__judge_bad__", "__judge_error__", "__judge_any__"
"""Names that the judge gives to the two reports, to what was raised, and to what it catches."""


def reporting(body: list[ast.stmt], number: int) -> ast.Try:
    """Return statements that report under a number what became of them; all that is new stands where they do."""
    place = {name: getattr(body[0], name) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")}

    def name(identifier: str) -> ast.Name:
        return ast.Name(identifier, ast.Load(), **place)

    def report(function: str, *arguments: ast.expr) -> ast.stmt:
        call = ast.Call(name(function), [ast.Constant(number, **place), *arguments], [], **place)
        return ast.Expr(call, **place)

    handler = ast.ExceptHandler(name(ANY), ERROR, [report(BAD, name(ERROR))], **place)
    return ast.Try(body, [handler], [report(OK)], [], **place)
