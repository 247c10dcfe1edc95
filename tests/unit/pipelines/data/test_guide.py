"""The commands of the guide's part on data, program name changed: each runs, or says in one line what is missing."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from halo_raft import cli

ROW = {"task_id": 601, "text": "Write a function that adds one.", "code": "def add(x):\n    return x + 1",
       "test_list": ["assert add(1) == 2", "assert add(4) == 5"], "test_setup_code": ""}  # fmt: skip

RUN = (
    "data prepare --list",
    "data generate --list",
    "data prepare --dataset humaneval --quick",
    "data prompts data/train.jsonl data/prompts.jsonl",
    "data prepare --dataset mbpp --source data/train.jsonl --output data/mbpp.jsonl",
)
MISSING = (
    ("data prepare --dataset codeforces_cpp --output data/codeforces.jsonl", "go online, or give a copy"),
    ("data prepare --dataset mbpp --output data/mbpp.jsonl", "go online, or give a copy"),
    ("data generate --topic python_algorithms --backend deepseek --output data/generated.jsonl", "DEEPSEEK_API_KEY"),
    ("data generate --topic rust_basics --backend ollama --model codellama:13b --output data/rust.jsonl",
     "no server answers at"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9/v1")
    Path("data").mkdir()
    Path("data/train.jsonl").write_text(json.dumps(ROW) + "\n")


@pytest.mark.parametrize("command", RUN)
def test_it_runs_as_it_stands(command):
    assert cli.main(shlex.split(command)) == 0


@pytest.mark.parametrize(("command", "missing"), MISSING)
def test_it_says_in_one_line_what_is_missing(command, missing, capsys):
    assert cli.main(shlex.split(command)) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert missing in line


def test_the_guides_built_in_files_are_made_under_its_names():
    assert cli.main(shlex.split("data prepare --dataset humaneval --quick")) == 0
    assert cli.main(shlex.split("data prepare --dataset mbpp --source data/train.jsonl --quick")) == 0
    rlvr = Path("data/rlvr")
    assert len((rlvr / "humaneval_full.jsonl").read_text().splitlines()) == 164
    assert (rlvr / "mbpp_train_full.jsonl").is_file()
    assert json.loads((rlvr / "mbpp_train_prompts.jsonl").read_text()) == {"task_id": "601", "prompt": ROW["text"]}
