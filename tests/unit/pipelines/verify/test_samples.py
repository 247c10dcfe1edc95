"""Files of completions in every form, and one line with its number for what is wrong."""

import json

import pytest

from halo_raft.errors import DataError
from halo_raft.extract import extract
from halo_raft.pipelines.verify.samples import TaskIds, as_completion, read_samples

TASKS = TaskIds({"a", "b", "7"}, "tasks.jsonl")


@pytest.fixture
def read(tmp_path):
    def read(*rows, form="plain"):
        path = tmp_path / "s.jsonl"
        path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
        return read_samples(path, form, TASKS)

    return read


def test_order_and_text_are_kept_and_ids_are_made(read):
    rows = [("b", "x\r\n\x00"), ("a", "\ud800"), ("b", "")]
    answers = read(*({"task_id": t, "completion": c} for t, c in rows))
    assert [(a.task_id, a.completion) for a in answers] == rows
    assert [a.sample_id for a in answers] == ["b#0", "a#0", "b#1"]


def test_given_ids_are_kept_and_numbers_are_text(read):
    (answer,) = read({"task_id": 7, "completion": "x", "sample_id": 12, "passed": False})
    assert (answer.task_id, answer.sample_id) == ("7", "12")


def test_evalplus_rows_hold_whole_programs_or_completions(read):
    program = 'X = """\n```\nno fence\n```\n"""\n\n\ndef f():\n    return X\n'
    whole, part = read({"task_id": "a", "solution": program}, {"task_id": "a", "completion": "  y"}, form="evalplus")
    assert extract(whole.completion, "python", "f") == program.strip()
    assert part.completion == "  y"


@pytest.mark.parametrize("text", ["a = 1", "~~~\nx\n~~~", "```\nx\n```\n~~ y"])
def test_a_whole_program_is_taken_as_it_is(text):
    assert extract(as_completion(text)) == text


@pytest.mark.parametrize(
    ("rows", "line", "expected"),
    [
        ([{"task_id": "a", "completion": "x"}, '{"task_id": '], ":2: is not JSON", "one JSON object"),
        (["[1]"], ":1: is not a JSON object", "each line is one"),
        ([{"completion": "x"}], ":1: has no task_id", '{"task_id": ..., "completion": ...}'),
        ([{"task_id": "a"}], ":1: has no completion", ""),
        ([{"task_id": "a", "completon": "x"}], ":1: has no completion", "did you mean completon to be it?"),
        ([{"task_id": "a", "solution": "x"}], ":1: has no completion", "--format evalplus"),
        ([{"task_id": "a", "completion": 3}], ":1: completion must be text, not int", ""),
        ([{"task_id": "c", "completion": "x"}], ":1: task_id 'c' is none of the 3 tasks of tasks.jsonl", ""),
        ([{"task_id": "a", "completion": "x", "sample_id": "s"}] * 2, ":2: sample_id 's'", "line 1"),
        (["[" * 100_000], ":1: is not JSON", ""),
        ([], "holds no samples", ""),
        (["", "  "], "holds no samples", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_line(read, rows, line, expected):
    with pytest.raises(DataError) as caught:
        read(*rows)
    assert line in str(caught.value)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_one_that_is_no_text(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read \(No such .*\); give a file that is there"):
        read_samples(tmp_path / "none.jsonl", "plain", TASKS)
    (tmp_path / "b.jsonl").write_bytes(b'{"task_id": "\xff"}\n')
    with pytest.raises(DataError, match="is not UTF-8"):
        read_samples(tmp_path / "b.jsonl", "plain", TASKS)
