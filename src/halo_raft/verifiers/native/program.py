"""Prompt and completion -> one program that defines the function under test.

A completion may be the whole program, the function without the prompt's imports, or only the body
that continues the prompt. Works on text; whether the result is a program, the compiler says.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterator

from halo_raft.verifiers.native.source_text import closing, depth, masked

KEYWORDS = frozenset(
    [
        "return",
        "else",
        "case",
        "throw",
        "new",
        "do",
        "goto",
        "not",
        "and",
        "or",
        "in",
        "if",
        "while",
        "for",
        "switch",
        "sizeof",
        "co_return",
    ]
)
_HEADER = {
    "rust": r"\bfn\s+(?P<name>{name})\s*[<(]",
    "go": r"\bfunc\s+(?P<name>{name})\s*[\[(]",
    "cpp": r"\b(?P<name>{name})\s*\(",
    "c": r"\b(?P<name>{name})\s*\(",
}
_TYPE_NAME = re.compile(r"\b(?:struct|union|class|enum(?:\s+class)?|type|trait|fn|const|static)\s+(\w+)")
HEADER_CHARS = 2000
TYPE_CHARS = 300
MAX_MENTIONS = 2000
"""Mentions of a function that are looked at to find its definition."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A function's head, as source.

    Attributes:
        name: Its name.
        returns: Its return type; empty for none.
        parameters: What stands between its brackets.
        start: Where the head begins in the text, attributes and modifiers left out.
        end: Where the `{` of its body stands.
    """

    name: str
    returns: str
    parameters: str
    start: int
    end: int


@functools.lru_cache(maxsize=1024)
def signature(source: str, language: str, name: str | None = None) -> Signature | None:
    """Return the head of function `name` (or of the last one) defined outside of any block, None without one."""
    text = masked(source, language)
    pattern = re.compile(_HEADER[language].format(name=re.escape(name) if name else r"\w+"))
    found = None
    level, position = 0, 0
    for match in itertools.islice(pattern.finditer(text), MAX_MENTIONS):
        level += depth(text[position : match.start()])
        position = match.start()
        if level <= 0 and (head := _head(text, source, match, language)):
            found = head
            if name:
                break
    return found


def _head(text: str, source: str, match: re.Match[str], language: str) -> Signature | None:
    opening = _parameters(text, match.end() - 1)
    end = closing(text, opening, HEADER_CHARS) if opening is not None else None
    if opening is None or end is None:
        return None
    brace = text.find("{", end, end + HEADER_CHARS)
    between = text[end + 1 : brace] if brace >= 0 else ""
    if brace < 0 or re.search(r"[;}=]", between if language == "c" else between.replace("=", "")):
        return None
    start, returns = match.start(), between.strip()
    if language in ("c", "cpp"):
        start, returns = _declared_type(text, match.start())
        if not returns:
            return None
    elif language == "rust":
        returns = returns.removeprefix("->").partition(" where ")[0].strip()
    return Signature(
        name=match.group("name"),
        returns=returns,
        parameters=source[opening + 1 : end].strip(),
        start=start,
        end=brace,
    )


def _parameters(text: str, start: int) -> int | None:
    """Return where the bracket of a function's parameters stands, behind those of its types if it has any."""
    if text[start] == "(":
        return start
    if text[start] == "[":
        end = closing(text, start, HEADER_CHARS)
    else:
        level, end = 0, None
        for mark in re.compile(r"<|(?<!-)>").finditer(text, start, start + HEADER_CHARS):
            level += 1 if mark.group() == "<" else -1
            if level == 0:
                end = mark.start()
                break
    behind = re.compile(r"\s*\(").match(text, end + 1) if end is not None else None
    return behind.end() - 1 if behind else None


def _declared_type(text: str, end: int) -> tuple[int, str]:
    """Return where the type before a C function's name begins, and the type."""
    begin = max(0, end - TYPE_CHARS)
    if begin and (line := text.find("\n", begin, end)) >= 0:
        begin = line + 1
    head = text[begin:end]
    start = max(head.rfind(mark) for mark in ";}{") + 1
    lines = head[start:].split("\n")
    while len(lines) > 1 and (lines[0].lstrip().startswith("#") or not lines[0].strip()):
        start += len(lines.pop(0)) + 1
    kept = "\n".join(lines).strip()
    start += len(head[start:]) - len(head[start:].lstrip())
    words = re.findall(r"\w+", kept)
    if not words or words[-1] in KEYWORDS or re.search(r"[^\w\s:<>,*&\[\]]", kept):
        return begin + start, ""
    return begin + start, re.sub(r"^(?:(?:static|inline|extern|constexpr)\s+)+", "", kept)


