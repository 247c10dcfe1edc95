"""Every setting there is, with its default, bounds and meaning.

Covers the schema of the RAFT pipeline and what SFT (`sft`) shares with it; `curriculum` says what may
change from cycle to cycle. Does not read files or command lines (`loading`), and imports neither torch
nor ray, so `--help` and `--dry-run` stay instant.

Unknown keys are errors. A section is a frozen model; what a run used is what `config show` prints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from halo_raft.config.curriculum import CurriculumConfig, CycleConfig
from halo_raft.config.judging import SandboxConfig, VerifierConfig
from halo_raft.config.resources import ResourcesConfig
from halo_raft.config.sampling import SamplingConfig
from halo_raft.config.section import NonNegative, Positive, PromptFormats, Reward, Seconds, Section, Share
from halo_raft.config.training import LoraConfig, TrainingConfig


class ModelConfig(Section):
    """Which model is trained."""

    name: str = "builtin:smollm2-135m"
    """`builtin:smollm2-135m`, a local folder, or a hub name."""
    checkpoint: Path | None = None
    """A LoRA adapter folder (an SFT result, say) to start from; its own base model is used."""
    trust_remote_code: bool = False
    """Run code that comes with the model. Off unless you trust its authors."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Type that the engine computes in; `auto` is the checkpoint's own."""


class TasksConfig(Section):
    """Where prompts come from."""

    train: str = Field("starter", validation_alias=AliasChoices("train", "prompts"))
    """A task source (`starter`, `humaneval`, `mbpp`, with `:split`) or a JSONL file."""
    heldout: str | None = None
    """Tasks that are never trained on, for pass@1 per cycle. Overlap with `train` is refused."""
    heldout_share: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of 50 or more training tasks that is held out where `heldout` names none; 0 holds none out."""
    tests: str | None = None
    """Where a prompts-only file finds its tests, joined by `task_id`: a source or a JSONL file."""
    limit: Positive | None = None
    """Use the first so many training tasks only."""
    mix: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)
    """Other tasks among the training tasks: sources or files, such as `starter`, and the share of all prompts that each
    may be. They are drawn by lot, the same in every cycle, and none is held out."""
    heldout_limit: Positive | None = None
    """Use the first so many held-out tasks only."""
    system_prompt: str | None = None
    """Replaces the system prompt of the task's language; an empty string sends none."""
    show_tests: bool = True
    """Show the asserts in the prompt, so that name and signature are known."""
    prompt_formats: PromptFormats = ("text",)
    """Forms that a training task's samples take turns in: `text` as the task stands; `function`, where a Python task
    asks in words, a function to complete: head, and a docstring of the question with the shown tests (HumanEval's)."""


class EngineConfig(Section):
    """What generates completions."""

    name: str = "vllm"
    """`vllm`, or `transformers` where vLLM is not to be had."""
    replicas: Positive | Literal["auto"] = 1
    """Engines side by side, each on its own device; `auto` fills the GPUs that are there."""
    tensor_parallel: Positive = 1
    """GPUs per engine, all of one node."""
    delivery: Literal["auto", "merged", "hot"] = "auto"
    """How an adapter reaches the engine: `merged` into reloaded weights (faster on CPU) or `hot` as LoRA (GPU)."""
    max_model_len: Positive = 2048
    """Prompt and completion together, in tokens."""
    max_num_seqs: Positive | None = None
    """Sequences decoded at once; 128 on CPU and 256 on GPU when not given."""
    kv_cache_gb: Annotated[float, Field(gt=0)] | None = None
    """Size of the KV cache on CPU, GiB; 4 when not given."""
    gpu_memory_utilization: Share = 0.9
    """Share of the card that the engine takes: weights, KV cache and work space."""
    enforce_eager: bool | None = None
    """Skip graph capture and compilation: starts in a quarter of the time. On by default on CPU only."""
    sleep: bool = True
    """Free the GPU (level 1) while training runs on it."""
    max_restarts: NonNegative = 2
    """How often an engine that died is started again before the run gives up."""
    stall_s: Seconds = 600
    """An engine that yields nothing for so long is dead, and is started again; a start may take six times as long."""


