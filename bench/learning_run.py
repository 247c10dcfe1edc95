"""Running a study: each arm and seed is an ordinary run in a folder of its own, each measurement a benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halo_raft.config import RaftConfig, SftConfig, load
from halo_raft.config.sft import RAFT_ALONE
from halo_raft.config.training import WHEN_CHECKPOINTS_ARE_WRITTEN, TrainingConfig
from halo_raft.errors import ConfigError, HaloRaftError
from halo_raft.pipelines.checkpoint import on_checkpoint_base
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.sweep.reuse import take_over
from halo_raft.records import stable_hash
from halo_raft.store import RunFolder
from learning_measured import Files, Measured, read_record, read_run, with_result, write_record
from learning_plan import RECIPE, Plan, content, words
from learning_slice import Slice

MEASURED_BY = ("verifier", "run_after_compile", "sandbox.", "engine.", "resources.")
"""Settings on the command line that benchmarks get too, by what they begin with."""
DRAWN_BY = ("top_k", "top_p", "min_p", "max_new_tokens", "stop")
"""Settings of sampling that all measurements share."""
WHERE_IT_RUNS: dict[str, Any] = {
    **dict.fromkeys(("output_dir", "tracking", "resources", "engine"), True),
    "tasks": {"train", "heldout"},
    "verifier": {"workers"},
    "training": set(WHEN_CHECKPOINTS_ARE_WRITTEN),
}
"""Settings that figures do not depend on: of tasks it is their content that counts."""


@dataclass(frozen=True)
class Study:
    """A plan and where it is carried out.

    Attributes:
        work: Where the runs are kept.
        records: Where the figures of each arm and seed are kept: what the report is made of, small enough to carry.
        given: Settings of the command line, for every run.
    """

    plan: Plan
    work: Path
    records: Path
    given: tuple[str, ...] = ()

    def folder(self, arm: str, seed: int) -> Path:
        """Return the run folder of an arm and a seed."""
        return self.work / f"{arm}-seed{seed}"

    def record(self, arm: str, seed: int) -> Path:
        """Return the file of an arm's figures."""
        return self.records / f"{arm}-seed{seed}.json"

    def settings(self, arm: str | None, seed: int) -> list[str]:
        """Return the settings of RAFT that an arm is run with; of no arm, those that all share."""
        plan = self.plan
        of_arm = words(plan.arms[arm].settings) if arm and plan.arms[arm].kind == "raft" else []
        return [
            *(f"tasks.train={plan.train}", f"tasks.heldout={plan.choose}", f"heldout.samples={plan.samples}"),
            *(f"seed={seed}", *words(plan.settings), *of_arm, *self.given),
        ]

    def key(self, arm: str, seed: int) -> str:
        """Return what identifies an arm's figures: all that they depend on, but for where it runs."""
        plan = self.plan
        line = [plan.arms[name].model_dump() for name in plan.line_of(arm)]
        kept = load(RaftConfig, plan.config, self.settings(None, seed)).model_dump(mode="json", exclude=WHERE_IT_RUNS)
        named = [plan.train, plan.choose, *plan.report, *([plan.references] if plan.references else [])]
        return stable_hash(line, kept, [content(name) for name in named], plan.measure, seed)

    def found(self, arm: str, seed: int) -> Measured | None:
        """Return an arm's figures, None where there are none yet, or of another plan."""
        record = read_record(self.record(arm, seed))
        return record[1] if record and record[0] == self.key(arm, seed) else None

    def has_base(self, tasks: str, seed: int) -> bool:
        """Return whether the figures of any arm have the base model's on these tasks."""
        runs = [found for arm in self.plan.arms if (found := self.found(arm, seed))]
        return any(0 in run.on(tasks) for run in runs if not run.after)  # whose 0 is what it begins from

    def adapter(self, arm: str, seed: int) -> Path:
        """Return the adapter that stands for an arm: the best cycle's, or SFT's."""
        name = "final_model" if self.plan.arms[arm].kind == "sft" else "best"
        return (self.folder(arm, seed) / name).resolve()


