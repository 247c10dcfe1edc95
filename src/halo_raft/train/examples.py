"""Token ids that were generated and kept -> token ids and labels to train on.

Covers reading examples and placing the loss; does not tokenize, batch or pad. Training sees exactly
the ids that the engine was given and returned: text is never encoded a second time, because decoding
and encoding again may split it into other tokens than those that were sampled.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from halo_raft.errors import DataError
from halo_raft.records import stable_hash

IGNORE_INDEX = -100
"""Label of a token that carries no loss; PyTorch's and transformers' convention."""


@dataclass(frozen=True, slots=True)
class TrainExample:
    """One prompt with the completion to learn, as token ids of the base model's tokenizer.

    Attributes:
        group: What it answers: examples of one group are held back together, or not at all.
        weight: What each of its tokens counts in the loss.
    """

    prompt_token_ids: tuple[int, ...]
    completion_token_ids: tuple[int, ...]
    group: str = ""
    weight: float = 1.0

    @property
    def input_ids(self) -> list[int]:
        """Prompt and completion together."""
        return [*self.prompt_token_ids, *self.completion_token_ids]

    @property
    def labels(self) -> list[int]:
        """Labels of `input_ids`, not shifted: the completion's ids, `IGNORE_INDEX` on the prompt."""
        return [IGNORE_INDEX] * len(self.prompt_token_ids) + list(self.completion_token_ids)

    def __len__(self) -> int:
        """Length in tokens, prompt and completion together."""
        return len(self.prompt_token_ids) + len(self.completion_token_ids)


@dataclass(frozen=True, slots=True)
class ExampleSet:
    """What is trained on, and how many rows were left out for their length."""

    examples: tuple[TrainExample, ...]
    skipped_too_long: int

    @property
    def completion_tokens(self) -> int:
        """Tokens that carry loss in one epoch, the closing EOS of each example included."""
        return sum(len(example.completion_token_ids) for example in self.examples)

    @property
    def tokens(self) -> int:
        """Tokens of one epoch, prompts included and padding left out."""
        return sum(len(example) for example in self.examples)


def end_with_eos(token_ids: Sequence[int], eos_token_ids: Sequence[int]) -> tuple[int, ...]:
    """Return `token_ids` ending in exactly one end-of-sequence token.

    An engine returns the EOS that ended a completion, and nothing when a stop string ended it.

    Args:
        token_ids: A completion that was not truncated.
        eos_token_ids: Every id that ends a completion; the first one is appended where none does yet.
    """
    end = len(token_ids)
    while end > 1 and token_ids[end - 1] in eos_token_ids and token_ids[end - 2] in eos_token_ids:
        end -= 1
    closed = end > 0 and token_ids[end - 1] in eos_token_ids
    return (*token_ids[:end], *(() if closed else eos_token_ids[:1]))


def weighed_by_group(examples: Sequence[TrainExample]) -> tuple[TrainExample, ...]:
    """Return the examples with weights that make each group count as one example does.

    A token counts on average what it counts without weights, so that learning rates mean the same.
    """
    sizes = Counter(example.group for example in examples)
    tokens = sum(len(e.completion_token_ids) for e in examples)
    counted = sum(len(e.completion_token_ids) / sizes[e.group] for e in examples)
    return tuple(replace(e, weight=tokens / counted / sizes[e.group]) for e in examples)


def load_examples(
    files: Iterable[Path],
    eos_token_ids: Sequence[int],
    max_length: int,
    train_on: Literal["completion", "all"] = "completion",
    *,
    may_be_none: bool = False,
) -> ExampleSet:
    """Read examples from JSONL files, in order.

    A row is `{"prompt_token_ids": [...], "token_ids": [...], "task_id": "..."}`; other keys are ignored, so
    a file of `Sample` records is read as it is. `task_id` names the example's group; without one, the
    examples of one prompt are a group. The caller leaves truncated samples out.

    Args:
        files: JSONL files.
        eos_token_ids: As in `end_with_eos`.
        max_length: Longest example in tokens, prompt and EOS included; longer ones are counted, not cut.
        train_on: `all` counts the prompt's tokens after the first as completion.
        may_be_none: Whether all of them may be too long.

    Raises:
        DataError: A file is missing, a row is malformed, or no example is left and some must be.
    """
    if not eos_token_ids:
        raise DataError("the base model's tokenizer has no EOS token, so completions cannot be closed")
    paths = list(files)
    kept: list[TrainExample] = []
    skipped = 0
    for path in paths:
        for prompt, completion, group in _read(path):
            if train_on == "all":
                prompt, completion = prompt[:1], prompt[1:] + completion
            example = TrainExample(tuple(prompt), end_with_eos(completion, eos_token_ids), group)
            if len(example) <= max_length:
                kept.append(example)
            else:
                skipped += 1
    if not kept and not may_be_none:
        why = f"all {skipped} have more than max_seq_length={max_length} tokens" if skipped else "there are no rows"
        raise DataError(f"nothing to train on in {', '.join(map(str, paths))}: {why}")
    return ExampleSet(tuple(kept), skipped)


def _read(path: Path) -> Iterator[tuple[list[int], list[int], str]]:
    """Yield prompt and completion ids, and the group, of each row of one file."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _parse(line, f"{path}:{number}")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def _parse(line: str, where: str) -> tuple[list[int], list[int], str]:
    try:
        row: dict[str, Any] = json.loads(line)
        prompt, completion = row["prompt_token_ids"], row["token_ids"]
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{where}: no JSON object with prompt_token_ids and token_ids ({error!r})") from error
    for name, ids in (("prompt_token_ids", prompt), ("token_ids", completion)):
        if not isinstance(ids, list) or not all(type(i) is int and i >= 0 for i in ids):
            raise DataError(f"{where}: {name} is not a list of token ids")
    if not prompt:
        raise DataError(f"{where}: prompt_token_ids is empty, so the completion's first token cannot be learned")
    return prompt, completion, str(row.get("task_id") or stable_hash(prompt))
