"""The language of an answer, where its task does not say it: carried in the first line of the code.

A verifier is given code and task; the tag of the fence, which `extract` sees, would be lost. The line has
a secret of this process, because the code after it is a candidate's: one that could write such a line
could choose a compiler that its task has not.
"""

from __future__ import annotations

import functools
import secrets
import shutil

NATIVE = ("c", "cpp", "rust", "go")
COMPILERS = {"c": ("gcc", "clang"), "cpp": ("g++", "clang++"), "rust": ("rustc",), "go": ("go",)}


@functools.cache
def _mark() -> str:
    return f"// halo-raft {secrets.token_hex(8)}: "


def mark(code: str, language: str) -> str:
    """Return the code with a first line that says its language, if this machine has a compiler for it.

    Where it has none the answer is judged as what its task usually takes: it chose a language that nobody offered.
    """
    offered = any(map(shutil.which, COMPILERS[language]))
    return f"{_mark()}{language}\n{code}" if offered else code


def unmark(code: str, default: str) -> tuple[str, str]:
    """Return language and code; the language is `default` where no line of `mark` says it."""
    first, _, rest = code.partition("\n")
    return (first.removeprefix(_mark()), rest) if first.startswith(_mark()) else (default, code)
