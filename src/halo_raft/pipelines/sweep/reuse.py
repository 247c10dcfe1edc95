"""Shared work: what of a trial an earlier one has drawn and judged already.

Two stages of a run depend on little: the base model's held-out samples, and the training samples of
cycle 1. Trials that differ only in what comes after (selection, training) draw the same ones there. A
trial takes them over from a sibling's run folder, under its own sample ids; what is missing is drawn.
Trials that differ in what follows on the first round have that one in common.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halo_raft.curriculum import settings_of
from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.records import Record, stable_hash
from halo_raft.sampling import sample_id
from halo_raft.store import RunFolder, line_of, record_of, write_atomically

KEYS_FILE = "sweep_keys.json"
"""In a trial's folder: stage -> what its samples and verdicts depend on."""

REUSED_FILE = "sweep_reused.json"
"""In a trial's folder: what was taken over."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A stage that trials may have in common.

    Attributes:
        cycle, stage: As in `RunFolder.samples_path`.
        purpose: The stage's name in its samples' ids.
        samples: What its samples depend on, hashed.
        verdicts: What else its verdicts depend on, hashed.
        later: What its rounds after the first depend on beside all that, hashed; empty where none is taken over.
    """

    cycle: int
    stage: str
    purpose: str
    samples: str
    verdicts: str
    later: str = ""

    @property
    def name(self) -> str:
        """Name in the files here."""
        return f"cycle_{self.cycle}_{self.purpose}"

    @property
    def seconds_names(self) -> tuple[str, ...]:
        """Names in `CycleStats.seconds`, the main one first."""
        return (self.stage,) if self.stage else ("sample", "second_round", "repair", "hint")


@dataclass(frozen=True, slots=True)
class Keys(Record):
    """What samples and verdicts of a stage depend on, hashed; as in `Shared`."""

    samples: str
    verdicts: str
    later: str = ""


@dataclass(frozen=True, slots=True)
class Reused(Record):
    """What a trial took over for a stage.

    Attributes:
        name: Of the stage, for people.
        cycle: Of the stage.
        stage: Its name in `CycleStats.seconds`.
        source: Name of the sibling's folder.
        samples, verdicts: How many.
        tokens: Tokens of the samples: what was not generated.
        seconds: Wall time that the sibling took for them, 0 where it did not get to note it.
    """

    name: str
    cycle: int
    stage: str
    source: str
    samples: int
    verdicts: int
    tokens: int
    seconds: float


def shared_stages(plan: RaftPlan) -> tuple[Shared, ...]:
    """Return the stages of a run that other runs may have in common with it."""
    config, tied = plan.config, plan.fingerprint
    # what computes is no part of a run's fingerprint, but is one of a trial that compares engines
    engine = config.engine.model_dump(mode="json", exclude={"sleep"})
    first = settings_of(config, 1, plan.policies[0].verifier)
    train = Shared(
        1, "", "train",
        stable_hash(tied.of_first_training, engine, first.temperature),
        stable_hash(tied.of_verdicts, first.run_after_compile),
        tied.of_later_rounds,
    )  # fmt: skip
    if plan.heldout is None:
        return (train,)
    drawn = plan.heldout.sampling
    base = stable_hash(tied.of_base_heldout, engine, drawn.max_new_tokens, drawn.stop)
    judged = stable_hash(tied.of_verdicts, plan.heldout.policy.verifier)
    return Shared(0, "heldout", "heldout", base, judged), train


def take_over(plan: RaftPlan, folder: RunFolder, siblings: Iterable[Path]) -> list[Reused]:
    """Copy what siblings have of this run's shared stages into its folder, unless it has some already.

    Args:
        plan: The run.
        folder: Its folder, held by this process.
        siblings: Run folders of other trials; some may be at work.

    Returns:
        What was taken over, now or when the run began.
    """
    stages = shared_stages(plan)
    folder.write_json(
        KEYS_FILE, {stage.name: Keys(stage.samples, stage.verdicts, stage.later).to_dict() for stage in stages}
    )
    others = [RunFolder(path) for path in siblings if path != folder.path]
    for stage in stages:
        if not folder.samples_path(stage.cycle, stage.stage).exists():
            _take_stage(plan, folder, others, stage)
    return reused(folder)


