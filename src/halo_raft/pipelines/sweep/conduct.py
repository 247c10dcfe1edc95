"""One sweep: everything it needs opened in order, the driver run, the result shown."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from halo_raft import tracking
from halo_raft.cluster.connection import native_messages_to, ray_session
from halo_raft.config import RaftConfig, SweepConfig, to_yaml
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.sweep.driver import Driver
from halo_raft.pipelines.sweep.runner import RayRunner, Share
from halo_raft.pipelines.sweep.space import Space
from halo_raft.pipelines.sweep.storage import open_storage
from halo_raft.pipelines.sweep.study import Asked, Ended, StudyPlan, SweepStudy
from halo_raft.pipelines.sweep.tracked import StudyTracker
from halo_raft.pipelines.sweep.trial import TrialJob
from halo_raft.pipelines.sweep.winner import BASE_CONFIG, winner_base
from halo_raft.store import HeldFolder, write_atomically
from halo_raft.terminal import console
from halo_raft.terminal.logs import log_to


def sweep(config: SweepConfig, space: Space, objective: Mapping[str, str]) -> int:
    """Bring a study to its end, or on to it; return the exit code: 1 if no trial is complete.

    Raises:
        HaloRaftError: Something a user can mend; nothing that is in the storage is lost.
    """
    folder, base = config.output_dir, space.base
    with _held(folder), log_to(folder / "logs"):
        study = open_sweep_study(config, space, objective)
        write_atomically(folder / "sweep.yaml", to_yaml(config))
        with StudyTracker(config, study) as tracker:
            parent = tracker.run_id if config.tracking.mlflow else None
            with (
                native_messages_to(folder / "logs" / "ray.log"),
                ray_session(base.engine, base.resources, base.verifier.workers),
            ):
                runner = RayRunner(space.base, config.sweep.parallel)
                console.say(_opening(config, study, runner.share))
                with contextlib.closing(runner):
                    driver = Driver(
                        study,
                        lambda asked: trial_job(space, asked, folder, parent, runner.share),
                        runner,
                        lambda number: tracker.trial_ended(number, trial_folder(folder, number)),
                        time_budget_s=config.sweep.time_budget_s,
                    )
                    driver.run(sorted(folder.glob("trial_*")))
            tracker.done({trial.number: trial_folder(folder, trial.number) for trial in study.ended()})
        return _close(config, study)


def open_sweep_study(config: SweepConfig, space: Space, objective: Mapping[str, str]) -> SweepStudy:
    """Make the study of a sweep, or open it again.

    Raises:
        DataError, ConfigError: The storage cannot be used, or holds another study of this name.
    """
    settings = json.loads(space.base.model_dump_json(exclude={"output_dir", "tracking", "resources", "engine", "stop"}))
    fingerprint = prepare(space.base).fingerprint
    tied_to = {
        "base configuration": settings,
        "model": fingerprint.model,
        "set of training tasks": fingerprint.training_tasks,
        "set of held-out tasks": fingerprint.heldout_tasks,
        "search space": {d.key: str(d) for d in space.dimensions},
        "objective": dict(objective),
        "output_dir": str(config.output_dir),
    }
    plan = StudyPlan(
        name=config.study,
        dimensions=space.dimensions,
        objective=dict(objective),
        trials=config.sweep.trials,
        sampler=config.sweep.sampler,
        pruner=config.sweep.pruner,
        seed=config.seed,
        tied_to=json.loads(json.dumps(tied_to)),
    )
    storage = open_storage(config.storage, create=True)
    study = SweepStudy(plan, storage, config.storage, first=space.base_values())
    study.note(BASE_CONFIG, winner_base(config))
    return study


def trial_folder(folder: Path, number: int) -> Path:
    """Return the run folder of a trial."""
    return folder / f"trial_{number}"


def trial_job(space: Space, asked: Asked, folder: Path, parent_run: str | None, share: Share) -> TrialJob:
    """Return a trial as it is computed: the base with its values, in a folder and a share of its own.

    Raises:
        ConfigError: The values are not allowed together.
    """
    config: RaftConfig = share.config(space.config(asked.values))
    logged = config.tracking.model_copy(update={"parent_run": parent_run, "run_name": f"trial {asked.number}"})
    update = {"output_dir": trial_folder(folder, asked.number), "tracking": logged}
    return TrialJob(asked.number, config.model_copy(update=update), Path.cwd())


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the sweep's folder: a second driver of one study would compute its trials again.

    Raises:
        DataError: It cannot be written, or another sweep is at work in it.
    """
    held = HeldFolder(folder)
    held.hold()
    try:
        yield
    finally:
        held.close()


def _opening(config: SweepConfig, study: SweepStudy, share: Share) -> str:
    ended = len(study.ended())
    so_far = f", {ended} of them done" if ended else ""
    devices = f"{share.cpus} CPUs" + (f" and {share.gpus} GPUs" if share.gpus else "")
    return (
        f"Study {config.study}: {study.wanted} trials{so_far}, {share.parallel} at a time with {devices} each; "
        f"kept in {config.storage}"
    )


def _close(config: SweepConfig, study: SweepStudy) -> int:
    """Print the trials, the best one and what to do next."""
    ended, best = study.ended(), study.best()
    keys = [dimension.key for dimension in study.plan.dimensions]
    names = (*(key.rpartition(".")[2] for key in keys), *study.plan.objective)
    rows = [_row(trial, keys, len(study.plan.objective), trial.number in best) for trial in ended]
    console.table(("Trial", *names, "Generated", "Reused", "State"), rows, left=("Trial", "State"))
    counts = {state: sum(trial.state == state for trial in ended) for state in ("complete", "pruned", "failed")}
    console.say(", ".join(f"{n} trials {state}" for state, n in counts.items() if n or state == "complete"))
    if not best:
        why = ended[-1].reason if ended else "none was started"
        console.say(f"No trial is complete (the last one: {why}); see {config.output_dir / 'logs' / 'raft.log'}")
        return 1
    console.say("Next:")
    if command := tracking.ui_command(config.tracking):
        console.say(f"  {command}")
    console.say(f"  optuna-dashboard {config.storage}")
    console.say(f"  halo-raft sweep best {config.storage} --study {config.study} --output best.yaml")
    return 0


def _row(trial: Ended, keys: Sequence[str], objectives: int, is_best: bool) -> list[str]:
    values = [f"{value:.4f}" for value in trial.values] or ["-"] * objectives
    tokens = [
        f"{trial.facts[name]:,}" if name in trial.facts else "-" for name in ("tokens_generated", "tokens_reused")
    ]
    settings = [_shown(trial.settings.get(key)) for key in keys]
    return [str(trial.number), *settings, *values, *tokens, "best" if is_best else trial.state]


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
