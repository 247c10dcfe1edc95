"""Programs that ask the compiler for files or for the machine's settings: no task needs that.

The box keeps such files out of reach anyway; this names what was tried. It reads text, so it can be
got around, at no gain. Every expression is tried at the beginning of a line, or begins with a word, and
no two neighbouring parts of it take the same letters: time is linear in the source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from halo_raft.verifiers.native.source_text import MAX_SOURCE, masked, uncommented

_BLANK = r"[ \t\f\v\r]*"
_DIRECTIVE = re.compile(rf"^{_BLANK}\#{_BLANK}(\w+)([^\n]*)", re.MULTILINE)
_INCLUDES = frozenset(["include", "include_next", "import", "embed"])
_ASKS = re.compile(rf"__has_(?:include|include_next|embed)\b{_BLANK}(?:\({_BLANK})?([<\"][^\n]*)")
_PLUGIN = re.compile(rf"(?:GCC|clang){_BLANK}(?:plugin|pch_preprocess)\b")
_PCH_OPERATOR = re.compile(r"\b_Pragma\s*\(\s*\"GCC\s+pch")
_ASSEMBLER = re.compile(r"\b(?:__asm__|__asm|asm)\b")
_READS = re.compile(r"\.(?:incbin|include)\b")
_RUST = (
    (re.compile(r"\binclude(?:_str|_bytes)?\s*!"), "reads a file while it is compiled"),
    (re.compile(r"\b(?:option_)?env\s*!"), "reads the compiler's environment"),
    (re.compile(r"#\s*(?:!\s*)?\[\s*path\b"), "includes a file by its path"),
    (
        re.compile(r"#\s*(?:!\s*)?\[\s*(?:no_main|link_section|link_args|plugin)\b"),
        "replaces the program's start",
    ),
)
_GO = (
    (re.compile(r"^//go:(?:embed|generate|linkname|cgo_\w+)\b", re.MULTILINE), "asks for more than a compiler"),
    (
        re.compile(rf"^{_BLANK}(?:import{_BLANK})?(?:\({_BLANK})?\"C\"{_BLANK}[;)]?{_BLANK}$", re.MULTILINE),
        "uses cgo",
    ),
)


def reads_files(code: str, language: str) -> str | None:
    """Return what a program tries, None if it tries nothing of the kind; what no compiler is given tries nothing."""
    if len(code) > MAX_SOURCE:
        return None
    return next(_SCREENS[language](code, language), None)


def _c(code: str, language: str) -> Iterator[str]:
    text = uncommented(code, language)
    for name, rest in _DIRECTIVE.findall(text):
        if name in _INCLUDES and _is_path(rest.strip()):
            yield "includes a file by its path"
        elif name == "pragma" and _PLUGIN.match(rest.strip()):
            yield "loads something into the compiler"
    if any(_is_path(asked[1]) for asked in _ASKS.finditer(text)):
        yield "asks for a file by its path"
    if _PCH_OPERATOR.search(text):
        yield "loads something into the compiler"
    if _READS.search(text) and _ASSEMBLER.search(masked(code, language)):
        yield "makes the assembler read a file"


def _is_path(name: str) -> bool:
    """Return whether what stands between quotes or angles leaves the folders of headers."""
    if name[:1] not in ("<", '"'):
        return False
    inside = name[1:].partition(">" if name[0] == "<" else '"')[0].strip()
    return inside.startswith(("/", "..")) or "/.." in inside


def _rust(code: str, language: str) -> Iterator[str]:
    text = masked(code, language)
    return (reason for pattern, reason in _RUST if pattern.search(text))


def _go(code: str, language: str) -> Iterator[str]:
    return (reason for pattern, reason in _GO if pattern.search(code))


_SCREENS: dict[str, Callable[[str, str], Iterator[str]]] = {"c": _c, "cpp": _c, "rust": _rust, "go": _go}
