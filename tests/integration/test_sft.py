"""SFT end to end: the guide's YAML as it stands, with the model and its sizes replaced; then RAFT from its result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from halo_raft import cli, models
from halo_raft.config import RaftConfig, load
from halo_raft.pipelines.checkpoint import on_checkpoint_base
from halo_raft.records import Sample
from halo_raft.store import read_records

from .. import guide_yaml

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_session")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, default_model: str) -> tuple[Path, list[str]]:
    """The folder of a finished run and the command that made it."""
    folder = tmp_path_factory.mktemp("sft")
    (folder / "configs").mkdir()
    (folder / "configs" / "sft.yaml").write_text(guide_yaml.SFT)
    rows = [{"prompt": f"Write a function that adds {n}.", "completion": f"def f(x):\n    return x + {n}"}
            for n in range(40)]  # fmt: skip
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["sft", "train", "--config", str(folder / "configs" / "sft.yaml"), "--model", "builtin:smollm2-135m"]
    command += ["--data", str(folder / "train.jsonl"), "--output", str(folder / "out"), "tracking.mlflow=false"]
    assert cli.main([*command, "training.num_train_epochs=2"]) == 0
    return folder / "out", [*command, "training.num_train_epochs=2"]


def test_the_guides_yaml_trains_and_the_loss_falls(trained: tuple[Path, list[str]]) -> None:
    folder, _ = trained
    statistics = json.loads((folder / "sft_statistics.json").read_text())
    assert statistics["loss_last"] < statistics["loss_first"]
    assert statistics["rows"] == statistics["examples"] + statistics["held_back"] == 40
    assert 1 <= statistics["held_back"] <= 8, "a share of 0.05, row by row by lot"
    assert statistics["held_back_loss"] < statistics["held_back_curve"][0][1]
    assert json.loads((folder / "final_model" / "adapter_config.json").read_text())["r"] == 16
    assert (folder / "final_model" / "chat_template.jinja").is_file()
    assert "loss_first" in (folder / "final_model" / "README.md").read_text()


def test_again_does_nothing_and_a_change_is_refused(
    trained: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, command = trained
    assert cli.main(command) == 0
    assert "SFT already complete, skipping..." in capsys.readouterr().out
    assert cli.main([*command, "--seed", "3"]) == 3
    assert "other settings: seed: 0, now 3; set it back, use --fresh" in capsys.readouterr().err


def test_raft_starts_from_it_on_its_own_base(
    trained: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = trained
    checkpoint = str(folder / "final_model")
    config = on_checkpoint_base(load(RaftConfig, None, [f"model.checkpoint={checkpoint}"]))
    assert config.model.name == "builtin:smollm2-135m"
    assert models.rank_of(Path(checkpoint)) == 16
    command = ["raft", "train", "--checkpoint", checkpoint, "--prompts", "starter"]
    assert cli.main([*command, "--dry-run"]) == 0
    assert checkpoint in capsys.readouterr().out

    output = folder.parent / "raft"
    small = ["tasks.limit=4", "sampling.samples_per_prompt=2", "sampling.max_new_tokens=96", "reward_threshold=0.0"]
    small += ['sampling.stop=["\\n"]']  # or some samples may all be cut off
    small += ["engine.max_model_len=512", "engine.kv_cache_gb=1", "training.num_train_epochs=1", "cycles=1"]
    assert cli.main([*command, "--output", str(output), *small, "tracking.mlflow=false"]) == 0
    samples = list(read_records(output / "cycle_1_samples.jsonl", Sample))
    assert {sample.adapter for sample in samples} == {"checkpoint"}
    trained_on = json.loads((output / "cycle_1_final" / "adapter_config.json").read_text())
    assert trained_on["r"] == 16, "the adapter goes on, in its own shape"


def test_another_try_may_have_other_settings_until_one_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.jsonl").write_text(json.dumps({"text": "a long text " * 40}) + "\n")
    command = ["sft", "train", "--data", str(tmp_path / "train.jsonl"), "--output", str(tmp_path / "out")]
    command += ["tracking.mlflow=false", "training.num_train_epochs=1", "data.validation_split=0"]
    assert cli.main([*command, "--max-seq-length", "64"]) == 3
    assert "raise it, or leave such rows out" in capsys.readouterr().err
    assert cli.main([*command, "--max-seq-length", "512"]) == 0


def test_a_bad_row_ends_the_command_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "fine"}\n{"question": "?"}\n')
    code = cli.main(["sft", "train", "--data", str(tmp_path / "train.jsonl"), "--output", str(tmp_path / "out")])
    assert code == 3
    assert "train.jsonl:2: has question; a row needs" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
