"""Every form of SFT row, and the line that says why a row is none of them."""

from __future__ import annotations

import pytest

from halo_raft.errors import DataError
from halo_raft.train.rows import Turn, parse_row

QUESTION = ({"role": "user", "content": "Q"},)


@pytest.mark.parametrize(
    ("row", "turn"),
    [
        ({"text": "all of it"}, Turn((), "all of it")),
        ({"prompt": "Q", "completion": "A"}, Turn(QUESTION, "A")),
        ({"prompt": "Q", "response": "A"}, Turn(QUESTION, "A")),
        ({"prompt": "Q", "solution": "A", "language": "Rust"}, Turn(QUESTION, "A", "rust")),
        ({"text": "Q", "code": "A"}, Turn(QUESTION, "A")),
        ({"instruction": "Q", "output": "A"}, Turn(QUESTION, "A")),
        ({"instruction": "Q", "input": "", "output": "A", "prompt": "rendered"}, Turn(QUESTION, "A")),
        (
            {"instruction": "Q", "input": "with this", "output": "A"},
            Turn(({"role": "user", "content": "Q\n\nwith this"},), "A"),
        ),
    ],
)
def test_forms(row: dict[str, str], turn: Turn) -> None:
    assert parse_row(row, "f:1") == [turn]


def test_each_answer_of_a_chat_is_learned_after_all_before_it() -> None:
    chat = [("system", "S"), ("user", "Q"), ("assistant", "A"), ("user", "R"), ("assistant", "B")]
    messages = [{"role": role, "content": content} for role, content in chat]
    first, second = parse_row({"messages": messages}, "f:1")
    assert (first.messages, first.answer) == (tuple(messages[:2]), "A")
    assert (second.messages, second.answer) == (tuple(messages[:4]), "B")
    assert first.complete and second.complete


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "Q"}, r"f:1: has prompt; a row needs messages, instruction \+ output"),
        ({}, "f:1: has nothing; a row needs"),
        ({"prompt": "Q", "completion": " "}, "f:1: completion is blank"),
        ({"prompt": 3, "completion": "A"}, "f:1: prompt must be text, not int"),
        ({"instruction": "Q", "input": 3, "output": "A"}, "f:1: input must be text, not int"),
        ({"messages": "hello"}, "f:1: messages must be a list"),
        ({"messages": [{"role": "user", "content": "Q"}]}, "f:1: messages has no assistant message"),
        ({"messages": [{"role": "assistant", "content": "A"}]}, "f:1: message 1 is an answer with no question"),
        ({"messages": [{"role": "robot", "content": "Q"}]}, "f:1: message 1 needs a role"),
        ({"messages": ["Q"]}, "f:1: message 1 needs a role"),
        ({"messages": [{"role": "user"}]}, "f:1: message 1 has no content"),
        ({"messages": [{"role": "user", "content": ""}]}, "f:1: message 1: content is blank"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(row: dict[str, object], expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        parse_row(row, "f:1")
