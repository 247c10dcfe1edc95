"""Fenced blocks of an answer: found by a CommonMark parser, mended where models write no CommonMark.

What models get wrong: a fence behind prose or code on one line, a fence deeper than its text, one that
is never closed, one that a string or comment of the program contains, the language as the first line.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt

from halo_raft.extract.bodies import compiles
from halo_raft.extract.languages import ALIASES, FAMILY, OTHER
from halo_raft.extract.trees import PARSED_CHARS, parsed

LIST_LINES = 500
"""With more lines that may begin a list item, lists are not looked at: they are what parsing takes longest for."""
LINE_CHARS = 300
"""Characters of a line that decide what kind of line it is."""
MAX_FENCES = 2_000
MAX_MENDS = 20

FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_INLINE_OPENING = re.compile(
    r"""(?:[A-Za-z:;,)!?_"']|\*\*|(?<!\d)\.)[ \t]*```[ \t]*([A-Za-z][\w+#]*)[ \t]*$""", re.MULTILINE
)
"""A fence behind prose; behind the mark of a list or quotation it is where it should be."""
_LIST_LINE = re.compile(r"^[ \t>]*(?:[-+*]|\d{1,9}[.)])[ \t]", re.MULTILINE)
_TAG = re.compile(r"[\s{.]*([A-Za-z0-9_+#.-]*)")
_CODE_IN_INFO = re.compile(r"[(=;]")
_CODE_BEHIND_TAG = re.compile(
    r"^\w[\w+#]*[ \t]+((?:async[ \t]+def|def|class|from|import|@|#[ \t]*include|using|fn|pub|use|func|package)\b.*"
    r"|#[ \t]*include.*|@\w.*)"
)
"""A first line of code behind the tag; what else stands there names the block."""


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, or a bare text: canonical tag (`""` without one) and content."""

    tag: str
    code: str


def blocks_of(text: str, language: str) -> tuple[list[Block], str]:
    """Return the fenced blocks, in order, and the text outside of them.

    Args:
        text: An answer, or what is left of it.
        language: Canonical language of the program that is looked for.
    """
    if "```" not in text and "~~~" not in text:
        return [], text
    blocks: list[Block] = []
    outside: list[str] = []
    for _ in range(MAX_MENDS):
        found = _parsed(fences_on_lines(text))
        rest = None
        for number, fence in enumerate(found.fences[:MAX_FENCES]):
            outside.append(fence.before)
            if fence.end is not None and _is_cut(fence.content, language):
                whole, rest = _through_string(fence.content, "\n".join(found.lines[fence.end :]), language)
                if rest is not None:
                    blocks += _parts(fence.info, whole, language)
                    break
            blocks += _parts(fence.info, fence.content, language)
            if number + 1 == MAX_FENCES:
                break
        if rest is None:
            return blocks, "".join([*outside, found.tail])
        text = rest
    return blocks, "".join(outside)


@dataclasses.dataclass(frozen=True, slots=True)
class _Fence:
    """A fence as it was found.

    Attributes:
        before: The text between the block before and this one.
        info: What stands behind the opening marks.
        content: What stands between the marks.
        end: Number of the first line behind it; None where the block is in a list or quotation.
    """

    before: str
    info: str
    content: str
    end: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """All fences of a text.

    Attributes:
        fences: In order.
        tail: The text behind the last one.
        lines: The lines of the text.
    """

    fences: Sequence[_Fence]
    tail: str
    lines: Sequence[str] = ()


@functools.cache
def _parser(lists: bool) -> MarkdownIt:
    off = ["inline", "text_join", "reference", "html_block", "heading", "lheading", "hr"]
    return MarkdownIt("commonmark").disable(off if lists else [*off, "list"], ignoreInvalid=True)


def _parsed(text: str) -> _Found:
    if found := _alone(text):
        return found
    if len(text) > PARSED_CHARS:
        return _scanned(text)
    lists = sum(1 for _ in _LIST_LINE.finditer(text)) <= LIST_LINES
    lines = text.split("\n")
    fences: list[_Fence] = []
    position = 0
    for token in _parser(lists).parse(text):
        if token.map is None or token.map[0] < position:
            continue
        start, end = token.map
        if token.type == "fence":
            before = "\n".join([*lines[position:start], ""])
            on_top = token.level == 0 and end < len(lines)
            fences.append(_Fence(before, token.info.strip(), token.content, end if on_top else None))
            position = end
    return _Found(fences, "\n".join(lines[position:]), lines)


def _alone(text: str) -> _Found | None:
    """Return the block of a text with two marks of a fence, both at the margin: most answers need no parser."""
    if text.count("```") != 2 or "~~~" in text or "\r" in text or "\0" in text:
        return None
    marks = [*FENCE.finditer(text)]
    if len(marks) != 2 or any(mark[1] or mark[2] != "```" for mark in marks):
        return None
    opening, closing = marks
    if "`" in opening[3] or closing[3].strip(" \t"):
        return None
    end = text.count("\n", 0, closing.start()) + 1 if closing.end() < len(text) else None
    content = text[opening.end() + 1 : closing.start()]
    fence = _Fence(text[: opening.start()], opening[3].strip(), content, end)
    return _Found([fence], text[closing.end() + 1 :], text.split("\n"))


def _scanned(text: str) -> _Found:
    """Find fences line by line, as CommonMark has them outside of lists and quotations."""
    fences: list[_Fence] = []
    position, opening = 0, None
    for count, mark in enumerate(FENCE.finditer(text)):
        if count == MAX_FENCES:
            break
        if opening is None:
            opening = mark
        elif mark[2].startswith(opening[2]) and not mark[3].strip() and len(mark[1].expandtabs()) < 4:
            content = text[opening.end() + 1 : mark.start()]
            fences.append(_Fence(text[position : opening.start()], opening[3].strip(), content, None))
            position, opening = mark.end() + 1, None
    if opening is None:
        return _Found(fences, text[position:])
    fences.append(_Fence(text[position : opening.start()], opening[3].strip(), text[opening.end() + 1 :], None))
    return _Found(fences, "")


def fences_on_lines(text: str) -> str:
    """Give a first fence that stands behind prose a line of its own, and take deep ones to the margin."""
    if "~~~" not in text and text.count("```") == text.count("\n```") + text.startswith("```"):
        return text  # all are at the margin, as in most answers
    inline = _INLINE_OPENING.search(text)
    if inline and inline.group(1).lower() in ALIASES:
        fence = text.rfind("`", 0, inline.start(1)) - 2
        first = FENCE.search(text)
        if first is None or first.start() > fence:
            text = f"{text[:fence]}\n{text[fence:]}"
    return _with_deep_fences_flat(text)


def _with_deep_fences_flat(text: str) -> str:
    """Outdent blocks whose fences are indented so far that CommonMark takes them for code."""
    parts: list[str] = []
    position, opening = 0, None
    for count, mark in enumerate(FENCE.finditer(text)):
        if count == MAX_FENCES:
            break
        if opening is None:
            opening = mark
            continue
        deep = len(opening[1].expandtabs()) > 3
        closes = mark[2][0] == opening[2][0] and not mark[3].strip()
        if not closes or (mark[1] != opening[1] if deep else len(mark[1].expandtabs()) > 3):
            continue
        lines = text[opening.start() : mark.end()].split("\n")
        if deep and all(line.startswith(opening[1]) or not line.strip() for line in lines):
            flat = "\n".join(line.removeprefix(opening[1]) for line in lines)
            parts.append(f"{text[position : opening.start()]}\n{flat}")
            position = mark.end()
        opening = None
    if opening is not None and len(opening[1].expandtabs()) > 3:
        rest = text[opening.start() :].split("\n")
        parts.append(text[position : opening.start()] + "\n")
        parts.append("\n".join(line.removeprefix(opening[1]) for line in rest))
        return "".join(parts)
    return "".join([*parts, text[position:]])


def _is_cut(code: str, language: str) -> bool:
    """Return whether code ends within a string of several lines, or a comment."""
    if language != "python":
        return code.rfind("/*") > code.rfind("*/")
    if ('"""' not in code and "'''" not in code) or len(code) > PARSED_CHARS:
        return False
    if parsed(code) is not None:
        return False
    try:
        compile(code, "<block>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return str(error.msg).startswith("unterminated triple-quoted string")
    except (ValueError, RecursionError, MemoryError):
        pass
    return False


def _through_string(content: str, after: str, language: str) -> tuple[str, str | None]:
    """Go on to the fence at which a string or comment is closed; return the block, and what follows it."""
    text = f"{content}```\n{after}"
    for count, mark in enumerate(FENCE.finditer(text, len(content) + 1)):
        if count == MAX_MENDS:
            break
        whole = text[: mark.start()]
        if ALIASES.get(_tag(mark[3])) is None and not _is_cut(whole, language):
            return whole, text[mark.end() + 1 :]
    return (text, "") if language == "python" and compiles(text) else (content, None)


def _parts(info: str, content: str, language: str) -> Iterator[Block]:
    """Yield the block, or the blocks that a forgotten closing fence, or one with text behind it, made one."""
    position = inside = 0
    closed = False
    for count, mark in enumerate(FENCE.finditer(content)):
        new = mark[3].strip()
        if count == MAX_FENCES or inside == MAX_MENDS:
            break
        closes = ALIASES.get(_tag(new)) is None
        if len(mark[1].expandtabs()) > 3 or (closes and not mark[3].strip(" \t")):
            continue
        if not closed and _is_cut(content[position : mark.start()], language):
            inside += 1
            continue
        if not closed:
            yield _block(info, content[position : mark.start()], language)
        info, position, closed = new, mark.end() + 1, closes
    if not closed:
        yield _block(info, content[position:], language)


def _tag(info: str) -> str:
    match = _TAG.match(info[:LINE_CHARS])
    return match.group(1).lower() if match else ""


def _block(info: str, content: str, language: str) -> Block:
    """Build a block from what stands behind its opening marks, and between them."""
    tag = ALIASES.get(_tag(info))
    if tag and (code := _CODE_BEHIND_TAG.search(info[:LINE_CHARS])):
        content = f"{code[1]}{info[LINE_CHARS:]}\n{content}"
    elif tag is None and _CODE_IN_INFO.search(info[:LINE_CHARS]) and not info.startswith("{"):
        content = f"{info}\n{content}"
        tag = ""
    elif tag is None:
        tag = OTHER if _tag(info) else ""
    first, _, rest = content.lstrip("\n").partition("\n")
    word = ALIASES.get(first.strip().lower())
    if word and tag in ("", word, *FAMILY.get(word, ())) and rest.strip():
        tag, content = word, rest
    return Block(tag, _cut_at_trailing_fence(content, language))


def _cut_at_trailing_fence(code: str, language: str) -> str:
    """End a block where a line ends with the fence that should have stood on its own line."""
    if "```" not in code and "~~~" not in code:
        return code
    for count, mark in enumerate(re.finditer(r"(?<=[^\s`])[ \t]*(?:```|~~~)[ \t]*$", code, re.MULTILINE)):
        if count == MAX_MENDS:
            break
        if not _is_cut(code[: mark.start()], language):
            return code[: mark.start()]
    return code
