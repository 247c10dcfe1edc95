"""What passes between the rooms: tasks, samples, verdicts and the statistics of a cycle.

Every record is one JSON object a line on disk (`store`). This module needs the standard library alone, so that
anything may import it, a sandboxed worker included.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from enum import StrEnum
from typing import Any

from halo_raft.record import Record
from halo_raft.task_record import NATIVE_VERIFIERS, Checker, Task

__all__ = [
    "HINT",
    "NATIVE_VERIFIERS",
    "REPAIR",
    "Checker",
    "CycleStats",
    "KeptSample",
    "PassRate",
    "Record",
    "Sample",
    "Sampling",
    "Task",
    "Verdict",
    "VerdictKind",
    "stable_hash",
]

REPAIR, HINT = "repair", "hint"
"""Further rounds whose samples see more than their task."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sampling(Record):
    """How a completion is drawn. `temperature == 0` is greedy decoding."""

    temperature: float = 0.7
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_new_tokens: int = 512
    stop: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Record):
    """One completion of one task.

    Attributes:
        sample_id: Hash of (run fingerprint, stage, task_id, index); see `sample_id`.
        cycle: Cycle that generated it, counted from 1; 0 is the base model.
        index: Position among the samples of the same task in the same stage, from 0.
        completion: The text as decoded, nothing stripped.
        prompt_token_ids, token_ids: Token ids that the engine was given, and those that it returned, in order.
        finish_reason: `stop` (EOS or a stop string) or `length` (truncated).
        sampling: The sampling settings, with the seed when one was given per request.
        adapter: Name of the LoRA adapter in force, None for the base model.
        form: `function` where the task was asked as a function to complete; None where it was asked as it stands.
        round: `repair` where it saw a failed answer and its verdict, `hint` where it saw the reference; else None.
        of: Of those two, index of the task's sample in this cycle whose prompt they answer.
    """

    sample_id: str
    task_id: str
    cycle: int
    index: int
    completion: str
    prompt_token_ids: list[int]
    token_ids: list[int]
    finish_reason: str
    model: str
    sampling: dict[str, Any]
    adapter: str | None = None
    form: str | None = None
    round: str | None = None
    of: int | None = None

    @property
    def truncated(self) -> bool:
        """Whether the completion ran into the token limit."""
        return self.finish_reason == "length"

    @property
    def tokens(self) -> int:
        """Length of the completion."""
        return len(self.token_ids)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeptSample(Sample):
    """A sample as it is trained on.

    Attributes:
        trained_as: Of a sample with a `round`: `answer` where `prompt_token_ids` are those of the task alone, in place
            of those that it was drawn with; `dialogue` where they are as drawn.
        copied: Of a `hint` sample: whether its program is the reference itself.
    """

    trained_as: str | None = None
    copied: bool | None = None


