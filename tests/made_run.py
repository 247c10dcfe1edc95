"""A finished run folder, as `raft train` leaves one, with outcomes made up by a rule."""

from __future__ import annotations

import json

import pytest

from halo_raft.records import CycleStats, Sample, Task, Verdict
from halo_raft.store import JsonlWriter, RunFolder

TASKS = {
    f"t{n}": Task(
        task_id=f"t{n}", prompt=f"Write f{n} <b>now</b>.", entry_point=f"f{n}", test_list=(f"assert f{n}({n}) == {n}",)
    )
    for n in range(12)
}
TRAINING = {
    "loss_curve": [[1, 0.9, 1e-4], [2, 0.5, 1e-4]], "steps": 2, "epochs": 1.0, "examples": 4, "skipped_too_long": 0,
    "completion_tokens": 8, "trained_tokens": 12, "held_back": 0, "held_back_curve": [], "held_back_loss": None,
    "precision": "float32", "loop_seconds": 1.0, "tokens_per_s": 12.0,
}  # fmt: skip
"""What a training says of itself beside its adapter."""

PROGRAMS = ("def {}(x):\n    return x", "def {}(y):  # the same\n    return y", "def {}(x):\n    return x + 1")


def answer(cycle, stage, task_id, index, kind, program=0):
    """Return a sample and its verdict."""
    sample = Sample(
        sample_id=f"{cycle}{stage}{task_id}-{index}",
        task_id=task_id,
        cycle=cycle,
        index=index,
        completion=PROGRAMS[program].format(f"f{task_id[1:]}"),
        prompt_token_ids=[1],
        token_ids=[1, 2],
        finish_reason="stop",
        model="m",
        sampling={},
    )
    verdict = Verdict(
        sample_id=sample.sample_id,
        task_id=task_id,
        kind=kind,
        success=kind == "passed",
        reward=None if kind == "infra" else float(kind == "passed"),
        tests_passed=0,
        tests_total=1,
        details="<i>details</i>",
        integrity="outside",
        tier="A",
        cpu_s=0.0,
        wall_s=0.0,
        verifier="mbpp",
        verifier_version="1",
    )
    return sample, verdict


def write(folder, cycle, stage, answers):
    """Append answers to the files of a stage."""
    paths = folder.samples_path(cycle, stage), folder.verdicts_path(cycle, stage)
    for path, records in zip(paths, zip(*answers, strict=True), strict=True):
        with JsonlWriter(path) as writer:
            writer.append(records)


def make_adapter(adapter, base="tiny"):
    """Make a folder that counts as an adapter; there is nothing in its weights."""
    adapter.mkdir(exist_ok=True)
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base, "r": 4}))
    header = json.dumps({"w": {"dtype": "U8", "shape": [1000], "data_offsets": [0, 1000]}}).encode()
    (adapter / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"x" * 1000)


def make_cycle(folder, cycle, solved):
    """The first `solved` tasks pass, in training and held out alike."""
    kinds = {task_id: "passed" if number < solved else "wrong" for number, task_id in enumerate(TASKS)}
    write(folder, cycle, "heldout", [answer(cycle, "heldout", t, i, k) for t, k in kinds.items() for i in (-1, 0, 1)])
    drawn = [answer(cycle, "", t, i, k, i) for t, k in kinds.items() for i in range(3)]
    if cycle:
        write(folder, cycle, "", drawn)
    rate = {"mean": solved / 12, "low": 0.0, "high": 1.0, "tasks": 12, "samples": 24}
    stats = CycleStats(cycle=cycle, heldout={"pass_at_1": rate, "greedy": rate}, seconds={"heldout": 2.0})
    if cycle:
        folder.write_kept(cycle, [sample for sample, _ in drawn[: 3 * solved]])
        adapter = folder.adapter_path(cycle)
        make_adapter(adapter)
        (adapter / "training.json").write_text(json.dumps(TRAINING))
        stats = CycleStats.from_dict(
            stats.to_dict()
            | {
                "samples": 36,
                "passed": 3 * solved,
                "pass_rate": solved / 12,
                "kinds": {"passed": 3 * solved, "wrong": 36 - 3 * solved},
                "kept": 3 * solved,
                "loss_first": 0.9,
                "loss_last": 0.5,
                "seconds": {"sample": 60.0, "train": 30.0, "heldout": 2.0},
            }
        )
    folder.write_json(f"cycle_{cycle}_stats.json", stats.to_dict())


def write_run(path, solved=(3, 5, 8)):
    """Write a run folder with so many solved tasks a cycle, the base's first; its tasks are beside it."""
    folder = RunFolder(path)
    folder.path.mkdir(parents=True)
    rows = path.parent / "tasks.jsonl"
    rows.write_text("".join(task.to_json() + "\n" for task in TASKS.values()))
    folder.write_json("run.json", {"fingerprint": {"verifier": "mbpp"}, "sandbox_tier": "A"})
    (folder.path / "config.yaml").write_text(f"model:\n  name: tiny\ntasks:\n  train: {rows}\n")
    for cycle, number in enumerate(solved):
        make_cycle(folder, cycle, number)
    folder.write_json("raft_statistics.json", {"best_cycle": len(solved) - 1})
    if len(solved) > 1:
        folder.point_best(len(solved) - 1)
    return folder


@pytest.fixture
def make_run(tmp_path):
    """Returns a function that makes a run folder; see `write_run`."""
    return lambda name="run", solved=(3, 5, 8): write_run(tmp_path / name, solved)
