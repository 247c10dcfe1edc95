"""The language of an answer, where its task does not say it: carried in the first line of the code.

A verifier is given code and task; the tag of the fence, which `extract` sees, would be lost.
"""

from __future__ import annotations

MARK = "// halo-raft: "
NATIVE = ("c", "cpp", "rust", "go")


def mark(code: str, language: str) -> str:
    """Return the code with a first line that says its language."""
    return f"{MARK}{language}\n{code}"


def unmark(code: str, default: str) -> tuple[str, str]:
    """Return language and code; the language is `default` where no line says it."""
    first, _, rest = code.partition("\n")
    language = first.removeprefix(MARK)
    return (language, rest) if first != language and language in (*NATIVE, "python") else (default, code)
