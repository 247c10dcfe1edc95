"""SFT's rows: from a file or through `datasets`, all of them usable or none."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from halo_raft import prompts, tasks
from halo_raft.config import SftConfig, load
from halo_raft.config.sft import SftDataConfig
from halo_raft.errors import ConfigError, DataError
from halo_raft.pipelines.sft import command as sft
from halo_raft.pipelines.sft.rows import load_data, source


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


ALPACA = [{"instruction": f"Q{n}", "input": "", "output": f"A{n}"} for n in range(5)]


def test_rows_of_a_file_are_read_in_order_and_hashed(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", *ALPACA)
    data = load_data(SftDataConfig(train_file=str(path)))
    assert (data.rows, [turn.answer for _, turn in data.turns]) == (5, ["A0", "A1", "A2", "A3", "A4"])
    few = load_data(SftDataConfig(train_file=str(path), limit=2))
    assert few.rows == 2 and few.sha256 != data.sha256


def test_one_bad_row_stops_everything_and_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", *ALPACA, {"prompt": "no answer"})
    with pytest.raises(DataError, match=r"x\.jsonl:6: has prompt; a row needs"):
        load_data(SftDataConfig(train_file=str(path)))


def test_a_dataset_folder_gives_the_same_as_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    (tmp_path / "set").mkdir()
    write(tmp_path / "set" / "train.jsonl", *ALPACA)
    data = load_data(SftDataConfig(dataset=str(tmp_path / "set")))
    assert [turn.answer for _, turn in data.turns] == ["A0", "A1", "A2", "A3", "A4"]
    assert data.turns[2][0].endswith("row 3")


def test_short_names_stand_for_hub_names() -> None:
    assert source(SftDataConfig(dataset="codealpaca")) == "sahil2801/CodeAlpaca-20k"
    assert source(SftDataConfig(dataset="owner/name")) == "owner/name"
    with pytest.raises(ConfigError, match=r"--data.*--dataset codealpaca"):
        source(SftDataConfig())
    with pytest.raises(ValueError, match="not both"):
        SftDataConfig(train_file="a", dataset="b")


@pytest.mark.parametrize(("flag", "source"), [("--dataset", (None, "x")), ("--data", ("x", None))])
def test_a_flag_takes_the_place_of_the_files_source(tmp_path: Path, flag: str, source) -> None:
    for line in ("train_file: y", "dataset: y"):
        (tmp_path / "sft.yaml").write_text(f"data:\n  {line}\n")
        parser = argparse.ArgumentParser()
        sft.add_arguments(parser)
        arguments = parser.parse_args(["--config", str(tmp_path / "sft.yaml"), flag, "x"])
        config = load(SftConfig, arguments.config, arguments.overrides, sft.given_flags(arguments))
        assert (config.data.train_file, config.data.dataset) == source


def test_tasks_with_tests_are_asked_as_raft_asks_them(tmp_path: Path) -> None:
    row = {"text": "Add one.", "code": "def f(x): return x + 1", "test_list": ["assert f(1) == 2"]}
    (_, turn), *rest = load_data(SftDataConfig(train_file=str(write(tmp_path / "x.jsonl", row)))).turns
    assert not rest and turn.answer == row["code"]
    assert turn.messages == prompts.messages(tasks.parse_row(row, "x"))
    assert "assert f(1) == 2" in turn.messages[-1]["content"]


def test_tasks_are_asked_in_the_forms_that_are_wanted_each_in_one(tmp_path: Path) -> None:
    rows = [
        {
            "task_id": n,
            "text": f"Add {n}.",
            "code": f"def f{n}(x): return x + {n}",
            "test_list": [f"assert f{n}(1) == 2"],
        }
        for n in range(20)
    ]
    path = write(tmp_path / "x.jsonl", *rows, ALPACA[0])

    def asked(*formats: str) -> list[str]:
        data = load_data(SftDataConfig(train_file=str(path), prompt_formats=formats))
        assert len(data.turns) == data.rows == 21
        assert [turn.answer for _, turn in data.turns][:20] == [row["code"] for row in rows]
        return [turn.messages[-1]["content"] for _, turn in data.turns]

    text, function, both = asked("text"), asked("function"), asked("text", "function")
    assert all("Complete this Python function:" in question for question in function[:20])
    assert function[3].count("def f3(x):") == 1 and "Add 3." in function[3]
    assert {question == a for question, a in zip(both[:20], text, strict=False)} == {True, False}
    assert all(question in pair for question, *pair in zip(both, text, function, strict=True))
    assert text[20] == function[20] == "Q0", "a row without tests is no task"


def task_file(folder: Path) -> str:
    row = {"text": "Add one.", "code": "def f(x): return x + 1", "test_list": ["assert f(1) == 2"]}
    return str(write(folder / "task.jsonl", row))


def test_forms_of_rows_that_have_none_are_refused(tmp_path: Path) -> None:
    chat = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}
    path = str(write(tmp_path / "x.jsonl", chat | {"test_list": ["assert f(1) == 2"]}, *ALPACA))
    with pytest.raises(ConfigError, match=r"data\.prompt_formats: no row of .*x\.jsonl can be asked as a function"):
        load_data(SftDataConfig(train_file=path, prompt_formats=("text", "function")))
    assert load_data(SftDataConfig(train_file=path)).rows == 1 + len(ALPACA)


def test_a_system_prompt_takes_the_place_of_the_usual_one_in_tasks_too(tmp_path: Path) -> None:
    ((_, turn),) = load_data(SftDataConfig(train_file=task_file(tmp_path), system_prompt="Be brief.")).turns
    assert turn.messages[0] == {"role": "system", "content": "Be brief."}


def test_a_folder_of_before_there_were_forms_goes_on(tmp_path: Path) -> None:
    data = SftDataConfig(train_file=str(write(tmp_path / "x.jsonl", *ALPACA)))
    assert "prompt_formats" not in sft._fingerprint(SftConfig(data=data), load_data(data))["data settings"]
    other = data.model_copy(update={"train_file": task_file(tmp_path), "prompt_formats": ("function",)})
    assert "prompt_formats" in sft._fingerprint(SftConfig(data=other), load_data(other))["data settings"]
