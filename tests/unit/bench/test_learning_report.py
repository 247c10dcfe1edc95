"""The report of a learning study says what the runs on disk say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from halo_raft import tasks
from halo_raft.config import RaftConfig, load, to_yaml
from halo_raft.records import CycleStats, Sample, Verdict, VerdictKind
from halo_raft.store import JsonlWriter

BENCH = Path(__file__).resolve().parents[2] / "bench"
SAMPLES = 4


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import learning_report

    yield learning_report
    for name in ("learning_report", "learning_plots"):
        sys.modules.pop(name, None)


def fake_run(folder: Path, passes: dict[int, int]) -> None:
    """Write a run's files; in cycle c every held-out task passes `passes[c]` of its 4 samples."""
    config = load(RaftConfig, None, ["tasks.heldout=starter:heldout", f"output_dir={folder}"])
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(to_yaml(config))
    for cycle, passed in passes.items():
        stats = CycleStats(cycle=cycle, heldout={"pass_at_1": {"mean": passed / SAMPLES}}, kept=7, kept_prompts=5)
        (folder / f"cycle_{cycle}_stats.json").write_text(json.dumps(stats.to_dict()))
        with (
            JsonlWriter(folder / f"cycle_{cycle}_heldout_samples.jsonl") as samples,
            JsonlWriter(folder / f"cycle_{cycle}_heldout_verified.jsonl") as verdicts,
        ):
            for task in tasks.load("starter:heldout", limit=10).tasks:
                for index in range(-1, SAMPLES):
                    success = index < passed  # greedy (-1) always passes: it must not be counted
                    sample_id = f"{cycle}/{task.task_id}/{index}"
                    samples.append([Sample(
                        sample_id=sample_id, task_id=task.task_id, cycle=cycle, index=index,
                        completion=f"def f():\n    return {index % 2}", prompt_token_ids=[1], token_ids=[1],
                        finish_reason="stop", model="m", sampling={},
                    )])  # fmt: skip
                    verdicts.append([Verdict(
                        sample_id=sample_id, task_id=task.task_id,
                        kind=VerdictKind.PASSED if success else VerdictKind.WRONG, success=success,
                        reward=float(success), tests_passed=0, tests_total=1, details="", integrity="outside",
                        tier="A", cpu_s=0, wall_s=0, verifier="v", verifier_version="1",
                    )])  # fmt: skip


def test_tables_and_plots_of_two_arms_and_two_seeds(report, tmp_path: Path) -> None:
    for seed in (0, 1):
        fake_run(tmp_path / f"raft-seed{seed}", {0: 1, 1: 3, 2: 2})
        fake_run(tmp_path / f"control-seed{seed}", {0: 1, 1: 1, 2: 2})
    runs = [report.measure(tmp_path, arm, seed, ()) for seed in (0, 1) for arm in ("raft", "control")]
    assert [run.best for run in runs] == [1, 2, 1, 2]
    command = ["bench/learning.py", "--note", "n.md"]
    report.write_report(tmp_path / "out.md", runs, train="T", heldout="H", command=command, note="Small tasks.\n")
    text = (tmp_path / "out.md").read_text()
    assert "Seeds: 0, 1.\n\nSmall tasks.\n\n`control` keeps" in text
    assert "| base | 0 | 25.0% [18.1%, 45.8%] | 100.0%" in text
    assert "| raft | 1 | 75.0% [54.2%, 81.9%] | 100.0% [72.2%, 100.0%] | 2.00 |" in text
    assert "| raft, best cycle, less base | +50.0% [+8.4%, +63.9%], +200% relative" in text
    assert "| raft less control, best cycles | +25.0% [-9.7%, +45.8%], +50% relative" in text
    assert "| raft less control, cycle 1 | +50.0%" in text
    assert "over tasks and the 2 training runs alike" in text
    for name in ("out_heldout_pass1.png", "out_heldout_pass4.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
        assert f"({name})" in text


def test_an_interval_is_over_training_runs_too(report, tmp_path: Path) -> None:
    for seed, passed in ((0, 1), (1, 3)):
        fake_run(tmp_path / f"raft-seed{seed}", {0: 1, 1: passed})
    runs = [report.measure(tmp_path, "raft", seed, ()) for seed in (0, 1)]
    report.write_report(tmp_path / "out.md", runs, train="T", heldout="H", command=[])
    text = (tmp_path / "out.md").read_text()
    assert "| raft | 1 | 50.0% [25.0%, 75.0%]" in text, "all tasks alike, but one run learned nothing"
    assert "| raft, best cycle, less base | +25.0% [+0.0%, +50.0%]" in text
    report.write_report(tmp_path / "one.md", runs[:1], train="T", heldout="H", command=[])
    assert "over the tasks of one training run: what another seed would give" in (tmp_path / "one.md").read_text()
