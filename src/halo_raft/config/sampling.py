"""Settings of how completions are drawn: how often, how hot, and in which further rounds of a cycle."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from halo_raft.config.section import NonNegative, Positive, Section, Share


class SamplingConfig(Section):
    """How completions are drawn."""

    samples_per_prompt: Positive = 8
    """Completions drawn of each prompt in a cycle."""
    temperature: Annotated[float, Field(ge=0, le=5)] = 0.7
    """Higher draws more different answers; 0 decodes greedily, which makes all samples of a prompt the same."""
    temperatures: tuple[Annotated[float, Field(ge=0, le=5)], ...] = ()
    """One temperature a cycle, in place of `temperature`; the last one stays for further cycles."""
    second_round: NonNegative = 0
    """Draw so many more samples of each prompt that passed sometimes, but in at most `second_round_max_rate`."""
    second_round_max_rate: Share = 0.25
    """Prompts solved more often than this get no second round."""
    allot: Literal["even", "posterior"] = "even"
    """From cycle 2 on, `posterior` draws as many samples in all, but most of prompts that pass now and then, few of
    those that always or never passed, and none of those that failed in four cycles."""
    repair: NonNegative = 0
    """Draw so many more samples of each prompt without a winner: they see a failed answer of theirs, and its verdict as
    far as the prompt may know it."""
    hint: Literal["reference"] | None = None
    """`reference`: prompts that stay without a winner are asked with their reference solution in view, and what passes
    is trained on without it, up to `selection.max_hinted_share`."""
    hint_samples: Positive = 4
    """Samples of each prompt that is asked with a hint."""
    top_k: NonNegative = 0
    """Keep the k likeliest tokens; 0 keeps all."""
    top_p: Share = 1.0
    """Nucleus sampling. Below 1 it sorts the vocabulary each step, which halves the speed on CPU."""
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Drop tokens less likely than this share of the likeliest one."""
    max_new_tokens: Positive = 512
    """Length limit of a completion, in tokens. One that reaches it is never trained on."""
    stop: tuple[str, ...] = ()
    """Strings that end a completion; they stay in it."""
