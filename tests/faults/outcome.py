"""What has to hold at the end of a run, however often it was killed: nothing torn, nothing twice, nothing left."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from halo_raft.records import Sample, Verdict
from halo_raft.store import RunFolder, read_records

TIMED = ("loop_seconds", "tokens_per_s")
"""What a training says of its speed."""


@dataclass(frozen=True)
class Outcome:
    """All of a folder that must not depend on how often it was killed."""

    samples: dict[str, dict[str, str]] = field(default_factory=dict)
    verdicts: dict[str, dict[str, bool]] = field(default_factory=dict)
    kept: dict[str, list[str]] = field(default_factory=dict)
    weights: dict[str, bytes] = field(default_factory=dict)
    trainings: dict[str, dict[str, Any]] = field(default_factory=dict)


def outcome(output: Path) -> Outcome:
    """Read a folder, and check what has to hold in each: nothing torn, nothing twice."""
    found = Outcome()
    for path in sorted(output.rglob("*.jsonl")):
        name = str(path.relative_to(output))
        assert path.read_bytes().endswith(b"\n"), f"{name} is torn"
        assert all(json.loads(line) for line in path.read_text().splitlines()), f"{name} has an empty line"
        if name.endswith("samples.jsonl"):
            samples = list(read_records(path, Sample))
            assert len({(s.cycle, s.task_id, s.index) for s in samples}) == len(samples), f"{name} has some twice"
            found.samples[name] = {s.sample_id: s.completion for s in samples}
        elif name.endswith("verified.jsonl"):
            verdicts = list(read_records(path, Verdict))
            assert len({v.sample_id for v in verdicts}) == len(verdicts), f"{name} has some twice"
            found.verdicts[name] = {v.sample_id: v.success for v in verdicts}
        elif name.endswith("kept.jsonl"):
            found.kept[name] = [s.sample_id for s in read_records(path, Sample)]
    for name, drawn in found.samples.items():
        assert found.verdicts[name.replace("samples", "verified")].keys() == drawn.keys()
    for path in sorted(output.rglob("adapter_model.safetensors")):
        if not path.parent.is_symlink():
            found.weights[str(path.relative_to(output))] = path.read_bytes()
            facts = json.loads((path.parent / "training.json").read_text())
            name = str(path.parent.relative_to(output))
            found.trainings[name] = {key: value for key, value in facts.items() if key not in TIMED}
    for path in output.rglob("*.json"):
        json.loads(path.read_text())
    hidden = [p.name for p in output.rglob(".*") if p.name not in (".lock", ".ray_train") and not _is_link(p, output)]
    assert not hidden, f"left in the folder: {hidden}"
    for run in [output, *output.glob("trial_*")]:
        if any(run.glob("cycle_*_stats.json")):
            assert all(stats.cycle >= 0 for stats in RunFolder(run).history())
    return found


def _is_link(path: Path, output: Path) -> bool:
    return any(p.is_symlink() for p in (path, *path.parents) if p != output)


def metrics_in_mlflow(output: Path) -> dict[tuple[str, str, int], set[float]]:
    """Return the values that MLflow has by name of the run, metric and step.

    Left out: durations, speeds, and what trials took over from each other, which depends on who was first.
    """
    found: dict[tuple[str, str, int], set[float]] = {}
    with sqlite3.connect(f"{output}.mlruns/mlflow.db") as database:
        rows = database.execute("select name, key, step, value from metrics join runs using (run_uuid)").fetchall()
    for run, key, step, value in rows:
        if not any(word in key for word in ("system/", "seconds", "_per_s", "tokens/")):
            # a run is named after its folder
            found.setdefault((run.replace(output.name, "run"), key, step), set()).add(value)
    return found


def twice_in_mlflow(output: Path) -> list[tuple[str, str, int]]:
    """Return metrics that MLflow has more than once at a step, and check that no run is open."""
    with sqlite3.connect(f"{output}.mlruns/mlflow.db") as database:
        states = {state for (state,) in database.execute("select status from runs")}
        assert states <= {"FINISHED"}, states
        return database.execute(
            "select run_uuid, key, step from metrics where key not like 'system/%' "
            "group by run_uuid, key, step having count(*) > 1"
        ).fetchall()
