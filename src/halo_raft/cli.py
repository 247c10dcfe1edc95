"""The `halo-raft` command: parses the command line and calls a pipeline, nothing else."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from halo_raft import __version__
from halo_raft.pipelines import benchmark, check, data, raft, report, sft, sweep, verify
from halo_raft.pipelines.exits import parse, run_main


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each sets `run`, a function of the parsed arguments."""
    parser = argparse.ArgumentParser(
        prog="halo-raft", description="Reward-ranked fine-tuning (RAFT) of code models on your own machines."
    )
    parser.add_argument("--version", action="version", version=f"halo-raft {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    raft_group = commands.add_parser("raft", help="reward-ranked fine-tuning").add_subparsers(
        required=True, metavar="COMMAND"
    )
    raft_train = raft_group.add_parser("train", help="generate, verify, select, train, and round again")
    raft.add_arguments(raft_train)
    raft_train.set_defaults(run=raft.run)

    sft_group = commands.add_parser("sft", help="supervised fine-tuning").add_subparsers(
        required=True, metavar="COMMAND"
    )
    sft_train = sft_group.add_parser("train", help="train on questions and answers, a start for RAFT")
    sft.add_arguments(sft_train)
    sft_train.set_defaults(run=sft.run)

    benchmark_group = commands.add_parser("benchmark", help="measure models").add_subparsers(
        required=True, metavar="COMMAND"
    )
    benchmark.add_commands(benchmark_group)
    report.add_command(commands)

    verify_command = commands.add_parser("verify", help="judge a file of completions; needs no model")
    verify.add_arguments(verify_command)
    verify_command.set_defaults(run=verify.run)

    sweep_group = commands.add_parser("sweep", help="try many settings and find the best").add_subparsers(
        required=True, metavar="COMMAND"
    )
    sweep.add_commands(sweep_group)

    config_group = commands.add_parser("config", help="look at configurations").add_subparsers(
        required=True, metavar="COMMAND"
    )
    for name, run, text in (
        ("validate", check.validate_config, "say whether a configuration is right"),
        ("show", check.show_config, "print a configuration with all defaults"),
    ):
        command = config_group.add_parser(name, help=text)
        command.add_argument("file", type=Path)
        command.add_argument("overrides", nargs="*", metavar="key=value")
        command.set_defaults(run=run)

    data_group = commands.add_parser("data", help="prepare and look at tasks").add_subparsers(
        required=True, metavar="COMMAND"
    )
    data.add_commands(data_group)

    test = commands.add_parser("test", help="check this installation")
    test.add_argument("--level", choices=("smoke", "standard", "full"), default="smoke")
    test.add_argument("--model", default="builtin:smollm2-135m")
    test.set_defaults(run=check.test)

    info = commands.add_parser("info", help="print versions, devices, sandbox tier and plugins")
    info.add_argument("--check", action="store_true", help="also try every promise of the sandbox (some seconds)")
    info.set_defaults(run=check.info)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the `halo-raft` command; returns the exit code."""
    words = sweep.with_default_command(sys.argv[1:] if argv is None else argv)
    return run_main(lambda arguments: arguments.run(arguments), parse(build_parser(), words))


if __name__ == "__main__":
    raise SystemExit(main())
