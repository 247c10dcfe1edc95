"""`data prepare`: the guide's files from every form that a copy may have, read back as they were."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path

import pytest
import yaml

from halo_raft import cli, tasks
from halo_raft.errors import HaloRaftError
from halo_raft.tasks.public.catalogue import SETS, files_of
from halo_raft.train.rows import parse_row as sft_turns

spec = importlib.util.spec_from_file_location("published", Path(__file__).parents[2] / "tasks" / "published.py")
published = importlib.util.module_from_spec(spec)
spec.loader.exec_module(published)

MBPP = [
    {"task_id": 601 + n, "text": f"Write a function that adds {n}.", "code": f"def add(x):\n    return x + {n}",
     "test_list": [f"assert add(1) == {1 + n}", f"assert add(-1) == {n - 1}"], "test_setup_code": "",
     "challenge_test_list": []}
    for n in range(3)
]  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepare(*words: str) -> int:
    return cli.main(["data", "prepare", *words])


def rows(path: str | Path) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def write_jsonl(path: Path, content: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in content)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def as_jsonl(folder: Path) -> Path:
    return write_jsonl(folder / "copy.jsonl", MBPP)


def as_gzip(folder: Path) -> Path:
    return write_jsonl(folder / "copy.jsonl.gz", MBPP)


def as_parquet(folder: Path) -> Path:
    from datasets import Dataset

    Dataset.from_list(MBPP).to_parquet(str(folder / "copy.parquet"))
    return folder / "copy.parquet"


def as_saved(folder: Path) -> Path:
    from datasets import Dataset

    Dataset.from_list(MBPP).save_to_disk(str(folder / "saved"))
    return folder / "saved"


def as_saved_dict(folder: Path) -> Path:
    from datasets import Dataset, DatasetDict

    DatasetDict(train=Dataset.from_list(MBPP), test=Dataset.from_list(MBPP[:1])).save_to_disk(str(folder / "saved"))
    return folder / "saved"


def as_repository(folder: Path) -> Path:
    (as_parquet(folder)).rename(folder / "train-00000-of-00001.parquet")
    (folder / "repo" / "full").mkdir(parents=True)
    (folder / "train-00000-of-00001.parquet").rename(folder / "repo" / "full" / "train-00000-of-00001.parquet")
    return folder / "repo"


def as_hub_cache(folder: Path) -> Path:
    snapshot = folder / "cache" / "hub" / "datasets--google-research-datasets--mbpp" / "snapshots" / ("a" * 40)
    write_jsonl(snapshot / "full" / "train.jsonl", MBPP)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("a" * 40)
    return folder / "cache"


COPIES = (as_jsonl, as_gzip, as_parquet, as_saved, as_saved_dict, as_repository, as_hub_cache)


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.__name__)
def test_a_copy_in_any_form_gives_the_guides_files(folder, copy):
    assert prepare("--dataset", "mbpp", "--source", str(copy(folder)), "--quick") == 0
    made = files_of("mbpp", "train")
    assert made.tasks.name == "mbpp_train_full.jsonl" and made.prompts.name == "mbpp_train_prompts.jsonl"
    read = tasks.load(str(made.tasks)).tasks
    assert read == tuple(tasks.parse_row(row, "x") for row in MBPP)
    assert rows(made.prompts) == [{"task_id": str(row["task_id"]), "prompt": row["text"]} for row in MBPP]
    (turn,) = sft_turns(rows(made.sft)[1], "x")
    assert (
        turn.answer == "```python\ndef add(x):\n    return x + 1\n```"
        and "assert add(1) == 2" in turn.messages[-1]["content"]
    )
    card = yaml.safe_load(made.card.read_text().split("---")[1])
    assert (card["tasks"], card["licence"], card["validation"]) == (3, "CC-BY-4.0", "not run")
    assert card["revision"] == ("a" * 40 if copy is as_hub_cache else None)
    assert len(card["sha256"]) == 64


def test_the_card_names_what_fails_and_the_ways_are_found_without_network(folder, capsys):
    broken = {**MBPP[2], "code": "def add(x):\n    return x"}
    assert prepare("--dataset", "mbpp", "--source", str(write_jsonl(folder / "a.jsonl", [MBPP[0], broken]))) == 0
    text = files_of("mbpp", "train").card.read_text()
    assert yaml.safe_load(text.split("---")[1])["validation"] == {"tried": 2, "sound": 1, "broken": 1, "beyond_us": 0}
    assert "- `603`: broken upstream: its reference does not pass" in text
    assert prepare("--dataset", "mbpp:test") == 3  # the tests' environment is offline
    (line,) = capsys.readouterr().err.splitlines()
    assert "go online, or give a copy: halo-raft data prepare --dataset mbpp:test --source" in line


def test_a_set_that_could_not_be_tried_has_a_card_that_says_so(folder, monkeypatch, capsys):
    def no_ray(*arguments):
        raise HaloRaftError("Ray did not start (too busy)")

    monkeypatch.setattr("halo_raft.pipelines.data.prepare.try_tasks", no_ray)
    assert prepare("--dataset", "mbpp", "--source", str(as_jsonl(folder))) == 0
    assert "not run: Ray did not start (too busy)" in files_of("mbpp", "train").card.read_text()
    assert "Ray did not start" in capsys.readouterr().out


def test_a_file_of_another_split_is_not_taken_for_it(folder, capsys):
    assert prepare("--dataset", "mbpp:test", "--source", str(as_jsonl(folder))) == 3
    assert "of 3 rows none is a task" in capsys.readouterr().err


def test_rows_without_a_split_s_numbers_are_left_out_and_named(folder, capsys):
    source = write_jsonl(folder / "a.jsonl", [{**MBPP[0], "task_id": "mine/1"}, {**MBPP[0], "task_id": [1]}, MBPP[0]])
    assert prepare("--dataset", "mbpp", "--source", str(source), "--quick") == 0
    assert "task_id 'mine/1' is no number" in capsys.readouterr().out
    source = write_jsonl(folder / "b.jsonl", [{**MBPP[0], "task_id": "mine/1"}])
    assert prepare("--dataset", "mbpp", "--source", str(source), "--quick") == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "prepare a file of your own with --dataset FILE" in line


@pytest.mark.parametrize("output", ["a.jsonl", "./a.jsonl", "a_full.jsonl"])
def test_what_is_read_is_not_written_over(folder, output, capsys):
    source = write_jsonl(folder / ("a_prompts.jsonl" if "full" in output else "a.jsonl"), MBPP)
    before = source.read_bytes()
    for words in (("--dataset", str(source)), ("--dataset", "mbpp", "--source", str(source))):
        assert prepare(*words, "--quick", "--output", output) == 3
        assert f"--output: {source.name} is a file that is read here" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_limit_seed_and_language_choose(folder):
    source = write_jsonl(folder / "a.jsonl", [{**MBPP[0], "task_id": 601 + n, "text": f"Do {n}."} for n in range(40)])

    def ids(*words: str) -> list[str]:
        assert prepare("--dataset", "mbpp", "--source", str(source), "--quick", "--output", "o.jsonl", *words) == 0
        return [row["task_id"] for row in rows("o.jsonl")]

    assert ids("--limit", "3") == ["601", "602", "603"]
    drawn = ids("--limit", "5", "--seed", "1")
    assert drawn == ids("--limit", "5", "--seed", "1") != ids("--limit", "5", "--seed", "2")
    assert drawn == sorted(drawn) and len(drawn) == 5
    contest = write_jsonl(folder / "c.jsonl", [published.codeforces(problem) for problem in published.PROGRAMS])
    assert prepare("--dataset", "codeforces_cpp", "--source", str(contest), "--quick", "--output", "c/cpp.jsonl") == 0
    assert {task.language for task in tasks.load("c/cpp.jsonl").tasks} == {"cpp"}
    assert prepare("--dataset", str(contest), "--language", "rust", "--quick", "--output", "c/rust.jsonl") == 0
    assert {row["language"] for row in rows("c/rust_prompts.jsonl")} == {"rust"}


@pytest.mark.parametrize("form", [*published.FORMS_OF_CALLS, *published.FORMS_OF_PROGRAMS, published.leetcode],
                         ids=lambda form: form.__name__)  # fmt: skip
def test_what_was_prepared_is_read_back_as_the_same_tasks(folder, form):
    problems = published.PROGRAMS if form in published.FORMS_OF_PROGRAMS else published.CALLS
    source = write_jsonl(folder / "rows.jsonl", [json.loads(json.dumps(form(problem))) for problem in problems])
    assert prepare("--dataset", str(source), "--quick", "--output", "out.jsonl") == 0
    assert tasks.load("out.jsonl").tasks == tasks.load(str(source)).tasks


def test_rows_that_are_no_tasks_are_named_and_left_out(folder, capsys):
    source = write_jsonl(folder / "a.jsonl", [MBPP[0], {"task_id": 605}, MBPP[0], MBPP[1]])
    assert prepare("--dataset", "mbpp", "--source", str(source), "--quick") == 0
    printed = capsys.readouterr().out
    assert "left out of 4 rows: 1 cannot be read, 1 twice" in printed
    assert f"Task {source}:2 is left out: has no prompt" in printed


def test_runs_say_which_command_makes_a_file_and_find_tests_beside_prompts(folder):
    with pytest.raises(Exception, match=r"is not there; make it with: halo-raft data prepare --dataset mbpp$"):
        tasks.load("data/rlvr/mbpp_train_prompts.jsonl")
    with pytest.raises(Exception, match="data prepare --dataset mbpp:validation"):
        tasks.load("data/rlvr/mbpp_validation.jsonl")
    assert prepare("--dataset", "mbpp", "--source", str(as_jsonl(folder)), "--quick") == 0
    assert tasks.tests_beside("data/rlvr/mbpp_train_prompts.jsonl") == Path("data/rlvr/mbpp_train_full.jsonl")
    assert len(tasks.load("mbpp").tasks) == 3, "what was prepared here needs no network"


def test_every_set_is_listed_with_what_the_issue_asks(capsys):
    assert prepare("--list") == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert all(name in lines or f"{name}:LANG" in lines for name in SETS)
    assert "CC-BY-4.0" in lines["codeforces_cpp"] and "network, 2.8 GB" in lines["codeforces_cpp"]
    assert prepare("--dataset", "nonsense") == 3
    assert prepare() == 2
