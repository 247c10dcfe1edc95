"""What a study takes, told before it runs: tokens, hours and memory, on paper. Nothing is started or downloaded.

What follows from the plan is counted; what only a run can show (how long completions are, how much is kept, how fast
the machine is) is taken from the flags, whose defaults are this project's own study of the default model.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields

from halo_raft import memory, models, tasks
from halo_raft.config import RaftConfig, SftConfig, load
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.sweep.reuse import shared_stages
from halo_raft.prompts import messages
from halo_raft.train.schedule import schedule
from learning_run import Study, sft_settings

CHARACTERS_A_TOKEN = 3.5
"""Of English and code, roughly, with the vocabularies of the models that are planned for."""


@dataclass(frozen=True)
class Rates:
    """What only a run can show; each field is a flag.

    Attributes:
        generated_per_s: Tokens a second that are generated, the judging beside it included.
        trained_per_s: Tokens a second that are trained on.
        completion_tokens: Of a completion, on average.
        kept: Samples kept per prompt and cycle, replayed ones included.
        start_s: Seconds until a command draws its first token, engine and Ray started; a training takes a quarter.
        gpu_memory: Of the card, GiB; 0 says nothing of memory.
    """

    generated_per_s: float = 900.0
    trained_per_s: float = 360.0
    completion_tokens: float = 90.0
    kept: float = 0.35
    start_s: float = 60.0
    gpu_memory: float = 0.0

    @classmethod
    def add_flags(cls, parser: argparse.ArgumentParser) -> None:
        """Add a flag for each field."""
        group = parser.add_argument_group("for --estimate")
        for field in fields(cls):
            group.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default, metavar="N")

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Rates:
        """Read the flags."""
        return cls(**{field.name: getattr(arguments, field.name) for field in fields(cls)})


@dataclass
class Cost:
    """Of one arm and seed.

    Attributes:
        drawn: Tokens generated to train on, but for those that another arm has drawn already.
        measured: Tokens generated to measure.
        trained: Tokens trained on.
        commands: Engines that are started.
        trainings: Fine-tunings.
    """

    drawn: float = 0.0
    measured: float = 0.0
    trained: float = 0.0
    commands: int = 0
    trainings: int = 0

    def hours(self, rates: Rates) -> float:
        """Return how long it takes."""
        starts = self.commands * rates.start_s + self.trainings * rates.start_s / 4
        generating = (self.drawn + self.measured) / rates.generated_per_s
        return (starts + generating + self.trained / rates.trained_per_s) / 3600


def estimate(study: Study, pairs: list[tuple[str, int]], rates: Rates) -> Iterator[str]:
    """Yield lines that say what arms and seeds take, one after the other on one machine."""
    known: set[str] = set()
    rows = [(arm, seed, _cost(study, arm, seed, rates, known)) for arm, seed in pairs]
    yield "| arm | seed | generated to train on | generated to measure | trained on | hours |"
    yield "| --- | --- | --- | --- | --- | --- |"
    total = Cost()
    for arm, seed, cost in rows:
        yield f"| {arm} | {seed} | {_counts(cost)} | {cost.hours(rates):.1f} |"
        total = Cost(*(getattr(total, f.name) + getattr(cost, f.name) for f in fields(Cost)))
    yield f"| all | | {_counts(total)} | {total.hours(rates):.1f} |"
    yield ""
    yield (
        f"Taken for granted: {rates.completion_tokens:g} tokens a completion, {rates.kept:g} samples kept per prompt "
        f"and cycle, {rates.generated_per_s:g} tokens/s generated, {rates.trained_per_s:g} trained, "
        f"{rates.start_s:g} s to start an engine."
    )
    yield "A second round and the like come on top; samples of the base model that arms share count once."
    yield from _memory(study, rates)


def _counts(cost: Cost) -> str:
    return f"{cost.drawn:,.0f} | {cost.measured:,.0f} | {cost.trained:,.0f}"


def _cost(study: Study, arm: str, seed: int, rates: Rates, known: set[str]) -> Cost:
    """Return what an arm takes.

    Args:
        study: The study.
        arm: The arm.
        seed: Its seed.
        rates: What only a run can show.
        known: Keys of what was drawn already; those of this arm are added.
    """
    plan, cost = study.plan, Cost()
    config = load(RaftConfig, plan.config, study.settings(arm, seed))
    sizes = {name: len(tasks.load(name).tasks) for name in (plan.choose, *plan.report)}
    is_sft = plan.arms[arm].kind == "sft"
    if is_sft:
        _add_sft(cost, study, arm, seed)
    else:
        _add_raft(cost, study, config, arm, rates, known)
    measured = [*([plan.choose] if is_sft else []), *plan.report]
    adapters = config.num_cycles if plan.measure == "all" and not is_sft else 1
    for name in measured:
        models_measured = adapters
        if not plan.arms[arm].after and (base := f"base {seed} {name}") not in known:
            known.add(base)
            models_measured += 1
        cost.measured += models_measured * sizes[name] * plan.samples * rates.completion_tokens
        cost.commands += models_measured
    return cost


def _add_raft(cost: Cost, study: Study, config: RaftConfig, arm: str, rates: Rates, known: set[str]) -> None:
    """Add the cycles of a run, and what it measures itself."""
    plan = prepare(config)
    prompts, cycles = len(plan.training.tasks.tasks), config.num_cycles
    per_cycle = prompts * config.sampling.samples_per_prompt * rates.completion_tokens
    heldout = len(plan.heldout.tasks.tasks) * (config.heldout.samples + config.heldout.greedy) if plan.heldout else 0
    stages = {stage.purpose: stage.samples for stage in shared_stages(plan)}
    start = study.plan.arms[arm].after or ""  # what begins elsewhere draws its first samples itself
    new = {purpose for purpose, key in stages.items() if start + key not in known}
    known |= {start + key for key in stages.values()}
    cost.drawn += (cycles - 1 + ("train" in new)) * per_cycle
    cost.measured += (cycles + ("heldout" in new)) * heldout * rates.completion_tokens
    asked = sum(_characters(plan.training.wording.chat(task)) for task in plan.training.tasks.tasks) / prompts
    kept = max(1, round(prompts * rates.kept / (1 - config.training.base_share)))
    passes = schedule(kept, config.training, config.resources.trainer.num_workers).epochs
    cost.trained += cycles * kept * passes * (asked / CHARACTERS_A_TOKEN + rates.completion_tokens)
    cost.commands += 1
    cost.trainings += cycles


def _add_sft(cost: Cost, study: Study, arm: str, seed: int) -> None:
    """Add a fine-tuning on all references."""
    plan = study.plan
    config = load(SftConfig, None, sft_settings(study, arm, seed))
    rows = [task for task in tasks.load(str(plan.references)).tasks if task.solution]
    tokens = sum(_characters(messages(task)) + len(task.solution or "") for task in rows) / CHARACTERS_A_TOKEN
    passes = schedule(len(rows), config.training, config.resources.trainer.num_workers).epochs
    cost.trained += tokens * passes
    cost.trainings += 1


def _characters(chat: object) -> int:
    return sum(len(message["content"]) for message in chat)  # type: ignore[attr-defined]


def _memory(study: Study, rates: Rates) -> Iterator[str]:
    """Yield what a run takes of a card, and of the disk."""
    config = load(RaftConfig, study.plan.config, study.settings(None, study.plan.seeds[0]))
    here = models.config_of(config.model.name)
    shape = memory.Shape.of(here) if here else memory.known(config.model.name)
    if shape is None:
        yield f"Memory: not known before {config.model.name} is here."
        return
    runs = sum(study.plan.arms[arm].kind == "raft" for arm in study.plan.arms) * len(study.plan.seeds)
    adapters = runs * config.num_cycles * shape.lora(config.lora.r) * 4 / memory.GIB
    yield f"Disk: {adapters:.1f} GiB of adapters, samples beside them."
    if rates.gpu_memory:
        planned = memory.plan(config, shape, rates.gpu_memory)
        yield from (f"{topic}: {text}" for topic, text in planned.lines())
        yield memory.too_little(planned, config) or "It fits."
    else:
        yield "Memory of a card: name its size with --gpu-memory."
