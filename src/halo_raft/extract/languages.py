"""Names of languages: in fences, in rows of data sets, on the command line. The one table of them."""

from __future__ import annotations

SHELL, OTHER = "shell", "other"
_TAGS = {
    "python": "python python2 python3 py py3 cpython pypy pypy3 ipython sage",
    "c": "c h c99 c11 c17 gcc",
    "cpp": "cpp c++ cc cxx hpp c++11 c++14 c++17 c++20 c++23 cpp11 cpp14 cpp17 cpp20 cplusplus g++",
    "rust": "rust rs",
    "go": "go golang go_test.go",
    SHELL: "shell bash sh zsh fish console terminal powershell ps1 cmd bat shell-session",
    OTHER: "text txt plaintext plain output json yaml toml xml html css markdown md java javascript js typescript ts "
    "ruby rb php sql kotlin swift csharp c# cs scala haskell hs lua perl r julia matlab diff makefile cmake",
}
ALIASES: dict[str, str] = {alias: tag for tag, aliases in _TAGS.items() for alias in aliases.split()}
"""Any name of a language, lower case -> the one that we use."""

FAMILY = {"c": ("c", "cpp"), "cpp": ("cpp", "c")}
"""Languages whose fences models take for one another."""

NATIVE = ("c", "cpp", "rust", "go")
"""Languages that are compiled."""


def canonical(name: str) -> str:
    """Return our name of a language; an unknown one stays as it is, lower case."""
    name = name.strip().lower()
    tag = ALIASES.get(name, name)
    return name if tag in (SHELL, OTHER) else tag