def reused(folder: RunFolder) -> list[Reused]:
    """Return what a run took over."""
    return list(_notes(folder).values())


def complete_keys(folder: RunFolder) -> set[str]:
    """Return the sample keys of the stages that a run has finished."""
    keys = _keys(folder)
    return {key.samples for name, key in keys.items() if folder.stats(int(name.split("_")[1])) is not None}


def tokens(folder: RunFolder) -> int:
    """Return the tokens of all samples in a run folder."""
    paths = folder.path.glob("cycle_*_samples.jsonl")
    stages = [path.name.removeprefix("cycle_").removesuffix("samples.jsonl").rstrip("_") for path in paths]
    split = [stage.partition("_") for stage in stages]
    return sum(s.tokens for cycle, _, stage in split for s in folder.stored(int(cycle), stage))


def _take_stage(plan: RaftPlan, folder: RunFolder, others: list[RunFolder], stage: Shared) -> None:
    """Copy one stage from the sibling that has most of it: samples last, since they say that it was done."""
    keys = [(other, _keys(other).get(stage.name)) for other in others]
    having = [(other, key) for other, key in keys if key and key.samples == stage.samples]
    drawn = [(other, key, list(other.stored(stage.cycle, stage.stage))) for other, key in having]
    if not drawn:
        return
    source, key, samples = max(drawn, key=lambda entry: len(entry[2]))
    if not samples:
        return
    same_judge = key.verdicts == stage.verdicts
    all_rounds = stage.purpose != "train" or bool(same_judge and stage.later and key.later == stage.later)
    if not all_rounds:
        # whatever was drawn beyond the first round was drawn by what the other judge said, or otherwise
        samples = [s for s in samples if s.index < plan.config.sampling.samples_per_prompt]
    named = (plan.fingerprint.of_samples, stage.cycle, stage.purpose)
    ids = {s.sample_id: sample_id(named, s.task_id, s.index) for s in samples}
    known = source.verdicts(stage.cycle, stage.stage) if same_judge else []
    verdicts = [_renamed(v, ids[v.sample_id]) for v in known if v.sample_id in ids]
    note = Reused(
        name=stage.name,
        cycle=stage.cycle,
        stage=stage.seconds_names[0],
        source=source.path.name,
        samples=len(samples),
        verdicts=len(verdicts),
        tokens=sum(s.tokens for s in samples),
        seconds=_seconds(source, stage, all_rounds),
    )
    noted = _notes(folder) | {stage.name: note}
    folder.write_json(REUSED_FILE, {name: note.to_dict() for name, note in noted.items()})
    _write(folder.verdicts_path(stage.cycle, stage.stage), verdicts)
    _write(folder.samples_path(stage.cycle, stage.stage), (_renamed(s.whole(), ids[s.sample_id]) for s in samples))


def _seconds(source: RunFolder, stage: Shared, all_rounds: bool) -> float:
    """Return what a stage, or its first round alone, took the run that drew it, however often it was handed on."""
    stats = source.stats(stage.cycle)
    names = stage.seconds_names if all_rounds else stage.seconds_names[:1]
    own = sum(stats.seconds.get(name, 0.0) for name in names) if stats else 0.0
    return own + sum(note.seconds for note in reused(source) if note.name == stage.name)


def _keys(folder: RunFolder) -> dict[str, Keys]:
    """Return what a run's stages depend on, by their names."""
    return folder.read_as(KEYS_FILE, lambda rows: {name: record_of(Keys)(row) for name, row in rows.items()}) or {}


def _notes(folder: RunFolder) -> dict[str, Reused]:
    """Return what a run took over, by the names of its stages."""
    return folder.read_as(REUSED_FILE, lambda rows: {name: record_of(Reused)(row) for name, row in rows.items()}) or {}


def _renamed(record: Any, identity: str) -> Any:
    return type(record).from_dict(record.to_dict() | {"sample_id": identity})


def _write(path: Path, records: Iterable[Record]) -> None:
    write_atomically(path, map(line_of, records))
