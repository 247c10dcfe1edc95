"""The source text of a program, with its language beside it."""

from __future__ import annotations

from typing import Self


class Source(str):
    """A program as text. Its language is no part of the text: nothing that a program says can change it.

    Attributes:
        language: Canonical name of the language; empty where nobody said.
    """

    __slots__ = ("language",)
    language: str

    def __new__(cls, text: str, language: str = "") -> Self:
        """Return `text` with its language."""
        source = super().__new__(cls, text)
        source.language = language
        return source

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        return type(self), (str(self), self.language)


def language_of(code: str, default: str) -> str:
    """Return the language of a program; `default` where it is plain text."""
    return getattr(code, "language", "") or default
