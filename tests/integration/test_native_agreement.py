"""Verdicts on MultiPL-E agree with the ordinary way: one file of answer and tests, compiled and run, no sandbox.

The answers are a real model's and known to be harmless.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from halo_raft.extract import extract
from halo_raft.records import Task
from halo_raft.tasks.base import parse_row
from halo_raft.verifiers import VerifierOptions, create

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

SECOND_FILE = "// --- second file ---\n"
GO_MOD = "module plain\n\ngo 1.19\n"


def plain_run(completion: str, task: Task) -> bool:
    """Return whether answer and tests compile and end with status 0."""
    source = plain_program(completion, task)
    with tempfile.TemporaryDirectory() as folder:
        return all(_ends_well(command, folder) for command in _commands(task.language, source, Path(folder)))


def plain_program(completion: str, task: Task) -> str:
    """Return one source file: the answer, or the prompt and the answer, and then the tests.

    Three repairs, without which an answer fails for reasons of form: what the prompt imports is there,
    and an answer's own `main`, examples and tests do not stand in the way of the task's.
    """
    assert task.tests is not None
    code = extract(completion, task.language)
    tests = task.tests.lstrip()
    name = re.search(r"candidate\s*:?=\s*(\w+)", tests)
    assert name is not None
    if not re.search(rf"\b{name[1]}\s*\(.*\{{", code):
        return f"{task.prompt}{code}\n{tests}"
    return f"{_repaired(code, task)}\n{SECOND_FILE if _needs_imports(code, task) else ''}{tests.removeprefix('}')}"


def _needs_imports(code: str, task: Task) -> bool:
    """Return whether a Go answer lacks an import of the tests, which then need a file of their own."""
    return task.language == "go" and not all(name in code for name in ('"fmt"', '"testing"'))


def _repaired(code: str, task: Task) -> str:
    code = re.sub(r"^((?:int|fn|func)\s+)main(\s*\()", r"\1own_main\2", code, flags=re.MULTILINE)
    if task.language == "cpp":
        includes = [line for line in task.prompt.split("\n") if line.startswith("#include")]
        return "\n".join([*includes, code])
    if task.language == "rust":
        uses = [line for line in task.prompt.split("\n") if line.startswith("use ") and line not in code]
        return "\n".join([code, *uses])
    return re.sub(r"\b((?:Test|Example|Benchmark)\w*\()", r"own\1", code)


def _commands(language: str, source: str, folder: Path) -> list[list[str]]:
    if language == "cpp":
        (folder / "a.cpp").write_text(source)
        return [["g++", "-w", "a.cpp", "-o", "a"], ["./a"]]
    if language == "rust":
        (folder / "a.rs").write_text(source)
        return [["rustc", "--edition", "2021", "-Awarnings", "a.rs", "-o", "a"], ["./a"]]
    (folder / "go.mod").write_text(GO_MOD)
    answer, second, tests = source.partition(SECOND_FILE)
    (folder / "a_test.go").write_text(answer)
    if second:
        package = answer.lstrip().partition("\n")[0]
        (folder / "b_test.go").write_text(f'{package}\nimport (\n"fmt"\n"testing"\n)\n{tests}')
    return [["go", "test", "-vet=off", "."]]


def _ends_well(command: list[str], folder: str) -> bool:
    env = {**os.environ, "GOPROXY": "off", "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this repository")
@pytest.mark.parametrize(("file", "name"), [("cpp", "gcc"), ("rs", "rust"), ("go", "go")])
def test_verdicts_agree_with_a_plain_run_on_multipl_e(file: str, name: str) -> None:
    rows = [json.loads(line) for line in (DATA / f"multipl_e_{file}.jsonl").read_text().splitlines()][::4]
    verifier = create(name, VerifierOptions())
    for row in rows:
        task = parse_row(row, "row")
        verdict = verifier.judge("s", row["completion"], task)
        assert verdict.success is plain_run(row["completion"], task), (task.task_id, verdict)
