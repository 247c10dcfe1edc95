"""Commands on machines that share no folder: they end there as they end on one, also when a machine is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from halo_raft.pipelines.sweep.storage import open_study
from halo_raft.pipelines.sweep.study import ended_trials

from .machines import Machines, possible

pytestmark = pytest.mark.skipif(not possible(), reason="no namespaces may be made here, which keep machines apart")

PATIENCE_S = 400

SETTINGS: dict[str, Any] = {
    "tasks": {"train": "starter", "limit": 6, "heldout": "starter:heldout", "heldout_limit": 2},
    # random tokens: an answer that ends at once is at least not a truncated one
    "sampling": {"samples_per_prompt": 2, "max_new_tokens": 32, "temperature": 1.0, "stop": ["e", "a", " "]},
    "verifier": {"workers": 2},
    "engine": {"name": "transformers", "max_model_len": 512},
    "selection": {"reward_threshold": 0.0, "keep_top_percent": 1.0},
    "training": {
        "num_train_epochs": 2,
        "gradient_accumulation_steps": 1,
        "per_device_train_batch_size": 2,
        "learning_rate": 1e-2,
        "bf16": False,
    },
    "lora": {"r": 4, "alpha": 8},
    "heldout": {"samples": 2, "greedy": True},
    "tracking": {"mlflow": False},
    "cycles": 2,
}  # fmt: skip
ROWS = [{"prompt": f"Say {n}.", "completion": f"{n}, of course"} for n in range(12)]


@pytest.fixture(scope="module")
def machines(random_model) -> Iterator[Machines]:
    """A head that computes nothing, and one machine that does all of it."""
    made = Machines(random_model, "one")
    yield made
    made.end()


@pytest.fixture
def three(random_model) -> Iterator[Machines]:
    """A head that computes nothing, and two machines, one of which may be lost."""
    made = Machines(random_model, "one", "two")
    yield made
    made.end()


def write(folder: Path, model: str, **more: Any) -> None:
    """Write the settings and the rows of a test into a machine's working folder."""
    settings = SETTINGS | {"model": {"name": model}, "output_dir": "run"} | more
    (folder / "raft.yaml").write_text(yaml.safe_dump(settings))
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))


def weights(adapter: Path) -> dict[str, list[float]]:
    from safetensors.torch import load_file

    return {
        name: tensor.flatten().tolist() for name, tensor in load_file(adapter / "adapter_model.safetensors").items()
    }


def samples(path: Path) -> list[tuple[str, int, str]]:
    rows = map(json.loads, path.read_text().splitlines())
    return sorted((row["task_id"], row["index"], row["completion"]) for row in rows)


def verdicts(path: Path) -> dict[str, str]:
    return {row["sample_id"]: row["kind"] for row in map(json.loads, path.read_text().splitlines())}


def assert_same_run(one: Path, other: Path) -> None:
    for cycle in ("cycle_0_heldout", "cycle_1", "cycle_1_heldout", "cycle_2", "cycle_2_heldout"):
        assert samples(one / f"{cycle}_samples.jsonl") == samples(other / f"{cycle}_samples.jsonl")
        assert verdicts(one / f"{cycle}_verified.jsonl") == verdicts(other / f"{cycle}_verified.jsonl")
    for cycle in (1, 2):
        assert weights(one / f"cycle_{cycle}_final") == weights(other / f"cycle_{cycle}_final")


def test_training_on_a_machine_that_shares_nothing_brings_its_adapter_home(machines):
    """The short one of these tests: examples go there, progress, checkpoints and the adapter come back."""
    work = machines.work()
    write(work, str(machines.model))
    said = machines.run(
        "sft", "train", f"model.name={machines.model}", "data.train_file=rows.jsonl", "training.output_dir=sft",
        "tracking.mlflow=false", "training.bf16=false", "training.num_train_epochs=2",
    )  # fmt: skip
    assert "Loss:" in said
    config = json.loads((work / "sft/final_model/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(machines.model)
    assert {path.name for path in (work / "sft").glob(".*")} <= {".lock", ".ray_train"}, "no checkpoint is left"
    assert list(machines.work("one").iterdir()) == [], "nothing was written elsewhere"
    assert any((machines.folder / "one/home/.cache/halo-raft/travelled").glob("*/train_examples.jsonl"))


@pytest.mark.slow
def test_every_command_ends_there_with_the_results_of_one_machine(machines):
    work = machines.work()
    write(work, str(machines.model))
    raft = ["raft", "train", "--config", "raft.yaml"]
    machines.run(*raft)
    machines.run(*raft, "output_dir=alone", alone=True)
    assert_same_run(work / "alone", work / "run")

    sft = ["sft", "train", f"model.name={machines.model}", "data.train_file=rows.jsonl", "tracking.mlflow=false"]
    machines.run(*sft, "training.output_dir=sft_there")
    machines.run(*sft, "training.output_dir=sft_alone", alone=True)
    assert weights(work / "sft_alone/final_model") == weights(work / "sft_there/final_model")

    measure = ["benchmark", "run", "--model", "run/cycle_1_final", "--prompts", "starter:heldout", "--samples", "2"]
    measure += ["--engine", "transformers", "--max-new-tokens", "32"]
    words = ["tasks.limit=3", "engine.max_model_len=512", 'sampling.stop=["e","a"," "]', "tracking.mlflow=false"]
    machines.run(*measure, "--output", "there.json", *words)
    machines.run(*measure, "--output", "alone.json", *words, alone=True)
    assert samples(work / "alone_samples.jsonl") == samples(work / "there_samples.jsonl")


@pytest.mark.slow
def test_a_sweep_ends_there(machines):
    work = machines.work()
    space = {"learning_rate": [1e-2, 2e-2]}
    write(work, str(machines.model), cycles=1, output_dir="sweep",
          sweep={"trials": 2, "sampler": "grid", "space": space})  # fmt: skip
    machines.run("sweep", "--config", "raft.yaml")
    assert [t.state for t in ended_trials(open_study(str(work / "sweep/study.journal"), None))] == ["complete"] * 2
    assert all((work / f"sweep/trial_{n}/cycle_1_final/adapter_model.safetensors").is_file() for n in range(2))


def generating(work: Path) -> bool:
    return (work / "run/cycle_1_samples.jsonl").is_file()


def training(work: Path) -> bool:
    return any((work / "run").glob(".cycle_1_final-checkpoints/checkpoint-*"))


def measuring(work: Path) -> bool:
    return (work / "run/cycle_1_final").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("stage", [generating, training, measuring])
def test_a_run_ends_though_a_machine_is_lost_in_a_stage(three, stage: Callable[[Path], bool]):
    work = three.work()
    slow = SETTINGS["training"] | {"num_train_epochs": 6, "checkpoint_steps": 2}
    write(work, str(three.model), training=slow, engine=SETTINGS["engine"] | {"max_num_seqs": 2})
    command = three.start("raft", "train", "--config", "raft.yaml")
    until = time.monotonic() + PATIENCE_S
    while not stage(work):
        assert command.poll() is None and time.monotonic() < until, command.communicate()[0]
        time.sleep(0.1)
    three.kill("one")
    said, _ = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 0, said
    for cycle in (1, 2):
        drawn = samples(work / f"run/cycle_{cycle}_samples.jsonl")
        assert len(drawn) == len({(task, index) for task, index, _ in drawn}) == 12
        assert len(verdicts(work / f"run/cycle_{cycle}_verified.jsonl")) == 12
        assert (work / f"run/cycle_{cycle}_final/adapter_model.safetensors").is_file()
