"""Rows of supervised fine-tuning data -> chats or texts. Pure: no tokenizer, no files.

A row is `messages`, `instruction` (with or without `input`) and `output`, `prompt` and `completion`,
`response` or `solution`, or `text`. A row that is none of these is an error that names it: a data file
with a mistake in it should not train quietly on what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from halo_raft.errors import DataError

ANSWERS = ("completion", "response", "solution")
"""Keys that may stand beside `prompt`, in the order in which they are looked for."""
FORMS = "messages, instruction + output, prompt + completion (or response, solution), or text"
ROLES = ("system", "user", "assistant", "tool")

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer to learn, and what came before it.

    Attributes:
        messages: The chat so far, as `{"role", "content"}`; empty for plain text.
        answer: What follows, to its end.
        language: Language of the answer where the row names one.
        complete: Whether `messages` is a whole chat of the user's own, which no system prompt is added to.
    """

    messages: tuple[Message, ...]
    answer: str
    language: str = "python"
    complete: bool = False


def parse_row(row: Mapping[str, Any], where: str) -> list[Turn]:
    """Return the answers to learn from one row: one, or each of a chat's assistant messages.

    Args:
        row: The JSON object.
        where: File and line, for messages.

    Raises:
        DataError: The row has none of the forms, or a part of it is no text or is blank.
    """
    if "messages" in row:
        return _chat(row["messages"], where)
    language = str(row.get("language") or "python").lower()
    if "instruction" in row and "output" in row:
        question, extra = _text(row, "instruction", where), row.get("input") or ""
        if not isinstance(extra, str):
            raise DataError(f"{where}: input must be text, not {type(extra).__name__}")
        question = f"{question}\n\n{extra}" if extra.strip() else question
        return [_turn(question, _text(row, "output", where), language)]
    answer = next((key for key in ANSWERS if row.get(key) is not None), None)
    if "prompt" in row and answer is not None:
        return [_turn(_text(row, "prompt", where), _text(row, answer, where), language)]
    if "text" in row and isinstance(row.get("code"), str):  # a task in the hub's MBPP form
        return [_turn(_text(row, "text", where), _text(row, "code", where), language)]
    if "text" in row:
        return [Turn((), _text(row, "text", where))]
    has = ", ".join(map(str, row)) or "nothing"
    raise DataError(f"{where}: has {has}; a row needs {FORMS}")


def _turn(question: str, answer: str, language: str) -> Turn:
    return Turn(({"role": "user", "content": question},), answer, language)


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row[key]
    if not isinstance(value, str):
        raise DataError(f"{where}: {key} must be text, not {type(value).__name__}")
    if not value.strip():
        raise DataError(f"{where}: {key} is blank")
    return value


def _chat(messages: Any, where: str) -> list[Turn]:
    """Return a turn for each assistant message, with all that came before it."""
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        raise DataError(f"{where}: messages must be a list")
    chat: list[Message] = []
    turns = []
    for number, message in enumerate(messages, start=1):
        role = message.get("role") if isinstance(message, Mapping) else None
        if role not in ROLES:
            raise DataError(f"{where}: message {number} needs a role ({', '.join(ROLES)}) and content")
        content = _text(message, "content", f"{where}: message {number}") if "content" in message else None
        if content is None:
            raise DataError(f"{where}: message {number} has no content")
        if role == "assistant":
            if not chat:
                raise DataError(f"{where}: message {number} is an answer with no question before it")
            turns.append(Turn(tuple(chat), content, complete=True))
        chat.append({"role": role, "content": content})
    if not turns:
        raise DataError(f"{where}: messages has no assistant message to learn from")
    return turns