class SelectionConfig(Section):
    """Which samples are trained on."""

    reward_threshold: Reward = 0.5
    """Reward that a sample needs to be kept; 0.5 is reached by passing all tests, or by compiling cleanly."""
    keep_top_percent: Share = Field(0.5, validation_alias=AliasChoices("keep_top_percent", "keep_percent"))
    """Share of the samples above the threshold that is kept: 0.5 keeps the better half."""
    max_per_prompt: Positive = 4
    """At most so many samples of one task, whatever their reward."""
    min_samples: NonNegative = 0
    """Lower the threshold step by step until so many are kept; never below `it compiled` or `it ran`."""
    repaired_as: Literal["answer", "dialogue", "both"] = "answer"
    """What is learnt of a repaired sample (`sampling.repair`): the `answer` to the task alone, the turn of the
    `dialogue` that repairs, or `both`, as two examples."""
    max_hinted_share: Share = 0.5
    """At most such a share of the kept samples is hinted (`sampling.hint`); they come on top of what the model found
    by itself, which alone counts for `keep_top_percent` and `min_samples`, and copies of the reference come last."""
    replay: bool | None = None
    """Train on earlier cycles' winners too; when not given, on where training starts from the base model."""


class HeldoutConfig(Section):
    """How the model is measured on the held-out tasks, before the first cycle and after each."""

    samples: NonNegative = 4
    """Samples a task for pass@1; 0 measures greedy decoding alone."""
    temperature: Annotated[float, Field(gt=0, le=5)] = 0.2
    """Temperature of these samples."""
    greedy: bool = True
    """Also decode once greedily."""

    @model_validator(mode="after")
    def _measures_something(self) -> Self:
        if not self.samples and not self.greedy:
            raise ValueError("heldout: nothing would be measured; set heldout.samples or heldout.greedy")
        return self


class StopConfig(Section):
    """When to end before the last cycle."""

    min_gain: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Held-out pass@1 has to rise by this much (0.02 is two points) ..."""
    patience: NonNegative = 0
    """... within so many cycles; 0 never stops early, 1 stops at any fall."""


class TrackingConfig(Section):
    """Where results are logged."""

    mlflow: bool = True
    """Log to MLflow; without it to plain files in the run folder."""
    uri: str | None = None
    """Tracking server; MLFLOW_TRACKING_URI is used when not given, else `DIR/mlflow.db`."""
    dir: Path = Path("mlruns")
    """Folder of the local database and artifacts."""
    experiment: str = "halo-raft"
    """MLflow experiment of the run."""
    run_name: str | None = None
    """Name of the MLflow run; that of the output folder when not given."""
    parent_run: str | None = None
    """Id of an MLflow run that this run becomes a child of, such as a sweep's; then its cycles have none."""


