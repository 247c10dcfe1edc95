"""The text of C, C++, Rust and Go programs: what is code, what is a comment, where a bracket closes.

Works on `masked` text: the source with comments, strings and characters blanked out at the same
offsets. Does not parse: compilers do that. Time is linear: what opens and never closes is taken as far
as it could go, so that no place is looked at from every quote before it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

_C_LIKE = r"//[^\n]*|/\*.*?(?:\*/|\Z)"
_QUOTED = r'"(?:[^"\\\n]|\\.)*+"?'
_TOKENS = {
    "cpp": rf'(?P<comment>{_C_LIKE})|(?:u8|[uUL])?R"(?P<d>[^()\\\s]{{0,16}})\(.*?(?:\)(?P=d)"|\Z)|{_QUOTED}|'
    r"(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.){1,8}'",
    "c": rf"(?P<comment>{_C_LIKE})|{_QUOTED}|'(?:[^'\\\n]|\\.){{1,8}}'",
    "go": rf"(?P<comment>{_C_LIKE})|{_QUOTED}|`[^`]*+`?|'(?:[^'\\\n]|\\.){{1,10}}'",
    "rust": rf'(?P<comment>{_C_LIKE})|b?r(?P<d>\#{{0,8}})".*?(?:"(?P=d)|\Z)|b?"(?:[^"\\]|\\.)*+"?|'
    r"b?'(?:[^'\\\n]|\\(?:u\{[0-9A-Fa-f_]{1,8}\}|x..|.))'",
}
OPEN = "([{"
MAX_SOURCE = 1 << 18
"""Characters of a program; what is longer is not read by any expression, and given to no compiler."""
REMEMBERED = 16
_BRACKET = re.compile(r"[()\[\]{}]")


@functools.lru_cache(maxsize=REMEMBERED)
def masked(source: str, language: str) -> str:
    """Return `source` with comments, strings and characters replaced by blanks; line ends stay."""
    return _pattern(language).sub(lambda match: _blank(match.group()), source)


@functools.lru_cache(maxsize=REMEMBERED)
def uncommented(source: str, language: str) -> str:
    """Return `source` with comments replaced by blanks; line ends stay."""
    return _pattern(language).sub(lambda m: _blank(m.group()) if m.group("comment") else m.group(), source)


def closing(text: str, start: int, within: int | None = None) -> int | None:
    """Return where the bracket at `start` of masked text closes, None if it does not (`within` so many characters)."""
    depth = 0
    for match in _BRACKET.finditer(text, start, len(text) if within is None else start + within):
        depth += 1 if match.group() in OPEN else -1
        if depth == 0:
            return match.start()
    return None


def depth(text: str) -> int:
    """Return how many braces of masked text are open at its end."""
    return text.count("{") - text.count("}")


def pieces(source: str, text: str, separator: str) -> Iterator[str]:
    """Yield the parts of `source` between separators that stand outside of all brackets.

    Args:
        source: The source.
        text: The same, masked.
        separator: One character, or several (`==`).
    """
    level, last = 0, 0
    for match in re.compile(rf"[()\[\]{{}}]|{re.escape(separator)}").finditer(text):
        if match.group() == separator:
            if level == 0:
                yield source[last : match.start()]
                last = match.end()
        else:
            level += 1 if match.group() in OPEN else -1
    yield source[last:]


@functools.cache
def _pattern(language: str) -> re.Pattern[str]:
    return re.compile(_TOKENS[language], re.DOTALL)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
