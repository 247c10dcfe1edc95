"""A native task's tests -> checks: which call has to give which value.

Covers MultiPL-E's forms: `assert(candidate(...) == ...)` (C, C++), `assert_eq!(candidate(...), ...)`
(Rust), and the table of `actual` and `expected` (Go). Such a suite is judged outside the candidate's
process. Any other suite is not split; it has to share a process with the candidate.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator

from halo_raft.verifiers.native.source_text import closing, masked, pieces, uncommented

_NUMBER = r"\d[\d.]*(?:[eE][-+]?\d+)?"
_MAIN = {
    "c": re.compile(r"\bint\s+main\s*\([^)]*\)\s*\{"),
    "cpp": re.compile(r"\bint\s+main\s*\([^)]*\)\s*\{"),
    "rust": re.compile(r"\bfn\s+main\s*\(\s*\)\s*\{"),
    "go": re.compile(r"\bfunc\s+Test\w*\s*\(\s*\w+\s+\*testing\.T\s*\)\s*\{"),
}
_ALIAS = {
    "c": re.compile(r"(?!)"),
    "cpp": re.compile(r"auto\s+(\w+)\s*=\s*(\w+)$"),
    "rust": re.compile(r"let\s+(\w+)\s*=\s*(\w+)$"),
    "go": re.compile(r"(\w+)\s*:=\s*(\w+)$"),
}
_GO_TABLE = re.compile(r"type\s+test\s+struct\s*\{[^;]*?\}\s*tests\s*:=\s*\[\]test\s*\{")
_GO_LOOP = re.compile(
    r"fori,tc:=rangetests\{t\.Run\(fmt\.Sprintf\([^)]*\),func\(t\*testing\.T\)\{"
    r'iffmt\.Sprintf\("%v",tc\.actual\)!=fmt\.Sprintf\("%v",tc\.expected\)\{t\.Errorf\([^)]*\)\}\}\)\}'
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One call and the value that it has to give, both as source.

    Attributes:
        tolerance: How far a number may be off (exclusive); None for equality.
    """

    call: str
    expected: str
    tolerance: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Tests that could be split.

    Attributes:
        alias: Name by which the calls call the function under test.
        function: Its own name.
        checks: In the order of the tests.
    """

    alias: str
    function: str
    checks: tuple[Check, ...]


def without_brace(tests: str) -> str:
    """Return the tests without the `}` that closes the prompt's function, if they begin with it."""
    return tests.lstrip().removeprefix("}")


@functools.lru_cache(maxsize=1024)
def split(tests: str, language: str, function: str) -> Suite | None:
    """Return the checks of the tests, None if they are more than a list of checks.

    Args:
        tests: Test source, as the task brings it.
        language: `c`, `cpp`, `rust` or `go`.
        function: The function under test.
    """
    tests = without_brace(tests)
    text = masked(tests, language)
    main = _MAIN[language].search(text)
    end = closing(text, main.end() - 1) if main else None
    if main is None or end is None or re.sub(r"[\s;]", "", text[: main.start()] + text[end + 1 :]):
        return None
    body = tests[main.end() : end]
    return _go_table(body, function) if language == "go" else _statements(body, language, function)


def function_of(tests: str, language: str) -> str | None:
    """Return the function that the tests give an alias (`auto candidate = f;`), None if they do not."""
    pattern = {"cpp": r"auto\s+candidate\s*=", "rust": r"let\s+candidate\s*=", "go": r"candidate\s*:="}.get(language)
    found = re.search(rf"{pattern}\s*(\w+)", masked(tests, language)) if pattern else None
    return found.group(1) if found else None


def _statements(body: str, language: str, function: str) -> Suite | None:
    alias = function
    checks: list[Check] = []
    for statement in pieces(body, masked(body, language), ";"):
        statement = uncommented(statement, language).strip()
        if not statement or re.fullmatch(r"return\s+0", statement):
            continue
        if (named := _ALIAS[language].match(statement)) and not checks:
            alias, function = named.groups()
        elif check := _check(statement, language, alias):
            checks.append(check)
        else:
            return None
    return Suite(alias=alias, function=function, checks=tuple(checks)) if checks else None


