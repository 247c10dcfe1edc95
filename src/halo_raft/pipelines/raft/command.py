"""Reward-ranked fine-tuning: generate, verify, select, train, measure, and round again.

Run as `python -m halo_raft.pipelines.raft --config configs/raft.yaml` or `halo-raft raft train`.
This file reads the command line and drives the cycles; what a cycle does is in `cycle`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from halo_raft import models
from halo_raft.cluster.jobs import with_lasting_paths
from halo_raft.config import RaftConfig, load, to_yaml
from halo_raft.config.flags import RAFT_FLAGS, add_training_arguments, read_flags
from halo_raft.errors import UsageError, VerificationError
from halo_raft.pipelines.checkpoint import on_checkpoint_base
from halo_raft.pipelines.raft.describe import describe
from halo_raft.pipelines.raft.diagnosis import taught_nothing
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.raft.stopping import advice, pass_rate_line, reason_to_stop
from halo_raft.records import CycleStats
from halo_raft.store import RunFolder
from halo_raft.store.folder import A_COPY_OR_ANOTHER
from halo_raft.terminal import console
from halo_raft.terminal.exits import parse, run_main
from halo_raft.terminal.parser import Parser

if TYPE_CHECKING:
    from halo_raft.pipelines.raft.cycle import RaftRun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `raft train` to a parser."""
    add_training_arguments(parser, RAFT_FLAGS, RaftConfig)
    parser.add_argument(
        "--gpu-memory", type=float, metavar="GIB", help="with --dry-run: plan for a card of so much memory"
    )
    parser.add_argument(
        "--from-stage",
        choices=("select", "train"),
        help="keep the first cycle's samples and verdicts (and what was selected), and do the rest again",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command with parsed arguments; return the exit code."""
    if (card := arguments.gpu_memory) is not None and not (arguments.dry_run and card > 0):
        raise UsageError(f"--gpu-memory {card:g}: the memory of a card in GiB, above 0, and only with --dry-run")
    file = arguments.config or (None if arguments.fresh else _of_the_folder(arguments))
    settings = load(RaftConfig, file, arguments.overrides, read_flags(arguments, RAFT_FLAGS))
    config = on_checkpoint_base(with_lasting_paths(settings))
    if arguments.dry_run:
        return dry_run(config, arguments.gpu_memory, goes_on=not (arguments.fresh or arguments.from_stage))
    history = train(config, fresh=arguments.fresh, from_stage=arguments.from_stage or "")
    return VerificationError.exit_code if taught_nothing(history) else 0


def _of_the_folder(arguments: argparse.Namespace) -> Path | None:
    """Return the settings that a run folder was begun with, where a command names no others: it goes on with them."""
    asked = load(RaftConfig, None, arguments.overrides, read_flags(arguments, RAFT_FLAGS))
    folder = RunFolder(with_lasting_paths(asked).output_dir)
    begun = folder.known(mend=A_COPY_OR_ANOTHER)
    file = folder.path / "config.yaml"
    if begun is None or "training tasks" not in begun["fingerprint"] or not file.is_file():
        return None
    console.say(f"Going on with the settings of {console.shown(file)}")
    return file


def dry_run(config: RaftConfig, gpu_memory: float | None = None, *, goes_on: bool = True) -> int:
    """Print what a run would do; start and download nothing."""
    plan = list(describe(config, gpu_memory, goes_on=goes_on))
    console.say("# Resolved configuration")
    console.say(to_yaml(config))
    console.say("# Plan")
    console.pairs(plan)
    return 0


def train(config: RaftConfig, *, fresh: bool = False, from_stage: str = "") -> list[CycleStats]:
    """Run all cycles, or what is left of them, and return their statistics, the base model's first.

    Args:
        config: The run.
        fresh: Discard what an earlier run left in its folder.
        from_stage: `select` or `train`: discard what it did from there on.

    Raises:
        HaloRaftError: Something a user can mend; nothing that is on disk is lost.
    """
    from halo_raft.pipelines.raft.cycle import RaftRun

    console.say("Reading tasks...")
    plan = prepare(config)
    models.check_reachable(config.model.name, config.model.checkpoint)  # before a folder is tied to it
    with RaftRun(plan, fresh=fresh, from_stage=from_stage) as raft:
        history = list(cycles(raft))
        raft.finish()
    return history


def cycles(raft: RaftRun) -> Iterator[CycleStats]:
    """Yield the base's statistics and each cycle's, until the last one, or until going on does not help.

    Raises:
        VerificationError: Nothing can be kept in the first cycle.
    """
    history, config = [raft.measure_base()], raft.config
    yield history[0]
    for cycle in range(1, config.num_cycles + 1):
        try:
            history.append(raft.run_cycle(cycle))
        except VerificationError as error:
            if cycle == 1:
                raise
            console.say(f"{error}. Stopping; the best cycle so far is kept.")
            break
        raft.update_best()
        yield history[-1]
        console.say(pass_rate_line(history))
        if reason := reason_to_stop(history, config.stop):
            console.say(reason)
            break
        if advised := advice(history, config.stop, raft.folder):
            console.say(f"  {advised}")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `python -m halo_raft.pipelines.raft`."""
    parser = Parser(prog="python -m halo_raft.pipelines.raft", description=__doc__.splitlines()[0])
    add_arguments(parser)
    return run_main(run, parse(parser, argv))
