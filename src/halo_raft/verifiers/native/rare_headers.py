"""The headers of C++'s standard library that few programs need, and by which names one shows that it does.

A compiler instantiates again in every program what inline functions of a precompiled header use; a third
of a short program's compilation is for headers that it never mentions. The lean header leaves them out, for
programs that use none of the names which would then be missing: those are read off the library itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from halo_raft.verifiers.native.report_cc import CPP_HEADER
from halo_raft.verifiers.native.source_text import uncommented

GUARDS = {
    "_GLIBCXX_FILESYSTEM": "filesystem",
    "_GLIBCXX_FUTURE": "future",
    "_GLIBCXX_REGEX": "regex",
    "_GLIBCXX_RANDOM": "random",
    "_GLIBCXX_BITS_SPECFUN_H": "specfun",
    "_GLIBCXX_COMPLEX": "complex",
    "_GLIBCXX_CONDITION_VARIABLE": "condition_variable",
    "_GLIBCXX_THREAD": "thread",
    "_GLIBCXX_MUTEX": "mutex",
    "_GLIBCXX_SHARED_MUTEX": "shared_mutex",
    "_GLIBCXX_MEMORY_RESOURCE": "memory_resource",
    "_GLIBCXX_VALARRAY": "valarray",
    "_GLIBCXX_CODECVT": "codecvt",
    "_GLIBCXX_CHARCONV": "charconv",
}
"""Include guard of a rare header -> its name, by which a program may include it."""
LEAN_CPP_HEADER = "\n".join(
    [*(f"#define {guard} 1" for guard in GUARDS), CPP_HEADER, *(f"#undef {guard}" for guard in GUARDS), ""]
)
"""The header without them; a program can still include one."""
ALWAYS = frozenset([*GUARDS.values(), "pmr"])
"""Names that need them though others declare them: the containers of `pmr` are aliases."""
_TOKEN = re.compile(
    r'"(?:[^"\\\n]|\\.)*"(?:\s*[a-z]+\b(?=\())?|\'(?:[^\'\\\n]|\\.)*\'|^#define\s+(?P<macro>\w+).*$|^#.*$|'
    r"(?P<member>(?:::|\.|->)\s*)?(?P<word>[A-Za-z_]\w*)|\d[\w.']*|[{};()=]",
    re.MULTILINE,
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_UNSAID = re.compile(
    r"##|%:%:|\w\\\n\w|"  # names that are made of others, or lie on two lines
    r"\b\d+\.?(?:[eE][+-]?\d+)?i[fl]?\b|"  # imaginary numbers, which `<complex>` gives another type
    r"#\s*include\s*<(?!bits/|ext/|sys/)\w+/"  # headers that build on the standard's, as `<tr1/cmath>` does
)

Declared = tuple[tuple[str, ...], str]
"""The namespaces around a name, and the name."""


def rare_names(full: str, lean: str) -> frozenset[str]:
    """Return the names that a program could use of `full` and not of `lean`.

    What stands in a namespace with such a name needs no mention of its own: nobody gets there without that.

    Args:
        full: The header, preprocessed with `-dD`.
        lean: The lean header, likewise.
    """
    known = frozenset(_declared(lean))
    spaces = {around for around, _ in known if ALWAYS.isdisjoint(around) and not any(s[0] == "_" for s in around)}
    return ALWAYS | {name for around, name in frozenset(_declared(full)) - known if around in spaces}


def mentions(sources: Iterable[str], names: frozenset[str]) -> bool:
    """Return whether a source has one of the names, or could need them without having one that can be read off it."""
    texts = [uncommented(source, "cpp") for source in sources]
    return any(_UNSAID.search(text) or not names.isdisjoint(_WORD.findall(text)) for text in texts)


def _declared(text: str) -> Iterator[Declared]:
    """Yield what preprocessed text says outside of all bodies: names that it declares, and some that it only uses."""
    spaces: list[str] = []
    inside = 0
    words: list[str] = []
    for token in _TOKEN.finditer(text):
        if token["macro"]:
            yield (), token["macro"]
            continue
        piece = token.group()
        if inside:
            inside += (piece == "{") - (piece == "}")
        elif piece == "{":
            yield from _of(words, spaces)
            named = words[:1] == ["namespace"] and len(words) > 1
            if named or "namespace" in words[:2] or words[:1] == ["extern"] or {"enum", "class"} & {*words} == {"enum"}:
                spaces.append(words[1] if named else "")
            else:
                inside = 1
            words = []
        elif piece in (";", "}"):
            if not ({"class", "struct"} & {*words} and not {"(", "="} & {*words}):  # a class that is only announced
                yield from _of(words, spaces)
            if piece == "}":
                spaces.pop()
            words = []
        elif token["word"] or piece in ("(", "="):
            words.append("" if token["member"] else token["word"] or piece)


def _of(words: Iterable[str], spaces: Iterable[str]) -> Iterator[Declared]:
    around = tuple(space for space in spaces if space)
    return ((around, word) for word in words if word[:1].isalpha())  # the library's own names begin otherwise
