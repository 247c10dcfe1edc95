"""Code that an answer marks by tags and not by fences: `<pre><code>` of HTML, with its entities, and `[code]`."""

from __future__ import annotations

import html
import re

from halo_raft.extract.bare import begins
from halo_raft.extract.bodies import compiles
from halo_raft.extract.fences import FENCE, MAX_MENDS, Block
from halo_raft.extract.languages import ALIASES
from halo_raft.extract.trees import PARSED_CHARS

MAX_MARKS = 50

_OPENING = re.compile(
    r"<(?P<tag>pre|code)\b(?P<said>[^>\n]{0,200})>(?:\s{0,20}<code\b(?P<more>[^>\n]{0,200})>)?(?:<!\[CDATA\[)?"
    r"|\[(?P<bb>code)\b(?P<how>[^\]\n]{0,80})\]",
    re.IGNORECASE,
)
_CLOSING = {
    "pre": re.compile(r"(?:</code>\s{0,20})?</pre>", re.IGNORECASE),
    "code": re.compile(r"</code>", re.IGNORECASE),
    "[code": re.compile(r"\[/code\]", re.IGNORECASE),
}
_LANGUAGE = re.compile(r"(?:lang(?:uage)?[-=\"']{1,3}|=[\"']?|^[ \t]+)([A-Za-z][\w+#]*)")
_RAW = re.compile(r"<|&(?!(?:#\d{1,6}|#x[0-9a-f]{1,6}|[a-z]{2,8});)", re.IGNORECASE)
"""What stands in no text that is written as HTML wants it."""


def marked_blocks(text: str, language: str) -> tuple[list[Block], str]:
    """Return the code between tags, in order, and the text without it.

    Nothing is taken where code, or a fence, stands before the first tag: then it may be the program's own.

    Args:
        text: An answer.
        language: Canonical language of the program that is looked for.
    """
    first = _OPENING.search(text)
    if first is None or FENCE.search(text, 0, first.start()) or begins(text[: first.start()], language):
        return [], text
    blocks: list[Block] = []
    rest: list[str] = []
    position = kept = 0
    for _ in range(MAX_MARKS):
        opening = _OPENING.search(text, position)
        if opening is None:
            break
        kind = "[code" if opening["bb"] else opening["tag"].lower()
        code, position = _content(text, opening.end(), kind, language)
        if begins(code, language, at_once=True):
            said = _LANGUAGE.search(opening["more"] or opening["said"] or opening["how"] or "")
            blocks.append(Block(ALIASES.get(said[1].lower(), "") if said else "", code))
            rest.append(text[kept : opening.start()])
            kept = position
    return blocks, "".join([*rest, text[kept:]])


def _content(text: str, start: int, kind: str, language: str) -> tuple[str, int]:
    """Return what stands up to the closing tag, and where that ends; a string of the program's may have one, too."""
    found: tuple[str, int] | None = None
    for count, closing in enumerate(_CLOSING[kind].finditer(text, start)):
        if count == MAX_MENDS:
            break
        raw = text[start : closing.start()].strip("\n").removesuffix("]]>")
        code = raw if kind == "[code" or _RAW.search(raw) else html.unescape(raw.replace("&nbsp;", " "))
        found = found or (code, closing.end())
        if language != "python" or len(code) > PARSED_CHARS or compiles(code):
            return code, closing.end()
    return found or (text[start:], len(text))
