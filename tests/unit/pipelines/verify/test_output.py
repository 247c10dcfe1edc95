"""`verify --output` writes over verdicts, and over nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from halo_raft import cli

TASK = {"task_id": "t", "prompt": "Double `n`, as `twice`.", "test_list": ["assert twice(2) == 4"]}
SAMPLE = {"task_id": "t", "completion": "```python\ndef twice(n):\n    return 2 * n\n```"}
COMMAND = ["verify", "--tasks", "tasks.jsonl", "--samples", "samples.jsonl", "--output", "out.jsonl"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tasks.jsonl").write_text(json.dumps(TASK) + "\n")
    Path("samples.jsonl").write_text(json.dumps(SAMPLE) + "\n")


@pytest.mark.parametrize("text", ["precious", "precious\n", '{"mine": 1}\n', "\x00"])
@pytest.mark.parametrize("more", [[], ["--fresh"]])
def test_what_holds_no_verdicts_stays(capsys, text, more):
    Path("out.jsonl").write_text(text)
    assert cli.main([*COMMAND, *more]) == 3
    assert capsys.readouterr().err.startswith("error: --output: out.jsonl holds no verdicts; name another")
    assert Path("out.jsonl").read_text() == text
    assert not Path("out.verify").exists()


def test_verdicts_of_an_earlier_command_and_an_empty_file_are_written_over():
    Path("out.jsonl").touch()
    for _ in range(2):
        assert cli.main([*COMMAND, "--workers", "0", "--fresh"]) == 0
        (verdict,) = map(json.loads, Path("out.jsonl").read_text().splitlines())
        assert verdict["success"]
