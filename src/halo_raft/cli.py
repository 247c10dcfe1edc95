"""The `halo-raft` command: parses the command line and calls a pipeline, nothing else."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from halo_raft import __version__
from halo_raft.terminal.exits import parse, run_main
from halo_raft.terminal.parser import Parser, bash_completion, commands_of


def build_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of all commands; each sets `run`, a function of the parsed arguments.

    Args:
        words: The command line. Where it begins with a command, that one alone is loaded and added.
    """
    parser = Parser(
        prog="halo-raft", description="Reward-ranked fine-tuning (RAFT) of code models on your own machines."
    )
    parser.add_argument("--version", action="version", version=f"halo-raft {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    named = _COMMANDS.get(words[0]) if words else None
    for add in [named] if named else dict.fromkeys(_COMMANDS.values()):
        add(commands)
    for name, command in commands_of(parser):
        if name in EXAMPLES:
            command.epilog = f"example:\n  {parser.prog} {name} {EXAMPLES[name]}".rstrip()
    return parser


def _raft(commands: Any) -> None:
    from halo_raft.pipelines import raft

    text = "generate, verify, select, train, and round again"
    _add_command(_group(commands, "raft", "reward-ranked fine-tuning"), "train", raft, text)


def _sft(commands: Any) -> None:
    from halo_raft.pipelines import sft

    text = "train on questions and answers, a start for RAFT"
    _add_command(_group(commands, "sft", "supervised fine-tuning"), "train", sft, text)


def _benchmark(commands: Any) -> None:
    from halo_raft.pipelines import benchmark

    benchmark.add_commands(_group(commands, "benchmark", "measure models"))


def _report(commands: Any) -> None:
    from halo_raft.pipelines import report

    report.add_command(commands)


def _status(commands: Any) -> None:
    from halo_raft.pipelines import status

    status.add_commands(commands)


def _verify(commands: Any) -> None:
    from halo_raft.pipelines import verify

    _add_command(commands, "verify", verify, "judge a file of completions; needs no model")


def _sweep(commands: Any) -> None:
    from halo_raft.pipelines import sweep

    sweep.add_commands(_group(commands, "sweep", "try many settings and find the best"))


def _data(commands: Any) -> None:
    from halo_raft.pipelines import data

    data.add_commands(_group(commands, "data", "prepare and look at tasks"))


def _check(commands: Any) -> None:
    from halo_raft.pipelines import check

    check.add_commands(commands, _group(commands, "config", "look at configurations"))


def _init(commands: Any) -> None:
    from halo_raft.pipelines import init

    init.add_command(commands)


def _completion(commands: Any) -> None:
    command = commands.add_parser("completion", help="print a script with which the shell completes our words")
    command.add_argument("shell", choices=("bash",))
    command.set_defaults(run=lambda arguments: print(bash_completion(build_parser())) or 0)


_COMMANDS: dict[str, Callable[[Any], None]] = {
    **{"init": _init, "raft": _raft, "sft": _sft, "benchmark": _benchmark, "report": _report},
    **dict.fromkeys(("status", "sync", "clean"), _status),
    **{"verify": _verify, "sweep": _sweep, "data": _data},
    **dict.fromkeys(("config", "test", "info"), _check),
    **{"completion": _completion},
}
"""First word of a command line -> adds that command, and those that lie beside it."""


EXAMPLES = {
    "init": "mine",
    "raft train": "--model Qwen/Qwen2.5-Coder-0.5B-Instruct --prompts my_tasks.jsonl --cycles 5 --output models/mine",
    "sft train": "--data data/train.jsonl --output models/sft --epochs 3",
    "benchmark run": "--model models/mine/best --prompts my_heldout.jsonl --samples 10 --k 1,5,10",
    "benchmark eval": "--benchmark humaneval --model models/mine/best",
    "benchmark compare": "results/baseline.json results/raft.json",
    "benchmark full": "--model Qwen/Qwen2.5-Coder-0.5B-Instruct --prompts my_tasks.jsonl --cycles 5",
    "benchmark export": "results/benchmark.json --format humaneval --output samples.jsonl",
    "report": "models/mine models/control",
    "status": "models/mine",
    "sync": "models/mine",
    "clean": "models/mine --keep-best",
    "verify": "--tasks my_tasks.jsonl --samples samples.jsonl --output verdicts.jsonl",
    "sweep run": "--config configs/sweep.yaml --trials 6",
    "sweep best": "models/sweep/study.journal --output best.yaml",
    "data prepare": "--dataset mbpp",
    "data validate": "my_tasks.jsonl --preview",
    "data generate": "--topic python_algorithms --backend ollama --model codellama:13b --output data/mine.jsonl",
    "data stats": "my_tasks.jsonl",
    "data split": "my_tasks.jsonl --share 0.2",
    "data prompts": "data/train.jsonl data/prompts.jsonl",
    "config validate": "configs/raft.yaml",
    "config show": "configs/raft.yaml training.learning_rate=1e-4",
    "config reference": "> settings.md",
    "test": "--level standard",
    "info": "--check",
    "completion": "bash > ~/.local/share/bash-completion/completions/halo-raft",
}
"""Command -> the rest of a line that its `--help` ends with."""


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
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["sweep"]:
        from halo_raft.pipelines.sweep import with_default_command

        words = with_default_command(words)
    return run_main(lambda arguments: arguments.run(arguments), parse(build_parser(words), words))


if __name__ == "__main__":
    raise SystemExit(main())
