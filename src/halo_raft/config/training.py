"""Settings of one fine-tuning, in RAFT and SFT alike."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from halo_raft.config.section import NonNegative, Positive, Section, Share

WHEN_CHECKPOINTS_ARE_WRITTEN = ("checkpoint_steps", "checkpoint_minutes")
"""Settings of a training that its result does not depend on."""


class LoraConfig(Section):
    """Shape of the adapter."""

    r: Positive = 32
    alpha: Positive = 64
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: str | tuple[str, ...] = "all-linear"


class TrainingConfig(Section):
    """One fine-tuning: a cycle of RAFT, or SFT."""

    num_train_epochs: Annotated[float, Field(gt=0)] = Field(
        2, validation_alias=AliasChoices("num_train_epochs", "epochs")
    )
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 5e-5
    lr_decay: Share = 0.85
    """Each cycle's learning rate is the last one's times this."""
    warmup_steps: NonNegative = 5
    per_device_train_batch_size: Positive = Field(
        8, validation_alias=AliasChoices("per_device_train_batch_size", "batch_size")
    )
    gradient_accumulation_steps: Positive = Field(
        2, validation_alias=AliasChoices("gradient_accumulation_steps", "gradient_accumulation")
    )
    max_seq_length: Positive = 2048
    """Samples with more tokens, prompt included, are left out and counted."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    min_steps: NonNegative = 0
    """At least so many optimizer steps: few examples are accumulated less, then seen more often."""
    train_on: Literal["completion", "all"] = "completion"
    """Which tokens carry loss: the completion's, its EOS included, or the prompt's too."""
    held_back: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the prompts whose examples are not trained on but watched: the epoch with the lowest loss is kept."""
    early_stopping_patience: NonNegative = 0
    """End when the held-back loss was not lower so many times in a row; 0 trains all epochs."""
    bf16: bool | None = None
    """Train in bfloat16; on where the hardware is fast at it when not given."""
    quantize: Literal["nf4"] | None = None
    """Hold the frozen base in 4 bits while training, for cards that are too small (NVIDIA, needs bitsandbytes)."""
    gradient_checkpointing: bool = False
    init_from: Literal["base", "previous"] = "base"
    """Start each cycle from the base model (with the winners of all cycles) or from the last adapter."""
    checkpoint_steps: NonNegative = 0
    """Keep what it takes to go on inside a training every so many optimizer steps; 0 goes by the minutes alone."""
    checkpoint_minutes: Annotated[float, Field(ge=0)] = 10
    """The same every so many minutes, the most that a preempted training loses; 0 goes by the steps alone."""
    dataloader_num_workers: NonNegative = 0
    """Keep 0 on unified memory (Strix Halo): worker processes hang the GPU there."""
    dataloader_pin_memory: bool = False
    """Keep false on unified memory."""