class RaftConfig(Section):
    """The RAFT pipeline."""

    model: ModelConfig = ModelConfig()
    tasks: TasksConfig = TasksConfig()
    sampling: SamplingConfig = SamplingConfig()
    engine: EngineConfig = EngineConfig()
    verifier: VerifierConfig = VerifierConfig()
    sandbox: SandboxConfig = SandboxConfig()
    selection: SelectionConfig = SelectionConfig()
    lora: LoraConfig = LoraConfig()
    training: TrainingConfig = TrainingConfig()
    heldout: HeldoutConfig = HeldoutConfig()
    stop: StopConfig = StopConfig()
    resources: ResourcesConfig = ResourcesConfig()
    tracking: TrackingConfig = TrackingConfig()
    cycles: Annotated[int, Field(ge=1, le=1000)] | Annotated[tuple[CycleConfig, ...], Field(min_length=1)] = 5
    """How many cycles, or a list with one entry a cycle."""
    curriculum: CurriculumConfig = CurriculumConfig()
    ablate: Literal["verifier"] | None = None
    """The control arm. `verifier`: keep as many samples as passed, but at random, whatever the verifier says."""
    output_dir: Path = Path("models/raft")
    """Run folder."""
    seed: NonNegative = 0
    """Seed of everything random."""

    @property
    def num_cycles(self) -> int:
        """How many cycles the run has."""
        return self.cycles if isinstance(self.cycles, int) else len(self.cycles)

    def for_cycle(self, cycle: int) -> CycleConfig:
        """Return what `cycle` (from 1) does differently."""
        return CycleConfig() if isinstance(self.cycles, int) else self.cycles[cycle - 1]

    @property
    def arm(self) -> str:
        """`raft`, or `control` where the verifier is ablated."""
        return "control" if self.ablate else "raft"

    @property
    def replays(self) -> bool:
        """Whether a cycle also trains on the winners of earlier ones."""
        replay = self.selection.replay
        return self.training.init_from == "base" if replay is None else replay

    @model_validator(mode="after")
    def _fits_the_context(self) -> Self:
        if self.sampling.max_new_tokens >= self.engine.max_model_len:
            raise ValueError(
                f"sampling.max_new_tokens ({self.sampling.max_new_tokens}) leaves no room for a prompt "
                f"in engine.max_model_len ({self.engine.max_model_len})"
            )
        return self

    @model_validator(mode="after")
    def _mixes_a_part(self) -> Self:
        if sum(self.tasks.mix.values()) >= 1:
            raise ValueError("tasks.mix: its shares leave nothing to tasks.train; their sum has to be below 1")
        return self

    @model_validator(mode="after")
    def _learns_no_failed_answer(self) -> Self:
        if self.sampling.repair and self.training.train_on == "all" and self.selection.repaired_as != "answer":
            raise ValueError(
                f"selection.repaired_as: {self.selection.repaired_as} with training.train_on=all would train on the "
                "failed answers that the dialogue shows; set it to answer, or train_on to completion"
            )
        return self

    @model_validator(mode="after")
    def _watches_something(self) -> Self:
        for name in self.training.choosing:
            if not self.training.held_back:
                raise ValueError(f"training.{name}: nothing is watched; set training.held_back, 0.1 say")
        return self

    @model_validator(mode="after")
    def _ablates_the_whole_verifier(self) -> Self:
        used = [
            name
            for name, uses in (
                ("sampling.second_round", self.sampling.second_round > 0),
                ("sampling.repair", self.sampling.repair > 0),
                ("sampling.hint", self.sampling.hint is not None),
                ("sampling.allot", self.sampling.allot != "even"),
                ("curriculum.strategy", self.curriculum.strategy in ("adaptive", "historical", "almost")),
            )
            if uses
        ]
        if self.ablate == "verifier" and used:
            raise ValueError(f"ablate: {used[0]} acts on what the verifier says; switch it off in the control arm")
        return self


SHORT_NAMES: dict[str, str] = {
    "prompts": "tasks.train",
    "samples_per_prompt": "sampling.samples_per_prompt",
    "temperature": "sampling.temperature",
    "max_new_tokens": "sampling.max_new_tokens",
    "reward_threshold": "selection.reward_threshold",
    "keep_top_percent": "selection.keep_top_percent",
    "keep_percent": "selection.keep_top_percent",
    "min_samples": "selection.min_samples",
    "learning_rate": "training.learning_rate",
    "lr_decay": "training.lr_decay",
    "run_after_compile": "verifier.run_after_compile",
    "curriculum_strategy": "curriculum.strategy",
    "reward_shaping": "curriculum.reward_shaping",
    "output": "output_dir",
}
"""The guide's flat names of RAFT settings, accepted at the top of a YAML file and as `key=value`."""
