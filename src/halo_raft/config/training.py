"""Settings of one fine-tuning, in RAFT and SFT alike."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field

from halo_raft.config.section import NonNegative, Positive, Section, Share

WHEN_CHECKPOINTS_ARE_WRITTEN = ("checkpoint_steps", "checkpoint_minutes")
"""Settings of a training that its result does not depend on."""

SINCE_ADDED = ("quantize", "base_share", "weight", "scales", "rslora", "plus_ratio")
"""Settings that folders of earlier versions do not name."""


class LoraConfig(Section):
    """Shape of a new adapter. One that is gone on with (`model.checkpoint`) keeps its own, but for `plus_ratio`."""

    r: Positive = 32
    """Rank: how much an adapter can hold. Engines serve 8, 16, 32, 64, ..."""
    alpha: Positive = 64
    """Scale: what the adapter adds is multiplied by `alpha / r`."""
    rslora: bool = False
    """Multiply by `alpha / sqrt(r)` instead, which keeps high ranks learning as fast as low ones (rsLoRA)."""
    plus_ratio: Annotated[float, Field(ge=1)] = 1.0
    """Learning rate of an adapter's B matrices over that of its A matrices (LoRA+); 1 learns both alike."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the adapter's inputs that is dropped at random while it trains."""
    target_modules: str | tuple[str, ...] = "all-linear"
    """Layers that get an adapter: `all-linear`, or their names."""


class TrainingConfig(Section):
    """One fine-tuning: a cycle of RAFT, or SFT."""

    num_train_epochs: Annotated[float, Field(gt=0)] = Field(
        2, validation_alias=AliasChoices("num_train_epochs", "epochs")
    )
    """Passes over the examples."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 5e-5
    """Peak learning rate of the first cycle."""
    lr_decay: Share = 0.85
    """Each cycle's learning rate is the last one's times this."""
    warmup_steps: NonNegative = 5
    """Optimizer steps in which the learning rate rises to its peak."""
    per_device_train_batch_size: Positive = Field(
        8, validation_alias=AliasChoices("per_device_train_batch_size", "batch_size")
    )
    """Examples that a worker computes at once; fewer are taken where memory runs out."""
    gradient_accumulation_steps: Positive = Field(
        2, validation_alias=AliasChoices("gradient_accumulation_steps", "gradient_accumulation")
    )
    """Batches that make one optimizer step."""
    max_seq_length: Positive = 2048
    """Samples with more tokens, prompt included, are left out and counted."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Longer gradients are shortened to this."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """How much the optimizer pulls weights towards 0."""
    weight: Literal["sample", "prompt"] = "sample"
    """What counts as one in the loss: each kept sample, or each prompt, whose samples then share its weight."""
    base_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the examples that are answers of the model that the run began from, right or wrong, drawn from cycle 1:
    they hold on to what it could do."""
    scales: tuple[Annotated[float, Field(gt=0, le=2)], ...] = ()
    """Keep so much of the adapter that was trained (0.5: half; WiSE-FT), what it began from included; of several the
    one with the lowest held-back loss."""
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
    """Compute activations again in place of keeping them: less memory, more time."""
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

    @property
    def choosing(self) -> tuple[str, ...]:
        """Settings that choose by the loss on what is held back."""
        named = {"early_stopping_patience": self.early_stopping_patience > 0, "scales": len(self.scales) > 1}
        return tuple(name for name, chooses in named.items() if chooses)


def tied_settings(section: LoraConfig | TrainingConfig) -> dict[str, Any]:
    """Return what of a section a run folder is tied to, as JSON has it.

    Left out is what no result depends on, and at its default what folders of earlier versions do not name.
    """
    fields = type(section).model_fields
    unset = {name for name in SINCE_ADDED if name in fields and getattr(section, name) == fields[name].default}
    return section.model_dump(mode="json", exclude={*unset, *WHEN_CHECKPOINTS_ARE_WRITTEN})
