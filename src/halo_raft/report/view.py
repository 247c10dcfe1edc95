"""What there is to show of runs and comparisons, ready to be drawn and written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from halo_raft.evaluate import Changes, Difference, Outcomes
from halo_raft.records import HINT, REPAIR, CycleStats, PassRate


@dataclass(frozen=True, slots=True)
class Answer:
    """One completion and what the judge said of it."""

    completion: str
    kind: str
    details: str


@dataclass(frozen=True, slots=True)
class Example:
    """An answer with the question it is to, as the model saw it; `round` is that of `records.Sample`."""

    cycle: int
    task_id: str
    prompt: str
    answer: Answer
    round: str | None = None

    @property
    def in_view(self) -> str:
        """What the model saw besides the task; nothing of most samples."""
        return {REPAIR: "a failed answer", HINT: "the reference"}.get(self.round or "", "")


@dataclass(frozen=True, slots=True)
class Answers:
    """What one model answered to a task.

    Attributes:
        name: Of the model.
        kinds: Verdicts by kind, of all its samples.
        shown: The first completion that passed and the first that did not, as far as there are any.
    """

    name: str
    kinds: Mapping[str, int]
    shown: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One task as the models saw it, and what each of them answered."""

    task_id: str
    prompt: str
    answers: tuple[Answers, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleView:
    """One cycle; 0 is the model before training.

    Attributes:
        heldout: `pass_at_1`, `pass_at_2`, ... and `greedy` with their intervals over tasks.
        outcomes: What cycles and runs are compared by: sampled held-out completions, else greedy ones; None without.
        solved: Share of the training prompts that at least one sample solved; None for cycle 0.
        passed: Share of the training samples that passed, as a mean over prompts; None for cycle 0.
        rewards: Reward -> judged training samples that got it.
        kept: Number of kept samples of a training prompt, from 1 -> prompts that have so many.
        unique_ratio: Distinct programs per sample that passed; None where none passed.
        loss: (optimizer step, loss per completion token).
    """

    stats: CycleStats
    heldout: Mapping[str, PassRate] = field(default_factory=dict)
    outcomes: Outcomes | None = None
    solved: PassRate | None = None
    passed: PassRate | None = None
    rewards: Mapping[float, int] = field(default_factory=dict)
    kept: Mapping[int, int] = field(default_factory=dict)
    unique_ratio: float | None = None
    loss: tuple[tuple[int, float], ...] = ()

    @property
    def name(self) -> str:
        """`base`, or the cycle's number."""
        return "base" if self.stats.cycle == 0 else str(self.stats.cycle)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run, of RAFT or of supervised fine-tuning, which has no cycles.

    Attributes:
        name: Folder name, made longer where two runs of a report share it.
        arm: `raft`, or `control` where samples were kept at random.
        cycles: The base model first, then the finished cycles.
        best: Cycle that `best` points at; None while there is none.
        heldout_key: Of the held-out tasks and how they are sampled; runs are compared where it is the same.
        difference: Best cycle against the base model on the held-out tasks.
        changes: The same, by task.
        side_by_side: The held-out tasks that changed most, with what the base and the best cycle answered.
        examples: Sampled completions of the first and the best cycle, passed and failed, further rounds' included.
        losses: Of supervised fine-tuning: what the loss is on -> (optimizer step, loss per completion token).
        headline: Of supervised fine-tuning: title -> the number to look at first.
        facts: Topic -> text: model, tasks, versions, sandbox tier, ...
        config: The resolved configuration as YAML.
    """

    name: str
    path: str
    cycles: tuple[CycleView, ...]
    best: int | None
    arm: str = "raft"
    heldout_key: str = ""
    difference: Difference | None = None
    changes: Changes | None = None
    side_by_side: tuple[SideBySide, ...] = ()
    examples: tuple[Example, ...] = ()
    losses: Mapping[str, tuple[tuple[int, float], ...]] = field(default_factory=dict)
    headline: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    config: str = ""

    @property
    def outcomes(self) -> dict[int, Outcomes]:
        """What was measured, by cycle."""
        return {cycle.stats.cycle: cycle.outcomes for cycle in self.cycles if cycle.outcomes}

    @property
    def trained(self) -> tuple[CycleView, ...]:
        """The cycles without the base model."""
        return tuple(cycle for cycle in self.cycles if cycle.stats.cycle > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model of a comparison.

    Attributes:
        rates: k as text -> pass@k.
        kinds: Verdicts by kind.
        lengths: `mean`, `p95`, ... tokens of the completions.
        wall_s: Seconds of generation and verification.
    """

    name: str
    rates: Mapping[str, PassRate]
    kinds: Mapping[str, int]
    lengths: Mapping[str, float]
    tokens_per_s: float
    wall_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A model against the first one; `verdict` says in words whether they differ."""

    name: str
    difference: Difference
    changes: Changes
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonView:
    """Two or more models on the same tasks.

    Attributes:
        k: The k of the pass@k that is compared.
        tasks: Name of the tasks.
        note: In what the models were sampled differently; empty where in nothing.
    """

    k: int
    tasks: str
    note: str
    models: tuple[ModelRow, ...]
    contrasts: tuple[Contrast, ...]
    side_by_side: tuple[SideBySide, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialView:
    """One trial of a sweep.

    Attributes:
        state: `complete`, `pruned` or `failed`.
        settings: Of what is varied.
        values: Of the objectives; empty unless complete.
        reason: Why it was pruned or failed.
        tokens: `tokens_generated` and `tokens_reused`, as far as they are known.
        page: Where its own page is, relative to the sweep's; empty without one.
    """

    number: int
    state: str
    settings: Mapping[str, Any]
    values: Mapping[str, float]
    reason: str = ""
    tokens: Mapping[str, int] = field(default_factory=dict)
    page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepView:
    """A sweep.

    Attributes:
        objective: Metric -> `maximize` or `minimize`.
        dimensions: Settings that are varied.
        bests: Numbers of the best trials, the best by the first objective first.
        config: Its configuration as YAML.
    """

    name: str
    path: str
    objective: Mapping[str, str]
    dimensions: tuple[str, ...]
    trials: tuple[TrialView, ...]
    bests: tuple[int, ...]
    config: str = ""

    @property
    def best(self) -> TrialView | None:
        """The best trial by the first objective, None while none is complete."""
        return next((trial for trial in self.trials if trial.number in self.bests[:1]), None)

    @property
    def states(self) -> dict[str, int]:
        """How many trials ended how."""
        return dict(Counter(trial.state for trial in self.trials))