class VerdictKind(StrEnum):
    """Why a sample got its reward. `INFRA` is our failure, never the sample's: it has no reward."""

    PASSED = "passed"
    WRONG = "wrong"
    RUNTIME = "runtime"
    COMPILE = "compile"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT_LIMIT = "output_limit"
    VIOLATION = "violation"
    INFRA = "infra"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Record):
    """The judgement of one sample.

    Attributes:
        reward: In [0, 1]; None exactly when `kind` is `infra`.
        success: True only at the verifier's own top.
        tests_passed: Tests that passed, of `tests_total` that had to report.
        details: One short human-readable line.
        integrity: `outside` (the judge was out of the candidate's reach), `in_process` (tests and
            candidate shared a process) or `user` (a verifier of the user's own).
        tier: Sandbox tier in force.
        cpu_s, wall_s: Seconds of CPU, children included, and of the clock.
        cached: Copied from an identical program that was judged before; the seconds are of that judgement.
        starved: It ran out of wall time, having stood ready for a good part of it on a machine too busy to run it.
    """

    sample_id: str
    task_id: str
    kind: VerdictKind
    success: bool
    reward: float | None = None
    tests_passed: int
    tests_total: int
    details: str
    integrity: str
    tier: str
    cpu_s: float
    wall_s: float
    verifier: str
    verifier_version: str
    cached: bool = False
    starved: bool = False

    def __post_init__(self) -> None:
        """Hold the one invariant that training depends on: infra and only infra has no reward."""
        object.__setattr__(self, "kind", VerdictKind(self.kind))
        if (self.reward is None) != (self.kind is VerdictKind.INFRA):
            raise ValueError(f"verdict of kind {self.kind} cannot have reward {self.reward}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PassRate(Record):
    """A mean over tasks with its 95% bootstrap interval, all in [0, 1]."""

    mean: float
    low: float
    high: float
    tasks: int
    samples: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CycleStats(Record):
    """What one cycle did, as written to `cycle_N_stats.json` and to the tracker.

    Attributes:
        cycle: From 1; 0 is the evaluation of the base model.
        arm: `raft`, or `control` where samples are kept at random.
        samples: Verified samples, infra and further rounds left out; the denominator of `pass_rate`.
        pass_rate: Share of `samples` that passed, on the training tasks.
        kinds: Count of verdicts by kind, infra included.
        truncated: Answers that the length limit cut off, of those that `kinds` counts.
        diagnosis: Why the cycle taught little or nothing, each with the mend; empty where nothing speaks for that.
        integrity: Count of verdicts by where the judge stood, infra left out.
        tasks_dropped: Training tasks whose own tests are broken; none of their samples was drawn.
        second_round: `prompts`, `samples` and `passed` of the second round, and prompts that it `solved`.
        repair: The same of the repair round, prompts left out (`no_failure` can be shown, or they are `too_long`), and
            the samples `kept` for training, also of earlier cycles.
        hint: The same of samples that saw the reference; left out are prompts `without_reference`, and `copied` are
            those of the kept that are the reference itself.
        forms: `prompts`, `samples` and `passed` by how the task was asked, where it is asked in several ways.
        allotted: `prompts` that got any samples, and the `most` and `fewest` of one, where samples are allotted.
        mixed: `prompts`, `samples` and `passed` of the tasks that were mixed in, by where they are from.
        kept: Samples kept for training, from `kept_prompts` prompts, `replayed` of them from earlier cycles.
        trained: What was trained on: those of them that were not `too_long`, or `held_back` to be watched, and
            `base_samples`, answers of the run's first model whatever they were worth.
        adapter_scale: The part of the trained adapter that was kept.
        unique_ratio: Distinct programs per sample that passed, cut off ones left out; None where that is not known.
        threshold: Reward threshold in force.
        selection: Samples removed by each selection step, in order.
        loss_first, loss_last: Training loss per completion token over the first and the last fifth of the steps.
        loss_held_back: Lowest loss on the examples held back from training, None without any.
        train_tokens_per_s: Tokens trained on per second, padding left out.
        heldout: `pass_at_1` (sampled), `greedy`, ... by name; empty without held-out tasks.
        tokens_per_s: Generated tokens per second of generation.
        seconds: Wall seconds by stage.
    """

    cycle: int
    arm: str = "raft"
    samples: int = 0
    passed: int = 0
    pass_rate: float = 0.0
    kinds: dict[str, int] = dataclasses.field(default_factory=dict)
    truncated: int = 0
    diagnosis: list[str] = dataclasses.field(default_factory=list)
    second_round: dict[str, int] = dataclasses.field(default_factory=dict)
    repair: dict[str, int] = dataclasses.field(default_factory=dict)
    hint: dict[str, int] = dataclasses.field(default_factory=dict)
    forms: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    allotted: dict[str, int] = dataclasses.field(default_factory=dict)
    mixed: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    integrity: dict[str, int] = dataclasses.field(default_factory=dict)
    tasks_dropped: int = 0
    kept: int = 0
    kept_prompts: int = 0
    replayed: int = 0
    trained: int = 0
    base_samples: int = 0
    adapter_scale: float = 1.0
    too_long: int = 0
    held_back: int = 0
    unique_ratio: float | None = None
    threshold: float | None = None
    selection: dict[str, int] = dataclasses.field(default_factory=dict)
    loss_first: float | None = None
    loss_last: float | None = None
    loss_held_back: float | None = None
    train_steps: int = 0
    train_tokens: int = 0
    train_tokens_per_s: float = 0.0
    heldout: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    tokens_per_s: float = 0.0
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)


def stable_hash(*parts: object) -> str:
    """Return 16 hex digits that depend on `parts` alone: the same on every machine and run."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
