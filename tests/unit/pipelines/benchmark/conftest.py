"""Results on disk with simulated outcomes, written by the code that writes real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from halo_raft.pipelines.benchmark.result import BenchmarkResult, Files, measured
from halo_raft.records import Sample, Verdict
from halo_raft.store import JsonlWriter


def sample(task_id: str, index: int, completion: str = "pass", **changes) -> Sample:
    fields = {
        "sample_id": f"{task_id}-{index}",
        "task_id": task_id,
        "cycle": 0,
        "index": index,
        "completion": completion,
        "prompt_token_ids": [1],
        "token_ids": list(range(10 + index)),
        "finish_reason": "stop",
        "model": "m",
        "sampling": {},
    }
    return Sample(**(fields | changes))


def verdict(of: Sample, kind: str) -> Verdict:
    return Verdict(
        sample_id=of.sample_id,
        task_id=of.task_id,
        kind=kind,
        success=kind == "passed",
        reward=None if kind == "infra" else float(kind == "passed"),
        tests_passed=0,
        tests_total=1,
        details=f"it was {kind}",
        integrity="outside",
        tier="A",
        cpu_s=0.0,
        wall_s=0.0,
        verifier="mbpp",
        verifier_version="1",
    )


@pytest.fixture
def write_result():
    """Returns a function that writes a result: task -> kinds of its samples' verdicts."""

    def write(path: Path, kinds: Mapping[str, Sequence[str]], ks: Sequence[int] = (1,), **changes) -> Path:
        files = Files.of(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = {(t, i): sample(t, i, f"{kind} {i}") for t, row in kinds.items() for i, kind in enumerate(row)}
        with JsonlWriter(files.samples) as writer:
            writer.append(samples.values())
        with JsonlWriter(files.verdicts) as writer:
            writer.append(verdict(samples[t, i], kind) for t, row in kinds.items() for i, kind in enumerate(row))
        fields = {
            "model": path.stem,
            "prompts": "starter:heldout",
            "prompts_sha256": "same",
            "verifier": "mbpp",
            "samples_per_prompt": max(map(len, kinds.values())),
            "sampling": {"temperature": 0.2},
            "seed": 0,
            "tokens_per_s": 1.0,
            "wall_s": 1.0,
            "timed_samples": len(samples),
            "versions": {},
            "device": "a test",
            "sandbox_tier": "A",
        }
        BenchmarkResult(**(fields | measured(files, ks) | changes)).save(path)
        return path

    return write
