"""What the tests of training share: a tiny model, and jobs on it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from halo_raft.config.schema import LoraConfig, TrainingConfig
from halo_raft.train import FinetuneJob

from ...tiny_model import EOS, VOCABULARY, make_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of the model."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def rows(count: int, seed: int = 0) -> list[dict[str, object]]:
    """Rows of very different lengths, prompt and completion alike; every second one lacks its EOS."""
    rng = random.Random(seed)

    def words(low: int, high: int) -> list[int]:
        return [rng.randrange(3, VOCABULARY) for _ in range(rng.randint(low, high))]

    return [
        {"prompt_token_ids": words(3, 70), "token_ids": words(1, 60) + [EOS] * (i % 2), "task_id": f"t{i}"}
        for i in range(count)
    ]


@pytest.fixture
def make_job(tiny_model: str, tmp_path: Path) -> Callable[..., FinetuneJob]:
    """Return a maker of jobs in the test's folder."""
    return job_maker(tiny_model, tmp_path)


def job_maker(model: str, folder: Path) -> Callable[..., FinetuneJob]:
    """Return a maker of jobs on 8 rows, in float32; keywords are fields of the job or of its training."""

    def make(name: str = "adapter", **changes: object) -> FinetuneJob:
        examples = folder / "examples.jsonl"
        examples.write_text("".join(json.dumps(row) + "\n" for row in rows(8)))
        training: dict[str, object] = {"bf16": False, "batch_size": 4, "gradient_accumulation": 2, "warmup_steps": 0}
        settings = {*TrainingConfig.model_fields, "batch_size", "gradient_accumulation"} - {"learning_rate"}
        training |= {key: changes.pop(key) for key in list(changes) if key in settings}
        fields: dict[str, object] = {
            "base_model": model, "example_files": (examples,), "output_dir": folder / name,
            "storage_dir": folder / "ray", "lora": LoraConfig(r=4, alpha=8), "learning_rate": 1e-2,
            "training": TrainingConfig.model_validate(training),
        }  # fmt: skip
        return FinetuneJob(**(fields | changes))  # type: ignore[arg-type]

    return make
