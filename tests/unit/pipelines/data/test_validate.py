"""`data validate`, `stats`, `split` and `prompts`: what is wrong is found with its line, and all else stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from halo_raft import cli, tasks


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def row(name: str, prompt: str, tests: list[str], code: str, **more) -> dict:
    return {"task_id": name, "prompt": prompt, "test_list": tests, "code": code, **more}


DOUBLE = row("a", "Write a function that doubles a number.", ["assert twice(2) == 4", "assert twice(5) == 10"],
             "def twice(x):\n    return 2 * x", note="kept as it is")  # fmt: skip
LINES = [
    json.dumps(DOUBLE),
    "{broken",
    json.dumps(
        row("b", "write a function that DOUBLES a number!", ["assert twice(3) == 6"], "def twice(x): return x * 2")
    ),
    json.dumps(row("c", "Name anything.", ["assert name() or True"], "def name(): return 1")),
    json.dumps(row("d", "Add three numbers.", ["assert add3(1, 2, 3) == 7"], "def add3(a, b, c): return a + b + c")),
    json.dumps({"task_id": "e"}),
    json.dumps(row("f", "Return twice what you are given.", DOUBLE["test_list"], "def twice(x): return x + x")),
    json.dumps(row("a", "Square a number.", ["assert square(3) == 9"], "def square(x): return x * x")),
    json.dumps(row("g", "Cube a number.", ["assert cube(3) == 27"], "def cube(x): return x ** 3")),
]


def found(capsys, *words: str) -> tuple[int, dict]:
    capsys.readouterr()
    code = cli.main(["data", "validate", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_each_finding_has_its_line_and_fix_keeps_the_rest(folder, capsys):
    Path("t.jsonl").write_text("\n".join(LINES))
    code, result = found(capsys, "t.jsonl", "--fix", "fixed.jsonl")
    assert code == 3
    assert {(f["line"], f["kind"]) for f in result["findings"]} == {
        (2, "schema"), (3, "duplicate"), (4, "passes_without_solution"), (5, "reference_fails"), (6, "schema"),
        (7, "near_duplicate"), (8, "duplicate_id")}  # fmt: skip
    assert result["errors"] == 6 and result["warnings"] == 1
    kept = [json.loads(line) for line in Path("fixed.jsonl").read_text().splitlines()]
    assert [row["task_id"] for row in kept] == ["a", "g"]
    assert kept[0] == DOUBLE, "rows are written as they were read"
    assert cli.main(["data", "validate", "fixed.jsonl"]) == 0
    assert "2 tasks are sound, 0 broken" in capsys.readouterr().out


def test_flaky_tests_are_found_by_running_three_times(folder, capsys):
    coins = [row(f"t{n}", f"Toss coin {n}.", [f"assert toss{n}() == 0"],
                 f"import random\ndef toss{n}():\n    return random.randrange(2)") for n in range(12)]  # fmt: skip
    Path("t.jsonl").write_text("".join(json.dumps(coin) + "\n" for coin in coins))
    code, result = found(capsys, "t.jsonl")
    kinds = [f["kind"] for f in result["findings"]]
    assert code == 3 and "flaky" in kinds  # a quarter of the coins fall alike three times
    flaky = next(f for f in result["findings"] if f["kind"] == "flaky")
    assert "of 3 runs" in flaky["message"]


def test_overlap_with_what_is_measured_on_is_an_error_and_with_benchmarks_a_warning(folder, capsys):
    human = tasks.load("humaneval").tasks[3]
    copied = {"prompt": f"# Please\n{human.prompt}", "test": human.tests, "entry_point": human.entry_point}
    Path("t.jsonl").write_text("\n".join([json.dumps(DOUBLE), json.dumps(copied), LINES[8]]))
    Path("held.jsonl").write_text(LINES[2])
    code, result = found(capsys, "t.jsonl", "--against", "held.jsonl", "--quick")
    assert code == 3
    assert [(f["line"], f["kind"]) for f in result["findings"]] == [(1, "overlap"), (2, "overlap_benchmark")]
    assert found(capsys, "t.jsonl", "--quick")[0] == 0, "a warning alone is no failure"


def test_a_prompt_that_fills_the_context_is_named(folder, capsys):
    prompt = "Sort " + " ".join(f"item{n * 7919}" for n in range(1200))
    long = row("l", prompt, ["assert s() == 1"], "def s(): return 1")
    Path("t.jsonl").write_text("\n".join([json.dumps(long), LINES[8]]))
    code, result = found(capsys, "t.jsonl", "--quick")
    assert code == 0
    assert [(f["line"], f["kind"]) for f in result["findings"]] == [(1, "too_long")]


def test_prompts_are_extracted_as_the_guide_does(folder, capsys):
    Path("t.jsonl").write_text("\n".join([*LINES, json.dumps({"text": "Say hello."})]))
    assert cli.main(["data", "prompts", "t.jsonl", "deep/p.jsonl"]) == 0
    read = [json.loads(line) for line in Path("deep/p.jsonl").read_text().splitlines()]
    assert [r["prompt"] for r in read][-1] == "Say hello." and len(read) == 8
    assert "2 rows without a prompt (the first: line 2" in capsys.readouterr().out
    Path("none.jsonl").write_text('{"a": 1}\n')
    assert cli.main(["data", "prompts", "none.jsonl", "q.jsonl"]) == 3


def test_a_file_is_not_replaced_by_what_was_made_of_it_nor_by_nothing(folder, capsys):
    tasks_file, empty = folder / "tasks.jsonl", folder / "empty.jsonl"
    tasks_file.write_text('{"task_id": "a", "prompt": "Do a.", "test_list": ["assert a() == 1"]}\n')
    empty.write_text('{"question": 1}\n')
    before = tasks_file.read_bytes()
    for words, said in (
        (("prompts", "tasks.jsonl", "./tasks.jsonl"), "OUT: tasks.jsonl is a file that is read here"),
        (("validate", "tasks.jsonl", "--quick", "--fix", "tasks.jsonl"), "--fix: tasks.jsonl is a file that is read"),
        (("prompts", "empty.jsonl", "tasks.jsonl"), "empty.jsonl: has no row with a prompt"),
    ):
        assert cli.main(["data", *words]) == 3
        assert said in capsys.readouterr().err
    assert tasks_file.read_bytes() == before


def test_split_writes_rows_as_they_were_and_nothing_is_on_both_sides(folder, capsys):
    rows = [row(f"t{n}", f"Return number {n}.", [f"assert f{n}() == {n}"], "def f(): pass") for n in range(50)]
    Path("mine.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert cli.main(["data", "split", "mine.jsonl", "--share", "0.3"]) == 0
    texts = [Path(f"mine_{part}.jsonl").read_text() for part in ("train", "heldout")]
    parts = [[json.loads(line) for line in text.splitlines()] for text in texts]
    assert sorted(r["task_id"] for part in parts for r in part) == sorted(r["task_id"] for r in rows)
    assert all(r in rows for part in parts for r in part) and 5 < len(parts[1]) < 25
    assert "tasks.heldout=mine_heldout.jsonl" in capsys.readouterr().out
    assert cli.main(["data", "split", "mine.jsonl", "--share", "2"]) == 2


def test_stats_say_what_there_is_and_draw_it(folder, capsys):
    Path("t.jsonl").write_text("\n".join(LINES))
    assert cli.main(["data", "stats", "t.jsonl"]) == 0
    printed = capsys.readouterr().out
    assert "7 tasks, 7 with tests, 7 with a reference" in printed and "not read: 2 rows" in printed
    assert Path("t_stats.png").read_bytes().startswith(b"\x89PNG")


def test_tasks_without_tests_among_others_are_named_and_left_out_by_fix(folder, capsys):
    bare = {"task_id": "bare", "prompt": "Say anything.", "test_list": []}
    Path("t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (DOUBLE, bare)))
    code, result = found(capsys, "t.jsonl", "--fix", "fixed.jsonl")
    assert code == 0
    assert [(f["line"], f["kind"], f["severity"]) for f in result["findings"]] == [(2, "no_tests", "warning")]
    assert (result["files"][0]["with_tests"], result["files"][0]["sound"]) == (1, 1)
    assert [json.loads(line)["task_id"] for line in Path("fixed.jsonl").read_text().splitlines()] == ["a"]


def test_what_another_file_held_stays_beside_it(folder, capsys):
    Path("t.jsonl").write_text(json.dumps(DOUBLE) + "\n")
    for number, text in enumerate(("precious", "precious too\n"), start=1):
        Path("out.jsonl").write_text(text)
        assert cli.main(["data", "prompts", "t.jsonl", "out.jsonl"]) == 0
        assert Path(f"out.jsonl.{number}").read_text() == text
        assert f"which is out.jsonl.{number} now" in capsys.readouterr().out
    assert cli.main(["data", "prompts", "t.jsonl", "out.jsonl"]) == 0
    assert not Path("out.jsonl.3").exists(), "the same again"
