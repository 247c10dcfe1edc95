"""The `halo-raft` command: parses the command line and calls a pipeline, nothing else."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from halo_raft import __version__
from halo_raft.pipelines import benchmark, check, data, init, raft, report, sft, status, sweep, verify
from halo_raft.terminal.exits import parse, run_main


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each sets `run`, a function of the parsed arguments."""
    parser = argparse.ArgumentParser(
        prog="halo-raft", description="Reward-ranked fine-tuning (RAFT) of code models on your own machines."
    )
    parser.add_argument("--version", action="version", version=f"halo-raft {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    init.add_command(commands)
    _add_command(_group(commands, "raft", "reward-ranked fine-tuning"), "train", raft,
                 "generate, verify, select, train, and round again")  # fmt: skip
    _add_command(_group(commands, "sft", "supervised fine-tuning"), "train", sft,
                 "train on questions and answers, a start for RAFT")  # fmt: skip
    benchmark.add_commands(_group(commands, "benchmark", "measure models"))
    report.add_command(commands)
    status.add_commands(commands)
    _add_command(commands, "verify", verify, "judge a file of completions; needs no model")
    sweep.add_commands(_group(commands, "sweep", "try many settings and find the best"))
    data.add_commands(_group(commands, "data", "prepare and look at tasks"))
    check.add_commands(commands, _group(commands, "config", "look at configurations"))
    return parser


def _group(commands: Any, name: str, text: str) -> Any:
    """Add a command that has commands of its own; return where they are added."""
    return commands.add_parser(name, help=text).add_subparsers(required=True, metavar="COMMAND")


def _add_command(commands: Any, name: str, pipeline: Any, text: str) -> None:
    """Add the command of a pipeline that has `add_arguments` and `run`."""
    command = commands.add_parser(name, help=text)
    pipeline.add_arguments(command)
    command.set_defaults(run=pipeline.run)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the `halo-raft` command; returns the exit code."""
    words = sweep.with_default_command(sys.argv[1:] if argv is None else argv)
    return run_main(lambda arguments: arguments.run(arguments), parse(build_parser(), words))


if __name__ == "__main__":
    raise SystemExit(main())
