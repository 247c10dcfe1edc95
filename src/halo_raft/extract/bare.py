"""Code that stands in an answer without a fence: where it begins between prose, and where it ends."""

from __future__ import annotations

import re
import textwrap

from halo_raft.extract.languages import ALIASES

MAX_LINES = 20_000
"""Unindented lines that are looked at; a longer text is taken as it is from there on."""
LINE_CHARS = 300

_INDENTED = re.compile(
    r"(?:\A|\n[ \t]*\n)((?: {4}|\t)[^\n]*(?:\n(?:(?: {4}|\t)[^\n]*|[ \t]*(?=\n)))*)",
)
_UNINDENTED = re.compile(r"^[^\s]", re.MULTILINE)
_PYTHON_MADE = re.compile(r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)
_PYTHON_START = re.compile(
    r"(?:async\s+)?def\s+\w+\s*[(\[]|class\s+\w+\s*[:(\[]|from\s+[.\w]+\s+import\b|"
    r"import\s+[\w.]+\s*(?:$|,|;|#|as\s)|@[\w.]+\s*(?:\(|$)|[A-Za-z_]\w*\s*=[^=]|if\s+__name__\s*=="
)
_PYTHON_LINE = re.compile(
    r"[#@)\]}\"']|(?:async|def|class|if|elif|else|for|while|with|try|except|finally|match|case)\b.*[:(\[{,\\]|"
    r"(?:from|import|return|raise|assert|del|global|yield|await|pass|break|continue)\b|print\s*\(|"
    r"[A-Za-z_][\w.]*(?:\[[^\]]*\])?\s*(?::[\w.\[\], |\"']+=|,(?:[^=.]|\.\w)+=|(?:[-+*/%&|^<>@]{1,3})?=)|"
    r"[A-Za-z_][\w.]*[(\[]"
)
_BRACED_START = re.compile(
    r"#\s*(?:include|define|pragma|if|ifdef|ifndef|!\[)|#\[|using\s+\w|namespace\b|template\s*<|package\s+\w+|import\s+[(\"]|"
    r"func\s*[\w(]|(?:pub(?:\([^)]*\))?\s+)?(?:fn|struct|enum|impl|trait|mod|use|const|static|type|unsafe|extern)\b\s*[\w<\"{]|"
    r"var\s+\w|type\s+\w|/[/*]|(?:(?:const|static|inline|constexpr|unsigned|signed|long|short|struct|extern|std::)\s*)*"
    r"[\w:<>,*&\[\]]+[\s*&]+[\w:~]+\s*(?:\(|=|;|\[|\{)"
)
_PROSE = re.compile(r"(?:\*\*|[-*>]\s|\d+[.)]\s|<\||[A-Z][\w'`\u2019-]*[ ,:](?!.*[;{}]\s*$)|\w+ \w+ \w+ \w+)")


def defines(code: str, name: str, language: str = "python") -> bool:
    """Return whether `code` defines `name` at top level, as far as its text tells."""
    if name not in code:
        return False
    if language == "python":  # not a pattern for each name: of ten thousand tasks none would be compiled already
        return any(name in (made[1], made[2]) for made in _PYTHON_MADE.finditer(code))
    pattern = rf"^(?:.*[\s*&)>])?{re.escape(name)}[ \t]{{0,9}}(?:<[^\n]{{0,99}}>)?[ \t]{{0,9}}\("
    return re.search(pattern, code, re.MULTILINE) is not None


def outdented(code: str, language: str, entry_point: str | None) -> str:
    """Undo an indentation of the whole; the body of a function keeps its own."""
    first = next((line for line in code.split("\n") if line.strip()), "")
    if not first[:1].isspace():
        return code
    others = [line for line in code.split("\n", MAX_LINES)[1:] if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in others), default=0)
    lone = code[:1] == " " and code[1:2] not in (" ", "\t") and margin % 2 == 0
    if lone and _starts(language).match(_line(code, 1)):
        return code[1:]  # a tokenizer's, before the first word alone
    flat = textwrap.dedent(code)
    if entry_point:
        return flat if defines(flat, entry_point, language) else code
    return flat if _starts(language).match(_line(flat.lstrip("\n"), 0)) else code