def check_settings(study: Study, pairs: Iterable[tuple[str, int]]) -> None:
    """Check the settings of every arm, and that those which are to run could, before the first one does.

    Raises:
        ConfigError: One is wrong; names the arm and the setting.
    """
    seed, asked = study.plan.seeds[0], {name for pair in pairs for name in study.plan.line_of(pair[0])}
    for name, arm in study.plan.arms.items():
        try:
            if arm.kind == "sft":
                load(SftConfig, None, sft_settings(study, name, seed))
                continue
            config = load(RaftConfig, study.plan.config, study.settings(name, seed))
            if name in asked:
                prepare(config)
        except HaloRaftError as error:
            raise ConfigError(f"arms.{name}: {error}") from None


def run(study: Study, slice_: Slice, pairs: Sequence[tuple[str, int]]) -> None:
    """Run arms with their seeds, or what is left of them, each with the arms that it begins from; the base model last.

    Raises:
        TimeIsUpError: The slice is over.
    """
    for arm, seed in pairs:
        line = study.plan.line_of(arm) if study.found(arm, seed) is None else []
        for name in line:
            known = study.found(name, seed) is not None
            if not known or not study.adapter(name, seed).is_dir():
                _train(study, slice_, name, seed)
            if not known:
                _measure_arm(study, slice_, Files(study.plan, study.work, name, seed))
    for seed in dict.fromkeys(seed for _, seed in pairs):
        _measure_within_tokens(study, slice_, seed)
        _measure_base(study, slice_, seed)


def _train(study: Study, slice_: Slice, name: str, seed: int) -> None:
    """Train one arm with one seed, or what is left of it."""
    arm = study.plan.arms[name]
    if arm.kind == "sft":
        slice_.call(["sft", "train", *sft_settings(study, name, seed)])
        return
    settings = [*study.settings(name, seed), f"output_dir={study.folder(name, seed)}"]
    settings += [f"model.checkpoint={study.adapter(arm.after, seed)}"] if arm.after else []
    share(on_checkpoint_base(load(RaftConfig, study.plan.config, settings)), study.work.glob(f"*-seed{seed}"))
    slice_.call(["raft", "train", "--config", str(study.plan.config), *settings])


def _measure_arm(study: Study, slice_: Slice, files: Files) -> None:
    """Measure what was trained on all task sets, and keep the figures of the arm."""
    if files.is_sft:
        _benchmark(study, slice_, files, 1, study.plan.choose)
    trained = read_run(files)
    cycles = range(1, len(trained.cycles)) if study.plan.measure == "all" else [trained.best]
    for tasks in study.plan.report:
        for cycle in cycles:
            _benchmark(study, slice_, files, cycle, tasks)
    after = study.plan.arms[files.arm].after
    begun = study.found(after, files.seed) if after else None
    measured = read_run(files, begun.tokens[begun.best] if begun else None, cycles)
    write_record(study.record(files.arm, files.seed), study.key(files.arm, files.seed), measured)


def _measure_within_tokens(study: Study, slice_: Slice, seed: int) -> None:
    """Measure the best cycle of each arm within the tokens of one that it is compared with, where both are there."""
    for pair in study.plan.compare:
        ones, others = (study.plan.recipes if name == RECIPE else (name,) for name in pair)
        for one, other in ((a, b) for a in ones for b in others):
            run, beside = study.found(one, seed), study.found(other, seed)
            cycle = run.best_within(beside.tokens[-1].generated) if run and beside else None
            if cycle and study.folder(one, seed).is_dir():
                _add(study, slice_, one, seed, cycle, study.plan.report)


def _measure_base(study: Study, slice_: Slice, seed: int) -> None:
    """Measure the base model where no figures have it, and keep it with those of the first arm that begins from it."""
    plan = study.plan
    first = next((name for name, arm in plan.arms.items() if not arm.after and study.found(name, seed)), None)
    if first:
        lacking = [tasks for tasks in (plan.choose, *plan.report) if not study.has_base(tasks, seed)]
        _add(study, slice_, first, seed, 0, lacking)