def has_main(code: str, language: str) -> bool:
    """Return whether the code is a program rather than a part of one."""
    pattern = {"rust": r"\bfn\s+main\s*\(", "go": r"^func\s+main\s*\("}.get(language, r"\bw?main\s*\(")
    return re.search(pattern, masked(code, language), re.MULTILINE) is not None


def preamble(prompt: str, language: str, name: str) -> str:
    """Return what stands before the function that the prompt opens; empty if the prompt is no code."""
    head = signature(prompt, language, name)
    return prompt[: head.start] if head else ""


def assemble(prompt: str, code: str, language: str, name: str) -> str:
    """Return one program of prompt and completion.

    Args:
        prompt: Prose, or code that ends inside the function.
        code: What was extracted from the completion.
        language: `c`, `cpp`, `rust` or `go`.
        name: The function under test.
    """
    if signature(code, language, name) or not signature(prompt, language, name) or _holds(code, language, name):
        return _with_preamble(preamble(prompt, language, name), code, language)
    program = prompt + ("" if prompt.endswith("\n") else "\n") + code
    return program + "\n}\n" if depth(masked(program, language)) == 1 else program


def _holds(code: str, language: str, name: str) -> bool:
    """Return whether C++ code outside of any function makes `name` a variable that holds a function."""
    text = masked(code, language)
    found = re.search(rf"^[\w:<>,()*& \t]{{1,{TYPE_CHARS}}}?[\s&]{re.escape(name)}\s*=\s*\[", text, re.MULTILINE)
    if language != "cpp" or not found or depth(text[: found.start()]):
        return False
    return not any(re.search(r"\breturn\b", piece) for piece in _outside_braces(text))  # else it is a body


def _outside_braces(text: str) -> Iterator[str]:
    level, last = 0, 0
    for brace in re.finditer(r"[{}]", text):
        if level == 0:
            yield text[last : brace.start()]
        level += 1 if brace.group() == "{" else -1
        last = brace.end()
    yield text[last:]


def _with_preamble(before: str, code: str, language: str) -> str:
    """Add to a whole program what the prompt brought and it lacks: imports, and types it does not define."""
    text = masked(code, language)
    if language == "go":
        if re.search(r"^\s*package\s+\w+", text):
            return code
        if re.search(r"^import\b", text, re.MULTILINE):
            return f"package main\n{code}"
        return f"{before}\n{code}" if before else f"package main\n{code}"
    if language == "rust":
        return "\n".join([code, *_missing_uses(before, text), *_missing_items(before, text, language)])
    directives = [line for line in before.split("\n") if re.match(r"\s*(?:#\s*include|using\s+namespace)\b", line)]
    rest = "\n".join(line for line in before.split("\n") if line not in directives)
    items = _missing_items(rest, text, language)
    return "\n".join([*directives, *items, f'#line 1 "solution.{language}"', code])


def _missing_uses(before: str, text: str) -> list[str]:
    uses = re.findall(r"^use\s+[^;]+;", before, re.MULTILINE)
    known = {word for own in re.findall(r"\buse\b([^;]*)", text) for word in re.findall(r"\w+", own)}
    return [use for use in uses if _last_word(use) not in known]


def _missing_items(before: str, text: str, language: str) -> list[str]:
    """Return the prompt's own definitions, unless the program defines one of them itself."""
    bare = re.sub(r"^use\s+[^;]+;", "", before, flags=re.MULTILINE)
    plain = masked(bare, language)
    names = _TYPE_NAME.findall(plain)
    if not plain.strip() or any(re.search(rf"\b(?:struct|union|class|enum|fn)\s+{n}\b", text) for n in names):
        return []
    return [bare]


def _last_word(use: str) -> str:
    words: list[str] = re.findall(r"\w+", use)
    return words[-1]
