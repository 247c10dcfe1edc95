"""Programs that ask the compiler for files or for the machine's settings: no task needs that.

The box keeps such files out of reach anyway; this names what was tried. It reads text, so it can be
got around, at no gain.
"""

from __future__ import annotations

import re

from halo_raft.verifiers.native.source_text import masked, uncommented

_C = (
    (
        r"#\s*(?:include|include_next|import|embed)\s*(?:_next)?\s*[<\"]\s*(?:/|\.\.|[^>\"\n]*/\.\.)",
        "includes a file by its path",
    ),
    (r"\b__has_(?:include|embed)\s*\(\s*[<\"]\s*/", "asks for a file by its path"),
    (r"\.incbin\b|\.include\b", "makes the assembler read a file"),
    (
        r"#\s*pragma\s+(?:GCC|clang)\s+(?:plugin|pch_preprocess)|\b_Pragma\s*\(\s*\"GCC\s+pch",
        "loads something into the compiler",
    ),
)
_RUST = (
    (r"\binclude(?:_str|_bytes)?\s*!", "reads a file while it is compiled"),
    (r"\b(?:option_)?env\s*!", "reads the compiler's environment"),
    (r"#\s*!?\s*\[\s*path\b", "includes a file by its path"),
    (r"#\s*!?\s*\[\s*(?:no_main|link_section|link_args|plugin)\b", "replaces the program's start"),
)
_GO = (
    (r"^//go:(?:embed|generate|linkname|cgo_\w+)\b", "asks for more than a compiler"),
    (r"^\s*import\s+\"C\"|^\s*\(?\s*\"C\"\s*$", "uses cgo"),
)
_SIGNS = {
    language: tuple((re.compile(pattern, re.MULTILINE), reason) for pattern, reason in signs)
    for language, signs in (("c", _C), ("cpp", _C), ("rust", _RUST), ("go", _GO))
}


def reads_files(code: str, language: str) -> str | None:
    """Return what a program tries, None if it tries nothing of the kind."""
    text = {"go": lambda: code, "rust": lambda: masked(code, language)}.get(
        language, lambda: uncommented(code, language)
    )()
    return next((reason for pattern, reason in _SIGNS[language] if pattern.search(text)), None)