def code_of_bare(text: str, language: str, entry_point: str | None) -> str:
    """Take the code out of a text without fences."""
    text = outdented(_without_language_word(text.lstrip("\n"), language), language, entry_point)
    body_first = text[:1] in (" ", "\t") and not (entry_point and defines(text, entry_point, language))
    if language == "python":
        start = None if body_first else _first_line(text, _PYTHON_START)
        if start is None and not body_first and (code := _indented(text, language, entry_point)):
            return code
        return text if start is None else text[start : _python_end(text, start)]
    start = _first_line(text, _BRACED_START)
    if start is None and not body_first and (code := _indented(text, language, entry_point)):
        return code
    return _without_closing_prose(text if start is None or body_first else text[start:])


def _indented(text: str, language: str, entry_point: str | None) -> str:
    """Return the code that prose has in it by indentation alone, as Markdown does; empty where there is none."""
    run = _INDENTED.search(text)
    if (
        run is None
        or _first_line(text[: run.start()], _PYTHON_LINE if language == "python" else _BRACED_START) is not None
    ):
        return ""
    return outdented(run[1], language, entry_point)


def continues_prompt(text: str, language: str, entry_point: str | None) -> bool:
    """Return whether text before the first fence is code already, not an introduction to it."""
    if not text.strip():
        return False
    if entry_point and defines(text, entry_point, language):
        return True
    first = next(line for line in text.split("\n") if line.strip())
    return first.startswith(("    ", "\t")) or (first[0] == " " and first[1:2] == " ")


def begins(text: str, language: str, at_once: bool = False) -> bool:
    """Return whether a line of a text, or with `at_once` its first one, looks like the beginning of a program."""
    if at_once:
        return _starts(language).match(_line(text.lstrip(), 0)) is not None
    return _first_line(text, _starts(language)) is not None


def _starts(language: str) -> re.Pattern[str]:
    return _PYTHON_START if language == "python" else _BRACED_START


def _without_language_word(text: str, language: str) -> str:
    """Drop a first line that only names the language."""
    first, _, rest = text.partition("\n")
    return rest if rest.strip() and ALIASES.get(first.strip().lower()) == language else text


def _first_line(text: str, pattern: re.Pattern[str]) -> int | None:
    """Return where the first unindented line that matches begins."""
    for count, match in enumerate(_UNINDENTED.finditer(text)):
        if count == MAX_LINES:
            return None
        if pattern.match(_line(text, match.start())):
            return match.start()
    return None


def _line(text: str, start: int) -> str:
    return text[start : start + LINE_CHARS].partition("\n")[0]


def _python_end(text: str, start: int) -> int:
    """Return where prose begins after the code, at an unindented line outside of any long string."""
    quote, scanned = "", start
    for count, match in enumerate(_UNINDENTED.finditer(text, start)):
        if count == MAX_LINES:
            break
        quote = _open_quote(text, scanned, match.start(), quote)
        scanned = match.start()
        if not quote and not _PYTHON_LINE.match(_line(text, scanned)):
            return scanned
    return len(text)


def _open_quote(text: str, start: int, end: int, quote: str) -> str:
    """Return the triple quote that is open at `end`, given the one that is at `start`."""
    while start < end:
        if quote:
            found = text.find(quote, start, end)
            if found < 0:
                return quote
            start, quote = found + 3, ""
            continue
        double, single = text.find('"""', start, end), text.find("'''", start, end)
        found = min((place for place in (double, single) if place >= 0), default=-1)
        if found < 0:
            return ""
        start, quote = found + 3, text[found : found + 3]
    return quote


def _without_closing_prose(code: str) -> str:
    """Drop the unindented prose at the end of a program in braces."""
    end = len(code)
    for _ in range(MAX_LINES):
        start = code.rfind("\n", 0, max(0, end - 1)) + 1
        head = code[start : min(end, start + LINE_CHARS)]
        if start == 0 or (head.strip() and not _PROSE.match(head)):
            break
        end = start
    return code[:end]


def trim_blank_lines(code: str) -> str:
    """Drop blank lines at both ends, keeping the first line's indentation."""
    code = code.rstrip()
    first = len(code) - len(code.lstrip())
    return code[code.rfind("\n", 0, first) + 1 :]
