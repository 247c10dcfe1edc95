"""Answers to learn -> files of token ids, in the tokens that the engines use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halo_raft import prompts
from halo_raft.errors import DataError
from halo_raft.records import stable_hash
from halo_raft.train.rows import Turn


@dataclass(frozen=True, slots=True)
class Encoded:
    """What was written.

    Attributes:
        examples: Examples in the file.
        skipped_too_long: Answers left out for their length.
    """

    examples: int
    skipped_too_long: int


def write_examples(
    turns: Iterable[tuple[str, Turn]],
    tokenizer: Any,
    path: Path,
    *,
    max_length: int,
    skip_too_long: bool,
    system_prompt: str | None,
) -> Encoded:
    """Write the file that `examples.load_examples` reads.

    Args:
        turns: Where each is from (file and line), and the answer with what came before it.
        tokenizer: The base model's.
        path: File to write.
        max_length: Longest example in tokens, EOS included.
        skip_too_long: Leave longer ones out instead of refusing them.
        system_prompt: Replaces the system prompt of the answer's language; an empty string sends none.

    Raises:
        DataError: An example is too long; names it. Or none is left.
    """
    written = skipped = 0
    with path.open("w", encoding="utf-8") as file:
        for where, turn in turns:
            prompt, answer = encode(turn, tokenizer, system_prompt)
            if len(prompt) + len(answer) + 1 > max_length:
                if not skip_too_long:
                    raise DataError(
                        f"{where}: has {len(prompt) + len(answer) + 1} tokens, more than data.max_seq_length "
                        f"{max_length}; raise it, or leave such rows out with data.skip_too_long=true"
                    )
                skipped += 1
                continue
            row = {"task_id": _task_id(turn, where), "prompt_token_ids": prompt, "token_ids": answer}
            file.write(json.dumps(row) + "\n")
            written += 1
    if not written:
        raise DataError(f"nothing to train on: {skipped} rows were left out as too long")
    return Encoded(written, skipped)


def encode(turn: Turn, tokenizer: Any, system_prompt: str | None) -> tuple[list[int], list[int]]:
    """Return prompt and answer as token ids; the EOS that ends the answer is added when examples are loaded.

    A plain text has its beginning-of-sequence token as prompt, or where there is none its first token. One
    that is a rendered chat begins and ends with these tokens already; white space after the last is left out.
    """
    if not turn.messages:
        eos, text = tokenizer.eos_token, turn.answer
        text = text.rstrip() if eos and text.rstrip().endswith(eos) else text
        ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        start = tokenizer.bos_token_id
        return ([start], ids) if start is not None and ids[:1] != [start] else (ids[:1], ids[1:])
    answer: list[int] = tokenizer(turn.answer, add_special_tokens=False)["input_ids"]
    return prompts.token_ids(_with_system(turn, system_prompt), tokenizer), answer


def _task_id(turn: Turn, where: str) -> str:
    """Return what the answer belongs to: chats that begin with the same question are one task."""
    first = next((message["content"] for message in turn.messages if message["role"] == "user"), None)
    return where if first is None else stable_hash(first)


def _with_system(turn: Turn, system_prompt: str | None) -> Sequence[dict[str, str]]:
    """Return the chat with the system prompt that RAFT would send, unless it is a whole chat already."""
    content = prompts.system_prompt(turn.language) if system_prompt is None else system_prompt
    if turn.complete or not content:
        return turn.messages
    return ({"role": "system", "content": content}, *turn.messages)
