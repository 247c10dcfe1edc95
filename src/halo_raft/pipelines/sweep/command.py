"""The command line of sweeps: `halo-raft sweep` runs one, `halo-raft sweep best` writes what it found."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from halo_raft.cluster.jobs import with_lasting_paths
from halo_raft.config import RaftConfig, SweepConfig, load, to_yaml
from halo_raft.config.flags import Flag, add_flags, read_flags
from halo_raft.errors import DataError
from halo_raft.pipelines.raft.plan import describe, on_checkpoint_base, prepare
from halo_raft.pipelines.sweep.objective import check_objective
from halo_raft.pipelines.sweep.space import Space, base_config, read_space
from halo_raft.terminal import console
from halo_raft.terminal.exits import parse, run_main

SWEEP_FLAGS = (
    Flag("--trials", "sweep.trials", "trials that the study ends with"),
    Flag("--parallel", "sweep.parallel", "trials at a time"),
    Flag("--study", "sweep.study", "name of the study"),
    Flag("--storage", "sweep.storage", "journal file or database URL of the study"),
    Flag("--output", "output_dir", "folder of the trials"),
)

BASE_CONFIG = "halo_raft.base_config"
"""User attribute of a study: the config that its trials vary, so that a storage alone yields the winner's."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a sweep to a parser."""
    parser.add_argument("--config", type=Path, help="YAML file: the settings of a run, and a `sweep:` section")
    add_flags(parser, SWEEP_FLAGS)
    parser.add_argument("--dry-run", action="store_true", help="print the resolved config and the plan, and stop")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="any setting, e.g. sweep.time_budget_s=3600")


def add_commands(group: Any) -> None:
    """Add `run` and `best` to the commands of `halo-raft sweep`."""
    run_command = group.add_parser("run", help="run a sweep, or what is left of it (`run` may be left out)")
    add_arguments(run_command)
    run_command.set_defaults(run=run)
    best_command = group.add_parser("best", help="print the winning configuration as YAML")
    best_command.add_argument("storage", help="journal file or database URL of a sweep")
    best_command.add_argument("--study", help="which study, where the storage holds several")
    best_command.add_argument("--trial", type=int, help="another trial than the best one")
    best_command.add_argument("--output", type=Path, help="write a file instead")
    best_command.set_defaults(run=best)


def with_default_command(argv: Sequence[str]) -> list[str]:
    """Return a command line of `halo-raft` in which `sweep --config FILE` says `sweep run --config FILE`."""
    words = list(argv)
    if words[:1] == ["sweep"] and words[1:2] and words[1] not in ("run", "best", "-h", "--help"):
        words.insert(1, "run")
    return words


def run(arguments: argparse.Namespace) -> int:
    """Run the command with parsed arguments; return the exit code."""
    settings = load(SweepConfig, arguments.config, arguments.overrides, read_flags(arguments, SWEEP_FLAGS))
    config = _absolute(with_lasting_paths(on_checkpoint_base(settings)))
    space, objective = read_space(config), check_objective(config)
    if arguments.dry_run:
        return dry_run(config, space, objective)
    prepare(space.base)
    from halo_raft.pipelines.sweep.conduct import sweep

    return sweep(config, space, objective)


def dry_run(config: SweepConfig, space: Space, objective: Mapping[str, str]) -> int:
    """Print what a sweep would do; start and download nothing."""
    plan = list(describe(space.base))
    console.say("# Resolved configuration")
    console.say(to_yaml(config))
    console.say("# Plan of the sweep")
    console.pairs(
        [
            ("study", f"{config.study} in {config.storage}"),
            ("objective", ", ".join(f"{direction} {metric}" for metric, direction in objective.items())),
            ("trials", f"{config.sweep.trials}, chosen by {config.sweep.sampler}, pruned by {config.sweep.pruner}"),
            *((dimension.key, str(dimension)) for dimension in space.dimensions),
        ]
    )
    console.say("# Plan of a trial")
    console.pairs(plan)
    return 0


def best(arguments: argparse.Namespace) -> int:
    """Print or write the configuration of the best trial, ready for `raft train --config`."""
    from halo_raft.pipelines.sweep.storage import open_study, readable
    from halo_raft.pipelines.sweep.study import best_numbers, ended_trials

    study = open_study(arguments.storage, arguments.study)
    with readable(arguments.storage):
        base, numbers, ended = study.user_attrs.get(BASE_CONFIG), best_numbers(study), ended_trials(study)
    if base is None:
        raise DataError(f"{arguments.storage}: no sweep of ours made the study {study.study_name!r}; name another")
    if arguments.trial is None and not numbers:
        raise DataError(f"{arguments.storage}: no trial of {study.study_name!r} is complete yet; let the sweep go on")
    number = numbers[0] if arguments.trial is None else arguments.trial
    trial = next((t for t in ended if t.number == number), None)
    if trial is None:
        raise DataError(f"{arguments.storage}: trial {number} of {study.study_name!r} has not ended; name another")
    config = Space(RaftConfig.model_validate(base), ()).config(trial.settings)
    found = ", ".join(f"{value:.4f}" for value in trial.values) or trial.state
    header = [f"# Trial {number} of the study {study.study_name}: {found}"]
    header += [f"#   {key}: {value}" for key, value in trial.settings.items()]
    if arguments.trial is None and len(numbers) > 1:
        header.append(f"# As good, each in its way: trials {', '.join(map(str, numbers[1:]))} (--trial N)")
    text = "\n".join(header) + "\n" + to_yaml(config)
    if arguments.output is None:
        print(text, end="")
        return 0
    try:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"--output: {arguments.output} cannot be written ({error.strerror})") from None
    console.say(f"{arguments.output} has trial {number}. Next:")
    console.say(f"  halo-raft raft train --config {arguments.output}")
    return 0


def winner_base(config: SweepConfig) -> dict[str, Any]:
    """Return what `best` builds the winner's config from: a folder of its own, tracked as any run is."""
    output = config.output_dir.with_name(f"{config.output_dir.name}-best")
    base = base_config(config).model_copy(update={"output_dir": output})
    tree: dict[str, Any] = json.loads(base.model_dump_json())
    return tree


def _absolute(config: SweepConfig) -> SweepConfig:
    """Return the config with absolute paths for all that trials write, wherever they run."""
    output = config.output_dir.absolute()
    storage = config.sweep.storage or str(output / "study.journal")
    sweep = config.sweep.model_copy(update={"storage": storage if "://" in storage else str(Path(storage).absolute())})
    tracking = config.tracking.model_copy(update={"dir": config.tracking.dir.absolute()})
    return config.model_copy(update={"output_dir": output, "tracking": tracking, "sweep": sweep})


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `python -m halo_raft.pipelines.sweep`."""
    description = "Try many settings of a RAFT run and find the best."
    parser = argparse.ArgumentParser(prog="python -m halo_raft.pipelines.sweep", description=description)
    add_arguments(parser)
    return run_main(run, parse(parser, argv))
