"""Settings of the SFT pipeline, by the guide's names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AliasChoices, Field, model_validator

from halo_raft.config.resources import ResourcesConfig
from halo_raft.config.schema import ModelConfig, TrackingConfig
from halo_raft.config.section import NonNegative, Positive, PromptFormats, Section
from halo_raft.config.training import LoraConfig, TrainingConfig


class SftDataConfig(Section):
    """Rows for supervised fine-tuning: a file, or a dataset."""

    train_file: str | None = None
    """JSONL with `text`, `prompt`+`completion`, `instruction`+`output` or `messages`."""
    dataset: str | None = None
    """A known name (`codealpaca`), a hub name or a folder, read through `datasets`."""
    validation_split: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the rows that is watched instead of trained on."""
    max_seq_length: Positive = 2048
    """A row with more tokens is refused, or left out with `skip_too_long`."""
    skip_too_long: bool = False
    """Leave rows that are too long out, and say how many, instead of refusing them."""
    limit: Positive | None = None
    """Use the first so many rows only."""
    system_prompt: str | None = None
    """Replaces RAFT's system prompt in rows that are no `messages`; an empty string sends none."""
    prompt_formats: PromptFormats = ("text",)
    """How rows that are tasks, with `test_list` and a reference and no `messages`, are asked, as `tasks.prompt_formats`
    of RAFT; of several forms each row has one."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.train_file and self.dataset:
            raise ValueError("data.dataset: give it or data.train_file, not both")
        return self


RAFT_ALONE = {
    "max_seq_length": "set data.max_seq_length",
    "held_back": "set data.validation_split",
    "lr_decay": "there is one training",
    "init_from": "set model.checkpoint to start from an adapter",
    "base_share": "no model draws anything here",
}
"""Settings of a training that SFT has elsewhere or not at all -> what to do."""


class SftTrainingConfig(TrainingConfig):
    """Training settings of SFT, whose guide keeps the output folder here."""

    output_dir: Path = Path("models/sft")
    """Folder of the result; `final_model/` in it is the adapter."""
    num_train_epochs: Annotated[float, Field(gt=0)] = Field(
        3, validation_alias=AliasChoices("num_train_epochs", "epochs")
    )
    """Passes over the rows."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 2e-4
    """Peak learning rate."""
    early_stopping_patience: NonNegative = 0
    """End when the validation loss was not lower so many times in a row; 0 trains all epochs."""

    @model_validator(mode="after")
    def _has_no_settings_of_raft(self) -> Self:
        for name, instead in RAFT_ALONE.items():
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"training.{name}: has no effect in SFT; {instead}")
        return self


class SftConfig(Section):
    """The SFT pipeline."""

    model: ModelConfig = ModelConfig()
    data: SftDataConfig = SftDataConfig()
    lora: LoraConfig = LoraConfig(r=16, alpha=32, dropout=0.05)
    training: SftTrainingConfig = SftTrainingConfig()
    resources: ResourcesConfig = ResourcesConfig()
    tracking: TrackingConfig = TrackingConfig()
    seed: NonNegative = 0
    """Seed of everything random."""

    @model_validator(mode="after")
    def _watches_something(self) -> Self:
        for name in self.training.choosing:
            if not self.data.validation_split:
                raise ValueError(f"training.{name}: nothing is watched; set data.validation_split")
        return self
