"""Completion -> code: find the program in what a model wrote.

Covers fenced answers (any tag, unclosed, several), bare code between prose, and bodies that continue
the prompt's function. Does not parse or run anything: time is linear in the length of the text.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

MAX_LINES = 20_000
"""Fence lines, or unindented lines, that are looked at; a longer text is taken as it is from there on."""
LINE_CHARS = 300
"""Characters of a line that decide what kind of line it is."""

SHELL, OTHER = "shell", "other"
_TAGS = {
    "python": "python python2 python3 py py3 cpython ipython sage",
    "c": "c h c99 c11",
    "cpp": "cpp c++ cc cxx hpp c++11 c++14 c++17 c++20 cplusplus",
    "rust": "rust rs",
    "go": "go golang",
    SHELL: "shell bash sh zsh fish console terminal powershell ps1 cmd bat shell-session",
    OTHER: "text txt plaintext plain output json yaml toml xml html css markdown md java javascript js typescript ts "
    "ruby rb php sql kotlin swift csharp c# cs scala haskell hs lua perl r julia matlab diff makefile cmake",
}
ALIASES: dict[str, str] = {alias: tag for tag, aliases in _TAGS.items() for alias in aliases.split()}
FAMILY = {"c": ("c", "cpp"), "cpp": ("cpp", "c")}

_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_INLINE_OPENING = re.compile(r"[^\s`][ \t]*```[ \t]*([A-Za-z][\w+#]*)[ \t]*$", re.MULTILINE)
_TAG = re.compile(r"[\s{.]*([A-Za-z0-9_+#-]*)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNINDENTED = re.compile(r"^[^\s]", re.MULTILINE)

_PYTHON_START = re.compile(
    r"(?:async\s+)?def\s+\w+\s*[(\[]|class\s+\w+\s*[:(\[]|from\s+[.\w]+\s+import\b|"
    r"import\s+[\w.]+\s*(?:$|,|;|#|as\s)|@[\w.]+\s*(?:\(|$)|[A-Za-z_]\w*\s*=[^=]|if\s+__name__\s*=="
)
_PYTHON_LINE = re.compile(
    r"[#@)\]}\"']|(?:async|def|class|if|elif|else|for|while|with|try|except|finally|match|case)\b.*[:(\[{,\\]|"
    r"(?:from|import|return|raise|assert|del|global|yield|await|pass|break|continue)\b|print\s*\(|"
    r"[A-Za-z_][\w.]*(?:\[[^\]]*\])?\s*(?::[\w.\[\], |\"']+=|,[^=.]+=|(?:[-+*/%&|^<>@]{1,3})?=)|[A-Za-z_][\w.]*[(\[]"
)
_BRACED_START = re.compile(
    r"#\s*(?:include|define|pragma|if|ifdef|ifndef|!\[)|#\[|using\s+\w|namespace\b|template\s*<|package\s+\w+|import\s+[(\"]|"
    r"func\s*[\w(]|(?:pub(?:\([^)]*\))?\s+)?(?:fn|struct|enum|impl|trait|mod|use|const|static|type|unsafe|extern)\b\s*[\w<\"{]|"
    r"var\s+\w|type\s+\w|/[/*]|(?:(?:const|static|inline|constexpr|unsigned|signed|long|short|struct|extern|std::)\s*)*"
    r"[\w:<>,*&\[\]]+[\s*&]+[\w:~]+\s*(?:\(|=|;|\[|\{)"
)
_PROSE = re.compile(r"(?:\*\*|[-*>]\s|\d+[.)]\s|<\||[A-Z][\w'`\u2019-]*[ ,:](?!.*[;{}]\s*$)|\w+ \w+ \w+ \w+)")
_CHAT_MARK = re.compile(r"^[ \t]*(?:<\|[a-z_]+\|>|</s>|\[/?INST\])", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, or a bare text: canonical tag (`""` without one) and content."""

    tag: str
    code: str


def extract(completion: str, language: str = "python", entry_point: str | None = None) -> str:
    r"""Return the program in a completion.

    Of several fenced blocks it is the first that defines `entry_point`, else the longest in the right
    language, else the longest without a tag, never a shell block. Indentation is kept, so that a body
    still continues the prompt's function. NUL characters are dropped and lone surrogates replaced by
    U+FFFD, since neither can stand in a source file; line ends become `\n`.

    Args:
        completion: The text as the model wrote it.
        language: Language of the answer, canonical or an alias.
        entry_point: Function that the tests call, if they call one.
    """
    return find(completion, language, entry_point).code


