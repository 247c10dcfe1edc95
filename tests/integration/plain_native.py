"""The ordinary way to judge a MultiPL-E answer: one file of answer and tests, compiled and run, no sandbox.

For comparison with the verifiers, on answers that are known to be harmless.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from halo_raft.extract import extract
from halo_raft.records import Task

GO_MOD = "module plain\n\ngo 1.19\n"


def plain_run(completion: str, task: Task) -> bool:
    """Return whether answer and tests compile and end with status 0."""
    source = plain_program(completion, task)
    with tempfile.TemporaryDirectory() as folder:
        return all(_ends_well(command, folder) for command in _commands(task.language, source, Path(folder)))


def plain_program(completion: str, task: Task) -> str:
    """Return one source file: the answer, or the prompt and the answer, and then the tests."""
    assert task.tests is not None
    code = extract(completion, task.language)
    tests = task.tests.lstrip()
    name = re.search(r"candidate\s*:?=\s*(\w+)", tests)
    assert name is not None
    if re.search(rf"\b{name[1]}\s*\(.*\{{", code):
        return f"{code}\n{tests.removeprefix('}')}"
    return f"{task.prompt}{code}\n{tests}"


def _commands(language: str, source: str, folder: Path) -> list[list[str]]:
    if language == "cpp":
        (folder / "a.cpp").write_text(source)
        return [["g++", "-w", "a.cpp", "-o", "a"], ["./a"]]
    if language == "rust":
        (folder / "a.rs").write_text(source)
        return [["rustc", "--edition", "2021", "-Awarnings", "a.rs", "-o", "a"], ["./a"]]
    (folder / "go.mod").write_text(GO_MOD)
    (folder / "a_test.go").write_text(source)
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
