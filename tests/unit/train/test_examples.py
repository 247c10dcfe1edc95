from __future__ import annotations

import json
from pathlib import Path

import pytest

from halo_raft.errors import DataError
from halo_raft.records import Sample
from halo_raft.train.examples import IGNORE_INDEX, TrainExample, end_with_eos, load_examples, weighed_by_group

EOS = 2


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_loss_lies_on_the_completion_and_its_eos_alone() -> None:
    example = TrainExample((5, EOS, 6), end_with_eos((7, 8), [EOS]))
    assert example.input_ids == [5, EOS, 6, 7, 8, EOS]
    # the prompt's own EOS (pad equals EOS in chat models) is masked, the completion's is not
    assert example.labels == [IGNORE_INDEX] * 3 + [7, 8, EOS]


@pytest.mark.parametrize(
    ("token_ids", "closed"),
    [
        ((7, 8), (7, 8, 2)),
        ((7, 8, 2), (7, 8, 2)),
        ((7, 8, 3), (7, 8, 3)),
        ((7, 8, 2, 2), (7, 8, 2)),
        ((7, 2, 8), (7, 2, 8, 2)),
        ((), (2,)),
        ((2,), (2,)),
    ],
    ids=["stop string", "eos", "another eos", "two", "eos inside", "empty", "eos alone"],
)
def test_completion_ends_in_exactly_one_eos(token_ids: tuple[int, ...], closed: tuple[int, ...]) -> None:
    assert end_with_eos(token_ids, [2, 3]) == closed


def test_sample_records_of_several_files_are_read_as_they_are(tmp_path: Path) -> None:
    sample = Sample(
        sample_id="s", task_id="t", cycle=1, index=0, completion="text that is not encoded again",
        prompt_token_ids=[5, 6], token_ids=[7], finish_reason="stop", model="m", adapter=None, sampling={},
    )  # fmt: skip
    files = [write(tmp_path / "a.jsonl", sample.to_dict()), write(tmp_path / "b.jsonl", sample.to_dict())]
    data = load_examples(files, [EOS], max_length=10)
    assert data.examples == (TrainExample((5, 6), (7, EOS), "t"),) * 2
    assert (data.tokens, data.completion_tokens, data.skipped_too_long) == (8, 4, 0)


def test_too_long_is_left_out_and_counted_with_its_eos(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.jsonl",
        {"prompt_token_ids": [5, 6], "token_ids": [7, 8]},
        {"prompt_token_ids": [5, 6], "token_ids": [7, EOS]},
    )
    data = load_examples([path], [EOS], max_length=4)
    assert [example.completion_token_ids for example in data.examples] == [(7, EOS)]
    assert data.skipped_too_long == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt_token_ids": [1]}, "x.jsonl:1.*token_ids"),
        ({"prompt_token_ids": [1], "token_ids": "ab"}, "x.jsonl:1.*not a list of token ids"),
        ({"prompt_token_ids": [1], "token_ids": [True]}, "x.jsonl:1.*not a list of token ids"),
        ({"prompt_token_ids": [], "token_ids": [1]}, "x.jsonl:1.*empty"),
        ([1, 2], "x.jsonl:1"),
        ({"prompt_token_ids": [1] * 9, "token_ids": [1]}, "all 1 have more than max_seq_length=8"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, row: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_examples([write(tmp_path / "x.jsonl", row)], [EOS], max_length=8)


def test_no_rows_no_file_no_eos(tmp_path: Path) -> None:
    empty = write(tmp_path / "x.jsonl")
    with pytest.raises(DataError, match="there are no rows"):
        load_examples([empty], [EOS], max_length=8)
    with pytest.raises(DataError, match="cannot be read"):
        load_examples([tmp_path / "none.jsonl"], [EOS], max_length=8)
    with pytest.raises(DataError, match="no EOS"):
        load_examples([empty], [], max_length=8)


def test_a_prompt_with_four_winners_counts_as_one_and_a_token_on_average_as_before() -> None:
    examples = [TrainExample((1,), (3,) * length, group) for length, group in ((4, "a"), (6, "a"), (5, "b"), (9, "c"))]
    weighed = weighed_by_group(examples)
    totals = {group: sum(e.weight for e in weighed if e.group == group) for group in "abc"}
    assert totals["a"] == pytest.approx(totals["b"]) == pytest.approx(totals["c"])
    assert sum(e.weight * len(e.completion_token_ids) for e in weighed) == pytest.approx(4 + 6 + 5 + 9)
    assert weighed_by_group(examples[2:]) == tuple(examples[2:]), "one each: nothing to weigh"