def find(completion: str, language: str = "python", entry_point: str | None = None) -> Block:
    """Return the program in a completion as `extract` does, with the tag of its fence."""
    language = ALIASES.get(language.lower(), language.lower())
    text = _SURROGATE.sub("\ufffd", completion.replace("\x00", "")).replace("\r\n", "\n").replace("\r", "\n")
    blocks, outside = _split(_break_before_fence(text), language, entry_point)
    chosen = _choose(blocks, language, entry_point)
    code = chosen.code if chosen else _from_bare_text(outside, language, entry_point)
    return Block(chosen.tag if chosen else "", _trim_blank_lines(code))


def defines(code: str, name: str, language: str = "python") -> bool:
    """Return whether `code` defines `name` at top level, as far as its text tells."""
    word = re.escape(name)
    if language == "python":
        pattern = rf"^(?:(?:async[ \t]+)?def|class)[ \t]+{word}\b|^{word}[ \t]*(?::[^=\n]+)?=(?!=)"
    else:
        pattern = rf"^(?:.*[\s*&)>])?{word}[ \t]{{0,9}}(?:<[^\n]{{0,99}}>)?[ \t]{{0,9}}\("
    return re.search(pattern, code, re.MULTILINE) is not None


def _split(text: str, language: str, entry_point: str | None) -> tuple[list[Block], str]:
    """Return the fenced blocks and the text outside of them."""
    fences = list(_fences(text))
    blocks: list[Block] = []
    outside: list[str] = []
    position, opening = 0, None
    for index, fence in enumerate(fences):
        indent, mark, info = fence.group(1), fence.group(2), fence.group(3).strip()
        before = text[position : fence.start()]
        if opening is not None:
            if mark[0] != opening.group(2)[0] or len(indent.expandtabs()) > len(opening.group(1).expandtabs()) + 3:
                continue  # another kind of fence, or one inside a docstring
            if info and ALIASES.get(_tag(info)) is None and info[0].isalnum():
                continue
            blocks.append(_block(opening, before))
            opening = fence if info and ALIASES.get(_tag(info)) else None
        elif index == 0 and not info and _continues_prompt(before, language, entry_point):
            # The prompt had opened a fence: what comes first is code, and this fence closes it.
            blocks.append(Block("", before))
        elif "`" in info and info.endswith(mark):
            blocks.append(_one_line(info[: -len(mark)]))
        else:
            outside.append(before)
            opening = fence
        position = fence.end() + 1
    rest = text[position:]
    if opening is not None:
        blocks.append(_block(opening, _cut_at_trailing_fence(rest)))
    else:
        outside.append(rest)
    return blocks, "".join(outside)


def _break_before_fence(text: str) -> str:
    """Give a first fence that stands behind prose a line of its own."""
    inline = _INLINE_OPENING.search(text)
    if inline is None or inline.group(1).lower() not in ALIASES:
        return text
    fence = text.rfind("`", 0, inline.start(1)) - 2
    first = _FENCE.search(text)
    return text if first and first.start() < fence else f"{text[:fence]}\n{text[fence:]}"


def _fences(text: str) -> Iterator[re.Match[str]]:
    if "```" not in text and "~~~" not in text:
        return
    for count, match in enumerate(_FENCE.finditer(text)):
        if count == MAX_LINES:
            return
        yield match


def _tag(info: str) -> str:
    match = _TAG.match(info[:LINE_CHARS])
    return match.group(1).lower() if match else ""


def _block(opening: re.Match[str], content: str) -> Block:
    """Build a block from its opening fence; code on the fence line itself belongs to it."""
    info = opening.group(3).strip()
    tag = ALIASES.get(_tag(info))
    if tag is None and re.search(r"[(=;]", info[:LINE_CHARS]) and not info.startswith("{"):
        content = f"{info}\n{content}"
    indent = opening.group(1)
    if indent:
        content = "\n".join(line.removeprefix(indent) for line in content.split("\n"))
    unknown = OTHER if _tag(info) and not re.search(r"[(=;]", info[:LINE_CHARS]) else ""
    return Block(tag or unknown, content)


def _one_line(info: str) -> Block:
    """Build a block from a fence that opens and closes on one line."""
    first, _, rest = info.partition(" ")
    tag = ALIASES.get(first.lower())
    return Block(tag, rest) if tag else Block("", info)


def _cut_at_trailing_fence(code: str) -> str:
    """End an unclosed block where a line ends with the fence that should have stood on its own line."""
    head, mark, _ = code.partition("```\n")
    if mark or head.endswith("```"):
        return head.removesuffix("```")
    return code


