"""Files of rows: every kind is read, and what is wrong is one line with file and line."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import zlib

import pyarrow
import pyarrow.parquet
import pytest

from halo_raft import tasks
from halo_raft.errors import DataError
from halo_raft.tasks.rows.reading import read_rows

ROWS = [{"task_id": "a", "prompt": "p\u2028q", "test_list": ["assert f(1) == 2"]}, {"task_id": "b", "prompt": "r"}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def zstd(data: bytes) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as out:
        out.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", LINES),
        ("a.jsonl", b"\xef\xbb\xbf" + LINES),
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0)),
        ("a.jsonl.zst", zstd(LINES)),
        ("a.jsonl", LINES.replace(b"\n", b"\r\n\r\n")),
    ],
)
def test_rows_come_with_their_lines(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    found = list(read_rows(tmp_path / name))
    assert [row for _, row in found] == ROWS
    assert [number for number, _ in found] == ([1, 3] if b"\r\n\r\n" in content else [1, 2])


def test_parquet_is_read_as_json_lines_are(tmp_path):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_bytes(LINES)
    assert tasks.load(str(tmp_path / "a.parquet")).tasks == tasks.load(str(tmp_path / "a.jsonl")).tasks
    assert next(read_rows(tmp_path / "a.parquet"))[0] == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"prompt": "a"}\n' + b"[" * 100_000, "a.jsonl:2: is not JSON (nested too deep)"),
        ("a.jsonl", b'{"task_id": ' + b"9" * 5000 + b"}", "a.jsonl:1: is not JSON (a number of more digits"),
        ("a.jsonl", b'{"a": 1}\n\n{"a"\n', "a.jsonl:3: is not JSON"),
        ("a.jsonl", b'{"a": 1}\n"x"', "a.jsonl:2: is not a JSON object"),
        ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}', "a.jsonl:2: is not UTF-8 text (invalid start byte); save it as UTF-8"),
        ("a.jsonl", b'[{"a": 1},\n{"a": 2}]', "an array over several lines (jq -c '.[]' FILE takes it apart)"),
        ("a.jsonl.gz", b"no gzip", "a.jsonl.gz: cannot be read"),
        ("a.jsonl.gz", gzip.compress(LINES * 999)[:-40], "a.jsonl.gz: cannot be read"),
        ("a.jsonl.zst", b"no zstd at all", "a.jsonl.zst: cannot be read"),
        ("a.parquet", b"no parquet", "a.parquet: cannot be read as Parquet"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(read_rows(tmp_path / name))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
def test_a_missing_file_is_one_line(tmp_path, name):
    with pytest.raises(DataError, match=f"{name}: cannot be read"):
        list(read_rows(tmp_path / name))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tets_list": ["assert f()"]}, "tets_list looks like some and is not read; did you mean test_list?"),
        ({"unit_tests": "assert f()"}, "unit_tests looks like some and is not read"),
        ({"spec": "def check(candidate):\n    pass"}, "spec looks like some and is not read"),
        ({"hiddenTests": [{"in": 1}]}, "hiddenTests looks like some"),
    ],
)
def test_a_field_that_looks_like_tests_is_named(fields, said):
    with pytest.raises(DataError) as caught:
        tasks.parse_row({"prompt": "p", **fields}, "f.jsonl:3")
    assert str(caught.value).startswith("f.jsonl:3: has no tests, but ")
    assert said in str(caught.value)


def test_beside_other_tests_it_is_named_once_a_file(caplog):
    for line in (1, 2):
        row = {"prompt": "p", "test_list": ["assert f(1)"], "challenge_test_list": ["assert f(2)"]}
        tasks.parse_row(row, f"warned.jsonl:{line}")
    assert [r.getMessage() for r in caplog.records].count(
        "warned.jsonl: challenge_test_list looks like tests and is not read: "
        "tasks are judged by their other tests alone"
    ) == 1


@pytest.mark.parametrize(
    "fields", [{"test_count": 3}, {"latest": "x"}, {"contest": "y"}, {"tests_passed": None}, {"tags": ["a"]}]
)
def test_what_only_sounds_like_tests_is_not(fields):
    assert not tasks.parse_row({"prompt": "p", **fields}, "f.jsonl:1").has_tests


class Planted:
    def __reduce__(self):
        return (print, ("a row ran code",))


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Planted()),
        pickle.dumps([Planted()], 0),
        b"cos\nsystem\n(S'true'\ntR.",
        pickle.dumps({"not": "text"}),
        b"\x80\x05garbage",
        b"",
    ],
)
def test_private_cases_hold_text_and_run_nothing(data, capsys):
    packed = base64.b64encode(zlib.compress(data)).decode()
    row = {"question_content": "p", "public_test_cases": "[]", "private_test_cases": packed}
    with pytest.raises(DataError, match="private_test_cases"):
        tasks.parse_row(row, "f.jsonl:1")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"verifier": "my_module:Mine"}, "rows cannot name code to load"),
        ({"comparison": "fuzzy"}, "comparison must be one of exact, token, numeric"),
        ({"tolerance": -1}, "tolerance must be a number from 0"),
        ({"checker": 7}, "checker must be the source of a program"),
        ({"checker": {"source": "x", "language": "java"}}, "there are checkers in python and cpp"),
        ({"checker": {"source": "x", "order": "answer"}}, "order must be one of"),
        ({"input_file": "../etc/passwd"}, "input_file must be the name of a file"),
    ],
)
def test_what_a_row_says_of_its_judging_is_looked_at(fields, said):
    row = {"prompt": "p", "test_cases": [{"stdin": "", "expected_output": "1"}], **fields}
    with pytest.raises(DataError) as caught:
        tasks.parse_row(row, "f.jsonl:1")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "seconds", "mib"),
    [
        ({"time_limit": 2}, 2.0, None),
        ({"time_limit": "2.0 seconds", "memory_limit": "256.0 megabytes"}, 2.0, 256),
        ({"time_limit": {"seconds": 1, "nanos": 500_000_000}, "memory_limit_bytes": 268435456}, 1.5, 256),
        ({"time_limit": 1500, "memory_limit": 268435456}, 1.5, 256),
        ({"time_limit_ms": 800, "memory_limit": "65536 KB"}, 0.8, 64),
        ({"time_limit": "1 second", "memory_limit": "1 GB"}, 1.0, 1024),
        ({"time_limit": None, "memory_limit": 0}, None, None),
        ({"time_limit": "soon", "memory_limit": "much"}, None, None),
    ],
)
def test_limits_in_all_words(fields, seconds, mib):
    row = {"prompt": "p", "test_cases": [{"stdin": "", "expected_output": "1"}], **fields}
    task = tasks.parse_row(row, "f.jsonl:1")
    assert (task.time_limit_s, task.memory_limit_mb) == (seconds, mib)


def test_an_interactive_task_is_our_limit():
    row = {
        "id": "1",
        "description": "Guess.",
        "official_tests": [{"input": "1", "output": "1"}],
        "interaction_format": "Ask.",
    }
    assert "interactive" in tasks.parse_row(row, "f.jsonl:1").our_limit


@pytest.mark.parametrize(
    ("named", "tests", "setup", "name"),
    [
        ("uniq", "assert Counter(uniq([1])) == Counter([1])", "from collections import Counter", "uniq"),
        (None, "assert Counter(uniq([1])) == Counter([1])", "from collections import Counter", "uniq"),
        (None, "assert same(f(1), 1)", "def same(a, b):\n    return a == b", "f"),
        ("helper", "assert f(1) == 2", "", "f"),
        ("helper", "assert helper(f(1)) == 2", "", "helper"),
        ("f", "def check(candidate):\n    assert isclose(candidate(1), 1)", "", "f"),
        ("Solution().f", "def check(candidate):\n    assert candidate(1) == 1", "", "Solution().f"),
        (None, "xs = [1]\nassert f(xs) is None\nassert xs == [1]", "", "f"),
        (None, "for x in (1, 2):\n    probe(f(x))\n", "def probe(x):\n    assert x", "f"),
        (None, "assert f(1) == g(1)\nassert g(2) == 1", "", None),
        (None, "not python (", "", None),
    ],
)
def test_the_entry_point_is_the_rows_own_or_what_nobody_else_defines(named, tests, setup, name):
    from halo_raft.tasks.rows.entry_point import entry_point_of

    assert entry_point_of(named, tests, setup) == name
