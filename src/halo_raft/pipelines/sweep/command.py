"""The command line of sweeps: `halo-raft sweep` runs one, `halo-raft sweep best` writes what it found."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from halo_raft import models
from halo_raft.cluster.jobs import with_lasting_paths
from halo_raft.config import SweepConfig, load, to_yaml
from halo_raft.config.flags import Flag, add_flags, read_flags
from halo_raft.pipelines.checkpoint import on_checkpoint_base
from halo_raft.pipelines.raft.describe import describe
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.sweep.objective import check_objective
from halo_raft.pipelines.sweep.space import Space, read_space
from halo_raft.pipelines.sweep.winner import best
from halo_raft.terminal import console
from halo_raft.terminal.exits import parse, run_main
from halo_raft.terminal.parser import Parser

SWEEP_FLAGS = (
    Flag("--trials", "sweep.trials", "trials that the study ends with"),
    Flag("--parallel", "sweep.parallel", "trials at a time; one a GPU, or a machine without one, when not given"),
    Flag("--study", "sweep.study", "name of the study; the output folder's when not given"),
    Flag("--storage", "sweep.storage", "journal file or database URL; OUTPUT/study.journal when not given"),
    Flag("--output", "output_dir", "folder of the trials"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a sweep to a parser."""
    parser.add_argument("--config", type=Path, help="YAML file: the settings of a run, and a `sweep:` section")
    add_flags(parser, SWEEP_FLAGS, SweepConfig)
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
    config = _absolute(on_checkpoint_base(with_lasting_paths(settings)))
    space, objective = read_space(config), check_objective(config)
    if arguments.dry_run:
        return dry_run(config, space, objective)
    prepare(space.base)
    models.check_reachable(space.base.model.name, space.base.model.checkpoint)
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
    parser = Parser(prog="python -m halo_raft.pipelines.sweep", description=description)
    add_arguments(parser)
    return run_main(run, parse(parser, argv))