def _choose(blocks: list[Block], language: str, entry_point: str | None) -> Block | None:
    usable = [block for block in blocks if block.tag != SHELL and block.code.strip()]
    right = [block for block in usable if block.tag == language]
    cousins = [block for block in usable if block.tag in FAMILY.get(language, ())]
    untagged = [block for block in usable if block.tag == ""]
    if entry_point:
        candidates = (block for block in usable if block.tag in ("", language, *FAMILY.get(language, ())))
        defining = next((block for block in candidates if defines(block.code, entry_point, language)), None)
        if defining:
            return defining
    for group in (right, cousins, untagged, usable):
        if group:
            return max(group, key=lambda block: len(block.code))
    return None


def _continues_prompt(text: str, language: str, entry_point: str | None) -> bool:
    """Return whether text before the first fence is code already, not an introduction to it."""
    if not text.strip():
        return False
    if entry_point and defines(text, entry_point, language):
        return True
    first = next(line for line in text.split("\n") if line.strip())
    return first.startswith(("    ", "\t")) or (first[0] == " " and first[1:2] == " ")


def _from_bare_text(text: str, language: str, entry_point: str | None) -> str:
    """Take the code out of a text without fences."""
    if mark := _CHAT_MARK.search(text):
        text = text[: mark.start()]
    text = _straighten_first_line(text.lstrip("\n"), language)
    if language == "python":
        return _bare_python(text, entry_point)
    start = _first_line(text, _BRACED_START)
    body_first = text[:1] in (" ", "\t") and not (entry_point and defines(text, entry_point, language))
    code = text if start is None or body_first else text[start:]
    return _without_closing_prose(code)


def _straighten_first_line(text: str, language: str) -> str:
    """Undo the lone space that a tokenizer leaves before the first word."""
    starts = _PYTHON_START if language == "python" else _BRACED_START
    if text[:1] == " " and text[1:2] not in (" ", "\t") and starts.match(text[1 : LINE_CHARS + 1]):
        return text[1:]
    return text


def _bare_python(text: str, entry_point: str | None) -> str:
    body_first = text[:1] in (" ", "\t")
    if body_first and not (entry_point and defines(text, entry_point)):
        return text
    start = _first_line(text, _PYTHON_START)
    if start is None:
        return text
    return text[start : _python_end(text, start)]


def _first_line(text: str, pattern: re.Pattern[str]) -> int | None:
    """Return where the first unindented line that matches begins."""
    for count, match in enumerate(_UNINDENTED.finditer(text)):
        if count == MAX_LINES:
            return None
        if pattern.match(_line(text, match.start())):
            return match.start()
    return None


def _line(text: str, start: int) -> str:
    return text[start : start + LINE_CHARS].partition("\n")[0]


def _python_end(text: str, start: int) -> int:
    """Return where prose begins after the code, at an unindented line outside of any long string."""
    quote, scanned = "", start
    for count, match in enumerate(_UNINDENTED.finditer(text, start)):
        if count == MAX_LINES:
            break
        quote = _open_quote(text, scanned, match.start(), quote)
        scanned = match.start()
        if not quote and not _PYTHON_LINE.match(_line(text, scanned)):
            return scanned
    return len(text)


def _open_quote(text: str, start: int, end: int, quote: str) -> str:
    """Return the triple quote that is open at `end`, given the one that is at `start`."""
    while start < end:
        if quote:
            found = text.find(quote, start, end)
            if found < 0:
                return quote
            start, quote = found + 3, ""
            continue
        double, single = text.find('"""', start, end), text.find("'''", start, end)
        found = min((place for place in (double, single) if place >= 0), default=-1)
        if found < 0:
            return ""
        start, quote = found + 3, text[found : found + 3]
    return quote


def _without_closing_prose(code: str) -> str:
    """Drop the unindented prose at the end of a program in braces."""
    end = len(code)
    for _ in range(MAX_LINES):
        start = code.rfind("\n", 0, max(0, end - 1)) + 1
        head = code[start : min(end, start + LINE_CHARS)]
        if start == 0 or (head.strip() and not _PROSE.match(head)):
            break
        end = start
    return code[:end]


def _trim_blank_lines(code: str) -> str:
    """Drop blank lines at both ends, keeping the first line's indentation."""
    code = code.rstrip()
    first = len(code) - len(code.lstrip())
    return code[code.rfind("\n", 0, first) + 1 :]
