"""What there is to show of runs and comparisons, ready to be drawn and written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from halo_raft.evaluate import Changes, Difference, Outcomes
from halo_raft.records import CycleStats, PassRate


@dataclass(frozen=True, slots=True)
class Answer:
    """One completion and what the judge said of it."""

    completion: str
    kind: str
    details: str


@dataclass(frozen=True, slots=True)
class Example:
    """An answer with the question it is to."""

    cycle: int
    task_id: str
    prompt: str
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleView:
    """One cycle; 0 is the model before training.

    Attributes:
        heldout: `pass_at_1`, `pass_at_2`, ... and `greedy` with their intervals over tasks.
        outcomes: What cycles and runs are compared by: sampled held-out completions, else greedy ones; None without.
        solved: Share of the training prompts that at least one sample solved; None for cycle 0.
        passed: Share of the training samples that passed, as a mean over prompts; None for cycle 0.
        rewards: Reward of each judged training sample.
        kept: Number of kept samples of each training prompt that has any.
        unique_ratio: Distinct programs per sample that passed; None where none passed.
        loss: (optimizer step, loss per completion token).
    """

    stats: CycleStats
    heldout: Mapping[str, PassRate] = field(default_factory=dict)
    outcomes: Outcomes | None = None
    solved: PassRate | None = None
    passed: PassRate | None = None
    rewards: tuple[float, ...] = ()
    kept: tuple[int, ...] = ()
    unique_ratio: float | None = None
    loss: tuple[tuple[int, float], ...] = ()

    @property
    def name(self) -> str:
        """`base`, or the cycle's number."""
        return "base" if self.stats.cycle == 0 else str(self.stats.cycle)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A RAFT run.

    Attributes:
        name: Folder name, made longer where two runs of a report share it.
        arm: `raft`, or `control` where samples were kept at random.
        cycles: The base model first, then the finished cycles.
        best: Cycle that `best` points at; None while there is none.
        heldout_key: Of the held-out tasks and how they are sampled; runs are compared where it is the same.
        difference: Best cycle against the base model on the held-out tasks.
        changes: The same, by task.
        examples: Sampled completions of the first and the best cycle, passed and failed.
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
    examples: tuple[Example, ...] = ()
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


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One task, and each model's name with an answer: one that passed, where there is one."""

    task_id: str
    prompt: str
    answers: tuple[tuple[str, Answer], ...]


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
