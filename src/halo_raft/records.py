"""What passes between the rooms: tasks, samples, verdicts and the statistics of a cycle.

Every record is one JSON object a line on disk (`store`). This module needs the standard library alone, so that
anything may import it, a sandboxed worker included.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from enum import StrEnum
from typing import Any

from halo_raft.record import Record

NATIVE_VERIFIERS = {"c": "gcc", "cpp": "gcc", "rust": "rust", "go": "go"}
"""Language -> the verifier that compiles it and runs its tests."""

_PYTEST = re.compile(
    r"^class[ \t]+(?:Test\w*|\w+\([\w.]*TestCase\))|^[ \t]*@pytest\.|"
    r"^def[ \t]+test\w*\([ \t]*(?:tmp_path|tmpdir|monkeypatch|capsys|capfd|caplog|request)\b",
    re.MULTILINE,
)
"""What only a suite for pytest has."""
_IMPORTS = re.compile(r"^[ \t]*(?:import|from)[ \t]+(?:pytest|solution)\b", re.MULTILINE)
"""What a suite for pytest has, and a few asserts may have too."""
_HAS_TESTS = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+test|^class[ \t]+Test", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checker(Record):
    """A program that says whether an output is right where several are: a special judge.

    Attributes:
        source: The program, trusted as tests are.
        language: `python` or `cpp` (in testlib's form).
        order: Its arguments, names of files: `input output answer` (testlib's) or `input answer output`.
    """

    source: str
    language: str = "python"
    order: str = "input output answer"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Task(Record):
    """One prompt and everything needed to judge an answer to it.

    Attributes:
        task_id: Unique name within a task source.
        prompt: The question as text, or for HumanEval-like tasks the code to be completed.
        language: Language of the answer, lower case (`python`, `cpp`, `rust`, `go`, ...).
        entry_point: Name of the function that the tests call.
        tests: Test source: a function `test_solution`, `check(candidate)`, or a tail of a program.
        test_setup: Trusted code that runs before the tests.
        test_list: Single assert statements, each counted as one test.
        stdin: Input of a program-style task.
        expected_output: What a program-style task must print.
        test_cases: Several `{"stdin", "expected_output"}` pairs.
        solution: A reference that passes the tests.
        verifier: Which verifier judges it, where the row says so; see `judged_by`.
        shown_tests: Asserts that the prompt may show, where they are not all that is judged by.
        checker: Says whether an output is right, in place of a comparison.
        comparison, tolerance: How outputs are compared and how far numbers may be off, in place of the settings' own.
        time_limit_s, memory_limit_mb: CPU seconds and MiB for one case, as the task was published.
        input_file, output_file: Files that a program reads and writes in place of standard input and output.
        our_limit: Why no verifier of ours can judge it, though it may well be sound.
    """

    task_id: str
    prompt: str
    language: str = "python"
    entry_point: str | None = None
    tests: str | None = None
    test_setup: str | None = None
    test_list: tuple[str, ...] | None = None
    stdin: str | None = None
    expected_output: str | None = None
    test_cases: tuple[dict[str, str], ...] | None = None
    solution: str | None = None
    verifier: str | None = None
    shown_tests: tuple[str, ...] | None = None
    checker: Checker | None = None
    comparison: str | None = None
    tolerance: float | None = None
    time_limit_s: float | None = None
    memory_limit_mb: int | None = None
    input_file: str | None = None
    output_file: str | None = None
    our_limit: str | None = None

    @property
    def has_tests(self) -> bool:
        """Whether the task brings anything to run an answer against."""
        return bool(self.tests or self.test_list or self.prints)

    @property
    def prints(self) -> bool:
        """Whether an answer is a program that is judged by what it prints."""
        return bool(self.test_cases) or self.expected_output is not None

    @property
    def judged_by(self) -> str:
        """Name of the verifier that judges it: the one that it names, else the one that its form shows."""
        if self.verifier:
            return self.verifier
        if self.prints and not self.tests and not self.test_list:
            return "execution"
        if self.language != "python":
            return NATIVE_VERIFIERS.get(self.language, self.language)
        tests = self.tests or "\n".join(self.test_list or ())
        if _PYTEST.search(tests) or (_IMPORTS.search(tests) and _HAS_TESTS.search(tests)):
            return "pytest"
        asks_in_words = f"def {self.entry_point}(" not in self.prompt
        if asks_in_words and (self.test_list or "def test_solution" in tests):
            return "mbpp"
        return "humaneval" if "def check(" in tests else "python"


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

    @property
    def truncated(self) -> bool:
        """Whether the completion ran into the token limit."""
        return self.finish_reason == "length"

    @property
    def tokens(self) -> int:
        """Length of the completion."""
        return len(self.token_ids)


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
        samples: Verified samples, infra and a second round left out; the denominator of `pass_rate`.
        pass_rate: Share of `samples` that passed, on the training tasks.
        kinds: Count of verdicts by kind, infra included.
        truncated: Answers that the length limit cut off, of those that `kinds` counts.
        diagnosis: Why the cycle taught little or nothing, each with the mend; empty where nothing speaks for that.
        integrity: Count of verdicts by where the judge stood, infra left out.
        tasks_dropped: Training tasks whose own tests are broken; none of their samples was drawn.
        second_round: `prompts`, `samples` and `passed` of the second round; empty without one.
        kept: Samples kept for training, from `kept_prompts` prompts, `replayed` of them from earlier cycles.
        trained: What was trained on: those of them that were not `too_long`, or `held_back` to be watched, and
            `base_samples`, answers of the run's first model whatever they were worth.
        adapter_scale: The part of the trained adapter that was kept.
        unique_ratio: Distinct programs per sample that passed, cut off ones left out; None where that is not known.
        threshold: Reward threshold in force.
        selection: Samples removed by each selection step, in order.
        loss_first, loss_last: Training loss per completion token at the first and last logged step.
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
