"""What of a completion is its answer: no reasoning, nothing behind its end, no marks of a chat.

Reasoning ends at the last closing mark, whoever opened it: the model, or the chat template before it.
A mark inside a string or a code span is text, not a mark.
"""

from __future__ import annotations

import bisect
import re
from collections import deque
from collections.abc import Iterator

_OPENED = re.compile(
    r"^[ \t]*(?:<(?:think|thinking|thought|reasoning|reflection|analysis|scratchpad|seed:think)>|"
    r"<\|begin_of_thought\|>|\[THINK\]|◁think▷|<\uff5cbegin▁of▁thinking\uff5c>)",
    re.MULTILINE | re.IGNORECASE,
)
_CLOSED = re.compile(
    r"</(?:think|thinking|thought|reasoning|reflection|analysis|scratchpad|seed:think)>|"
    r"<\|end_of_thought\|>|\[/THINK\]|◁/think▷|<\uff5cend▁of▁thinking\uff5c>",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"^[ \t]*(?:<(?P<tag>answer|solution|response|final_answer|final)>|<\|begin_of_(?P<mark>solution|answer)\|>)",
    re.MULTILINE | re.IGNORECASE,
)
_CHANNEL = re.compile(r"<\|channel\|>[ \t]*(\w+)[^<\n]{0,80}<\|message\|>")
"""A channel of the harmony form: `analysis` is reasoning, `final` is the answer."""

_LEADING = re.compile(
    r"\s*(?:(?:<\|[\w.-]{1,40}\|>|<\uff5c[^\s\uff5c]{1,40}\uff5c>|<s>|<bos>|<start_of_turn>|\[INST\][^\[]{0,20000}(?=\[/INST\])|\[/?INST\])"
    r"(?:[ \t]*(?:assistant|model|gpt|ai)\b[ \t]*)?\s*)+",
)
_TOKEN = re.compile(
    r"<\|[\w.\u2581-]{1,40}\|>|<\uff5c[^\s\uff5c]{1,40}\uff5c>|</s>|\[/?INST\]|<(?:end|start)_of_turn>|"
    r"<(?:file_sep|repo_name|reponame|gh_stars|fim_\w{1,10}|jupyter_\w{1,16}|issue_\w{1,10}|commit_\w{1,10}|empty_output)>|"
    r"<EOT>|\u2581<EOT>|<\|?endoftext\|?>|<(?:eos|eop|pad|unk|bos)>[ \t]*$",
    re.MULTILINE,
)
_FENCE = re.compile(r"^[ \t]{0,3}(?:```|~~~)", re.MULTILINE)
_INVISIBLE = re.compile("^([ \t>]*)[\ufeff\u200b-\u200d\u2060]+", re.MULTILINE)
_SPACES = re.compile("^[ \t>]*\u00a0[ \t\u00a0]*", re.MULTILINE)
"""An indentation that was copied from a page."""
_SEPARATORS = "\u2028\u2029\x85"
"""Ends of lines to Unicode, but neither to Markdown nor to Python."""
_BEFORE_FENCE = re.compile(rf"[{_SEPARATORS}](?=[ \t]*(?:```|~~~))")
_BEHIND_FENCE = re.compile(rf"(^[ \t>]*(?:`{{3,}}|~~~)[\w+#.-]{{0,20}}[ \t]*)[{_SEPARATORS}]\n?", re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")
MAX_MARKS = 2_000
"""Marks of one kind that are looked at."""


def answer_of(completion: str) -> str:
    """Return the answer in a completion, empty where there is none but reasoning.

    NUL characters are dropped and lone surrogates replaced by U+FFFD, since neither can stand in a source
    file; byte order marks at the beginning of lines are dropped; line ends become newlines.
    """
    text = _SURROGATE.sub("\ufffd", completion.replace("\x00", "")).replace("\r\n", "\n").replace("\r", "\n")
    if "\n" not in text:
        text = re.sub(f"[{_SEPARATORS}]", "\n", text)
    text = _BEHIND_FENCE.sub(r"\1\n", _BEFORE_FENCE.sub("\n", text))
    text = _INVISIBLE.sub(r"\1", text)
    text = _SPACES.sub(lambda indent: indent[0].replace("\u00a0", " "), text)
    text = _before_special_token(_without_leading_marks(_tagged(_without_reasoning(text))))
    return text


def _without_reasoning(text: str) -> str:
    channels = deque(_CHANNEL.finditer(text), MAX_MARKS)
    if channels:
        final = next((c for c in reversed(channels) if c.group(1) == "final"), None)
        return text[final.end() :] if final else ""
    if text.lstrip().startswith("analysis") and "assistantfinal" in text:
        return text.rpartition("assistantfinal")[2]  # the same form, decoded without its special tokens
    closed = [mark for mark in deque(_CLOSED.finditer(text), MAX_MARKS) if not _quoted(text, mark)]
    if closed:
        text = text[closed[-1].end() :]
    opened = next(_outside_fences(text, _OPENED), None)
    return text[: opened.start()] if opened else text  # never closed: the rest is reasoning that was cut off


def _tagged(text: str) -> str:
    """Return what stands between the last tags that name the answer; all of it where there are none."""
    opened = next(iter(deque(_outside_fences(text, _ANSWER), 1)), None)
    if opened is None:
        return text
    name = opened.group("tag")
    closing = f"</{name}>" if name else f"<|end_of_{opened.group('mark')}|>"
    inside = text[opened.end() :]
    end = inside.lower().rfind(closing.lower())
    inside = inside if end < 0 else inside[:end]
    return inside if inside.strip() else text


def _without_leading_marks(text: str) -> str:
    leading = _LEADING.match(text)
    return text[leading.end() :] if leading else text


def _before_special_token(text: str) -> str:
    """End the text at the first token that only a tokenizer writes."""
    for count, token in enumerate(_TOKEN.finditer(text)):
        if count == MAX_MARKS:
            break
        if not _quoted(text, token):
            return text[: token.start()]
    return text


def _outside_fences(text: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Yield the matches where no fence is open, as far as counting tells."""
    fences: list[int] | None = None
    for mark in pattern.finditer(text):
        fences = [fence.start() for fence in _FENCE.finditer(text)] if fences is None else fences
        if bisect.bisect(fences, mark.start()) % 2 == 0:
            yield mark


def _quoted(text: str, mark: re.Match[str]) -> bool:
    """Return whether a mark stands within quotes, or single backticks, on its line."""
    start = max(text.rfind("\n", 0, mark.start()) + 1, mark.start() - 500)
    stop = text.find("\n", mark.end())
    rest = text[mark.end() : mark.end() + 500 if stop < 0 else min(stop, mark.end() + 500)]
    quote, skip = "", False
    for letter in text[start : mark.start()].replace("```", ""):
        if skip:
            skip = False
        elif letter == "\\":
            skip = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'`":
            quote = letter
    return bool(quote) and quote in rest.replace("```", "")
