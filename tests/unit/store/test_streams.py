"""Files that are read as streams: what is looked at of a line is right, the rest stays where it is."""

import json
from dataclasses import replace

import pytest

from halo_raft.errors import DataError
from halo_raft.records import Sample, Verdict
from halo_raft.store import JsonlWriter, LineCount, RunFolder, last_verdicts, line_of, read_records, stored_samples

SAMPLE = Sample(
    sample_id="s1", task_id="t", cycle=2, index=3, completion="é\u2028\ud800 \n\x00", prompt_token_ids=[1, 2],
    token_ids=[5, 6, 7], finish_reason="length", model="m", sampling={"temperature": 0.5, "stop": ("a",)},
)  # fmt: skip
VERDICT = Verdict(
    sample_id="s1", task_id="t", kind="wrong", success=False, reward=0.1, tests_passed=1, tests_total=3, details="é",
    integrity="outside", tier="A", cpu_s=1e-7, wall_s=2.0, verifier="python", verifier_version="1",
)  # fmt: skip


@pytest.mark.parametrize("record", [SAMPLE, VERDICT, replace(SAMPLE, completion="plain"), replace(VERDICT, details="")])
def test_a_line_says_what_the_standard_library_would_and_is_ascii(record):
    line = line_of(record)
    assert line.isascii() and line.endswith(b"\n") and line.count(b"\n") == 1
    assert json.loads(line) == json.loads(record.to_json())


def write(path, *records):
    with JsonlWriter(path) as writer:
        writer.append(records)
    return path


def test_a_stored_sample_knows_what_is_looked_at_and_reads_the_rest(tmp_path):
    others = [replace(SAMPLE, sample_id=f"o{n}", completion=f"text {n}", token_ids=[1] * n) for n in range(3)]
    path = write(tmp_path / "s.jsonl", others[0], SAMPLE, *others[1:])
    first, second, *rest = stored_samples(path)
    assert [(s.sample_id, s.tokens, s.completion) for s in (first, *rest)] == [
        (f"o{n}", n, f"text {n}") for n in range(3)
    ]
    for name in ("sample_id", "task_id", "cycle", "index", "truncated", "tokens", "completion"):
        assert getattr(second, name) == getattr(SAMPLE, name)
    assert second.whole() == replace(SAMPLE, sampling={"temperature": 0.5, "stop": ["a"]})
    assert second.line() == line_of(SAMPLE)


def test_a_torn_last_line_is_no_stored_sample(tmp_path):
    path = write(tmp_path / "s.jsonl", SAMPLE, replace(SAMPLE, sample_id="s2"))
    path.write_bytes(path.read_bytes()[:-7])
    assert [s.sample_id for s in stored_samples(path)] == ["s1"]
    assert list(stored_samples(tmp_path / "none.jsonl")) == []


@pytest.mark.parametrize(
    "damage",
    ["{broken", "[1]", "7", '{"sample_id": "s"}', line_of(SAMPLE).decode().replace("[5,6,7]", '"567"').strip(),
     line_of(SAMPLE).decode().replace('"t"', "7").strip()],
)  # fmt: skip
def test_a_damaged_line_is_named(tmp_path, damage):
    path = write(tmp_path / "s.jsonl", SAMPLE)
    with path.open("a") as file:
        file.write(damage + "\n")
    with pytest.raises(DataError, match=r"s\.jsonl:2: is damaged \(.+\); remove the line"):
        list(stored_samples(path))


def test_what_is_kept_stands_in_its_file_as_in_that_of_the_samples(tmp_path):
    folder = RunFolder(tmp_path)
    path = write(folder.samples_path(1), SAMPLE, replace(SAMPLE, sample_id="s2", completion="other"))
    folder.write_kept(1, list(folder.stored(1))[::-1])
    assert folder.kept_path(1).read_bytes().splitlines() == path.read_bytes().splitlines()[::-1]
    assert [s.sample_id for s in folder.kept(1)] == ["s2", "s1"]


def test_of_a_sample_that_was_judged_again_the_last_verdict_counts_wherever_it_stands(tmp_path):
    others = [replace(VERDICT, sample_id=f"o{n}") for n in range(3)]
    infra = replace(VERDICT, kind="infra", reward=None)
    redrawn = replace(others[0], kind="runtime")
    path = write(tmp_path / "v.jsonl", infra, *others, VERDICT, redrawn)
    found = list(last_verdicts(path))
    assert len(found) == 4
    assert {v.sample_id: v for v in found} == {v.sample_id: v for v in read_records(path, Verdict)}
    assert list(last_verdicts(tmp_path / "none.jsonl")) == []


def test_a_damaged_verdict_is_named(tmp_path):
    path = write(tmp_path / "v.jsonl", VERDICT)
    with path.open("a") as file:
        file.write('{"sample_id": "x", "kind": "unheard of"}\n')
    with pytest.raises(DataError, match=r"v\.jsonl:2: is damaged"):
        list(last_verdicts(path))


def test_lines_are_counted_while_a_file_grows_and_a_torn_one_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr("halo_raft.store.jsonl._BLOCK", 7)  # blocks end anywhere
    path = tmp_path / "s.jsonl"
    count, found = LineCount(path), [0]
    found[0] = count()
    for text in ("", "one line\n", "torn", " and mended\n\n", "x" * 40 + "\nlast"):
        with path.open("a") as file:
            file.write(text)
        found.append(count())
    path.write_text(path.read_text().removesuffix("last"))  # what a writer does that goes on
    with JsonlWriter(path) as writer:
        writer.append_lines([b"1\n", b"2\n"])
    assert [*found, count()] == [0, 0, 1, 1, 3, 4, 6]