def _check(statement: str, language: str, alias: str) -> Check | None:
    text = masked(statement, language)
    macro = re.match(r"(assert_eq!|assert!|assert)\s*\(", text)
    if not macro or closing(text, macro.end() - 1) != len(text) - 1:
        return None
    inner = statement[macro.end() : -1]
    if macro.group(1) == "assert_eq!":
        parts = [part for part in pieces(inner, masked(inner, language), ",") if part.strip()]
        return _pair(parts, language, alias)
    return _condition(_bare(inner, language), language, alias)


def _condition(inner: str, language: str, alias: str) -> Check | None:
    text = masked(inner, language)
    if close := re.fullmatch(rf"(?:std::)?f?abs[fl]?\s*(\(.*)<=?\s*({_NUMBER})[fF]?", inner, re.DOTALL):
        return _close_to(_bare(close.group(1), language), float(close.group(2)), language, alias)
    if close := re.fullmatch(rf"(\(.*\))\s*\.abs\(\)\s*<=?\s*({_NUMBER})(?:_?f64)?", inner, re.DOTALL):
        return _close_to(_bare(close.group(1), language), float(close.group(2)), language, alias)
    if same := re.fullmatch(r"!\s*strcmp\s*\((.*)\)|strcmp\s*\((.*)\)\s*==\s*0", inner, re.DOTALL):
        strings = same.group(1) or same.group(2)
        return _pair(list(pieces(strings, masked(strings, language), ",")), language, alias)
    if "==" in text:
        return _pair(list(pieces(inner, text, "==")), language, alias)
    if language != "rust":
        return None  # any number but 0 is true: that is no value to compare with
    call = inner.removeprefix("!").strip()
    return _pair([call, "false" if inner.startswith("!") else "true"], language, alias)


def _close_to(difference: str, tolerance: float, language: str, alias: str) -> Check | None:
    check = _pair(list(pieces(difference, masked(difference, language), "-")), language, alias)
    return dataclasses.replace(check, tolerance=tolerance) if check else None


def _pair(sides: list[str], language: str, alias: str) -> Check | None:
    """Return the check of two sides, if one is a call of `alias` and the other is free of it."""
    sides = [_bare(side, language) for side in sides]
    if len(sides) != 2:
        return None
    for call, expected in (sides, sides[::-1]):
        text = masked(call, language)
        start = re.match(rf"{alias}\s*\(", text)
        if start and closing(text, start.end() - 1) == len(text) - 1:
            called = re.search(rf"\b{alias}\b", masked(expected, language))
            return None if called else Check(call=call, expected=expected)
    return None


def _go_table(body: str, function: str) -> Suite | None:
    text = masked(body, "go")
    table = _GO_TABLE.search(text)
    end = closing(text, table.end() - 1) if table else None
    named = _ALIAS["go"].match(body[: table.start()].strip()) if table else None
    if table is None or end is None or named is None:
        return None
    if not _GO_LOOP.fullmatch(re.sub(r"\s", "", body[end + 1 :])):
        return None
    rows = body[table.end() : end]
    checks = [_go_row(row) for row in pieces(rows, masked(rows, "go"), ",") if row.strip()]
    if not checks or None in checks:
        return None
    return Suite(alias=named[1], function=named[2], checks=tuple(check for check in checks if check))


def _go_row(row: str) -> Check | None:
    row = row.strip()
    fields = dict(_go_fields(row[1:-1])) if row.startswith("{") and row.endswith("}") else {}
    if set(fields) != {"actual", "expected"}:
        return None
    return Check(call=fields["actual"], expected=fields["expected"])


def _go_fields(row: str) -> Iterator[tuple[str, str]]:
    for field in pieces(row, masked(row, "go"), ","):
        name, _, value = field.partition(":")
        if name.strip():
            yield name.strip(), value.strip()


def _bare(expression: str, language: str) -> str:
    """Drop the brackets around the whole of an expression."""
    expression = expression.strip()
    while expression.startswith("("):
        if closing(masked(expression, language), 0) != len(expression) - 1:
            break
        text = masked(expression[1:-1], language)
        if language == "rust" and len(list(pieces(text, text, ","))) != 1:
            break  # a tuple
        expression = expression[1:-1].strip()
    return expression
