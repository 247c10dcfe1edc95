"""Settings of what changes from cycle to cycle; `halo_raft.curriculum` acts on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from halo_raft.config.section import Positive, Reward, Section, Share


class CycleConfig(Section):
    """One entry of a `cycles:` list: what this cycle does differently."""

    verifier: str | None = None
    """Verifier of this cycle, in place of `verifier.name`."""
    reward_threshold: Reward | None = None
    """In place of `selection.reward_threshold`."""
    keep_top_percent: Share | None = None
    """In place of `selection.keep_top_percent`."""
    run_after_compile: bool | None = None
    """In place of `verifier.run_after_compile`."""
    temperature: Annotated[float, Field(ge=0, le=5)] | None = None
    """In place of `sampling.temperature`."""


class CurriculumConfig(Section):
    """Which prompts a cycle draws, and what partial credit counts in it."""

    strategy: Literal["none", "complexity", "progressive", "adaptive", "historical", "almost"] = "none"
    """`complexity` begins with the easiest prompts and adds harder ones; `adaptive` does so only while they are
    solved, and goes back when they are not; `historical` leaves out what is solved already and most of what never
    was; `almost` begins with the easiest and adds harder ones, by what their samples earned so far (partial credit
    too), those that always passed last; `progressive` makes the verifier stricter, by the entries of `cycles`."""
    start_share: Share = 0.5
    """Share of the prompts, easiest first, in cycle 1 of `complexity`, `adaptive` and `almost`."""
    step: Share = 0.25
    """How far that share moves from cycle to cycle."""
    target_pass_rate: Share = 0.3
    """`adaptive`, for prompts and for rewards: the pass rate from which a cycle counts as solved."""
    explore: Annotated[float, Field(ge=0, le=1)] = 0.25
    """`historical`: share of the prompts that were never solved to try again."""
    reward_shaping: Literal["fixed", "annealing", "warmup", "adaptive"] = "fixed"
    """What partial credit counts: `warmup` twice at first; `annealing` twice at first, then fading to nothing;
    `adaptive` the more, the less is solved. The credit of a full success never changes."""
    shaping_cycles: Positive = 2
    """Cycles that `warmup` and `annealing` take."""