def _add(study: Study, slice_: Slice, arm: str, seed: int, cycle: int, task_sets: Iterable[str]) -> None:
    """Measure one more cycle of an arm that has figures, 0 for the base model, and keep it with them."""
    files = Files(study.plan, study.work, arm, seed)
    for tasks in task_sets:
        run = study.found(arm, seed)
        if run and cycle not in run.on(tasks):
            _benchmark(study, slice_, files, cycle, tasks)
            write_record(study.record(arm, seed), study.key(arm, seed), with_result(run, files, cycle, tasks))


def _shared(study: Study, seed: int) -> RaftConfig:
    """Return the settings that all arms share."""
    return load(RaftConfig, study.plan.config, study.settings(None, seed))


def share(config: RaftConfig, arms: Iterable[Path]) -> None:
    """Give a run what another arm drew of the base model: the arms differ only in what they make of it."""
    plan, folder = prepare(config), RunFolder(config.output_dir)
    folder.open(plan.fingerprint.to_dict(), may_change=() if folder.has_adapter() else plan.fingerprint.UNTIL_TRAINED)
    try:
        for part in take_over(plan, folder, [path for path in arms if (path / "run.json").is_file()]):
            print(f"Taken over from {part.source}: {part.samples} samples of {part.name}", flush=True)
    finally:
        folder.close()


def sft_settings(study: Study, name: str, seed: int) -> list[str]:
    """Return the settings of an arm of SFT: trained as RAFT trains, on all references, unless it says otherwise."""
    shared, arm = _shared(study, seed), study.plan.arms[name]
    training = shared.training.model_dump(mode="json", exclude={*RAFT_ALONE, "early_stopping_patience"})
    both = {f"training.{key}": value for key, value in training.items() if value != _default(key)}
    both |= {f"training.{key}": training[key] for key in ("num_train_epochs", "learning_rate")}
    both |= {f"lora.{key}": value for key, value in shared.lora.model_dump(mode="json").items()}
    both |= {f"resources.{key}": value for key, value in shared.resources.model_dump(mode="json").items() if value}
    own = {
        "model.name": shared.model.name,
        "data.train_file": study.plan.references,
        "data.validation_split": 0,
        "data.max_seq_length": shared.training.max_seq_length,
        "tracking.mlflow": shared.tracking.mlflow,
        "training.output_dir": str(study.folder(name, seed)),
        "seed": seed,
        **({"model.checkpoint": str(study.adapter(arm.after, seed))} if arm.after else {}),
    }
    return words(both | own | arm.settings)


def _default(key: str) -> object:
    return TrainingConfig.model_fields[key].default


def _benchmark(study: Study, slice_: Slice, files: Files, cycle: int, tasks: str) -> None:
    """Measure the model of an arm's cycle, 0 for the base, as the runs measure themselves, whatever its arm does.

    A result that is there is the command's to look at: it is kept if it is of this model and these tasks, or refused.
    """
    run = _shared(study, files.seed)
    model = str(files.adapter(cycle)) if cycle else run.model.name
    samples = study.plan.samples
    ks = ",".join(map(str, dict.fromkeys((1, samples))))
    command = ["benchmark", "run", "--model", model, "--prompts", tasks, "--samples", str(samples), "--k", ks]
    settings = [
        f"sampling.temperature={run.heldout.temperature}",
        *(f"sampling.{name}={json.dumps(getattr(run.sampling, name))}" for name in DRAWN_BY),
        f"engine.max_model_len={run.engine.max_model_len}",
        f"engine.max_num_seqs={json.dumps(run.engine.max_num_seqs)}",
        f"tasks.show_tests={json.dumps(run.tasks.show_tests)}",
        f"tasks.system_prompt={json.dumps(run.tasks.system_prompt)}",
        "tracking.mlflow=false",  # the study's own files have it all
        *(word for word in [*words(study.plan.settings), *study.given] if word.startswith(MEASURED_BY)),
    ]
    slice_.call([*command, "--seed", str(files.seed), "--output", str(files.result(cycle, tasks)), *settings])
