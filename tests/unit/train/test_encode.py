"""Answers become the tokens that the engines use, with the loss on the answer and its EOS alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from halo_raft.errors import DataError
from halo_raft.train.encode import encode, write_examples
from halo_raft.train.examples import load_examples
from halo_raft.train.rows import Turn

EOS = 2
QUESTION = ({"role": "user", "content": "w5 w6"},)


@pytest.fixture
def tokenizer(tiny_model: str):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


def test_labels_decode_to_exactly_the_answer_and_its_eos(tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    turns = [("f:1", Turn(QUESTION, "w7 w8")), ("f:2", Turn((), "w9 w10"))]
    written = write_examples(turns, tokenizer, path, max_length=20, skip_too_long=False, system_prompt="w4")
    assert (written.examples, written.skipped_too_long) == (2, 0)
    chat, text = load_examples([path], [EOS], max_length=20).examples
    assert tokenizer.decode(chat.completion_token_ids) == "w7 w8 <eos>"
    assert tokenizer.decode(text.completion_token_ids) == "w9 w10 <eos>"
    assert text.prompt_token_ids == (tokenizer.bos_token_id,)


def test_the_prompt_is_what_an_engine_would_send(tokenizer) -> None:
    from halo_raft import prompts
    from halo_raft.records import Task

    asked = prompts.token_ids(prompts.messages(Task(task_id="t", prompt="w5 w6")), tokenizer)
    assert encode(Turn(QUESTION, "w7"), tokenizer, None) == (asked, [7])


def test_a_whole_chat_gets_no_system_prompt_and_an_empty_one_sends_none(tokenizer) -> None:
    tokenizer.chat_template = None
    assert encode(Turn(QUESTION, "w7", complete=True), tokenizer, "w4") == encode(Turn(QUESTION, "w7"), tokenizer, "")
    assert encode(Turn(QUESTION, "w7"), tokenizer, "w4")[0][0] == 4


def test_a_row_that_is_too_long_is_refused_or_counted(tokenizer, tmp_path: Path) -> None:
    turns = [("f:1", Turn((), "w7 w8 w9")), ("f:2", Turn((), "w7"))]
    limits = {"max_length": 4, "system_prompt": None}
    with pytest.raises(DataError, match=r"f:1: has 5 tokens, more than data\.max_seq_length 4"):
        write_examples(turns, tokenizer, tmp_path / "a", skip_too_long=False, **limits)
    written = write_examples(turns, tokenizer, tmp_path / "b", skip_too_long=True, **limits)
    assert (written.examples, written.skipped_too_long) == (1, 1)
    with pytest.raises(DataError, match="nothing to train on: 1 rows"):
        write_examples(turns[:1], tokenizer, tmp_path / "c", skip_too_long=True, **limits)


@pytest.mark.parametrize("text", ["w7 w8", "<bos>w7 w8", "<bos>w7 w8 <eos>\n"])
def test_a_text_begins_and_ends_with_its_tokens_once(tokenizer, tmp_path: Path, text: str) -> None:
    path = tmp_path / "examples.jsonl"
    write_examples([("f:1", Turn((), text))], tokenizer, path, max_length=20, skip_too_long=False, system_prompt=None)
    (example,) = load_examples([path], [EOS], max_length=20).examples
    assert tokenizer.convert_ids_to_tokens(example.input_ids) == ["<bos>", "w7", "w8", "<eos>"]


@pytest.mark.parametrize("train_on", ["completion", "all"])
def test_texts_are_held_back_one_by_one_and_the_turns_of_a_chat_together(tokenizer, tmp_path: Path, train_on) -> None:
    path = tmp_path / "examples.jsonl"
    longer = (*QUESTION, {"role": "assistant", "content": "w7"}, {"role": "user", "content": "w8"})
    turns = [
        *((f"f:{n}", Turn((), f"w{4 + n}")) for n in range(10)),
        *(("f:11", Turn(chat, "w7")) for chat in (QUESTION, longer)),
    ]
    write_examples(turns, tokenizer, path, max_length=99, skip_too_long=False, system_prompt=None)
    *texts, first, second = load_examples([path], [EOS], 99, train_on).examples
    assert len({example.group for example in texts}) == 10
    assert first.group == second.group not in {example.group for example in texts}
