"""The tasks of the C++ study: as their script writes them, apart, and each with a reference that passes."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from halo_raft import cli

PROGRAMS = Path(__file__).resolve().parents[3] / "bench" / "cpp" / "programs"
SETS = ("train", "choose", "same", "new")


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("cpp_programs", PROGRAMS / "make.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # where a dataclass looks for its own
    spec.loader.exec_module(module)
    return module


def test_the_files_are_what_the_script_writes(make: ModuleType) -> None:
    written = {name: [json.loads(line) for line in (PROGRAMS / f"{name}.jsonl").open()] for name in SETS}
    assert dict(make.sets()) == written
    rows = [row for part in written.values() for row in part]
    for key in ("task_id", "prompt", "solution"):
        assert len({row[key] for row in rows}) == len(rows)


def test_a_constant_stands_in_prompt_reference_and_results(make: ModuleType) -> None:
    family = make.Family("adds K", "cout << n + K;", ((1,), (2,)), lambda k, n: [n + k, n], (5,))
    row = make.task("a", family, 5)
    assert row["prompt"] == "Write a complete C++ program that adds 5."
    assert "    cout << n + 5;\n" in row["solution"]
    assert row["test_cases"] == [{"input": "1\n", "output": "6\n1\n"}, {"input": "2\n", "output": "7\n2\n"}]


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_every_reference_passes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = PROGRAMS / f"{name}.jsonl"
    assert cli.main(["data", "validate", str(path)]) == 0
    assert f"{len(path.read_text().splitlines())} tasks are sound, 0 broken" in capsys.readouterr().out
