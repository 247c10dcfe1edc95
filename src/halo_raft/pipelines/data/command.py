"""The command line of `halo-raft data`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from halo_raft.pipelines.data import prepare, prompts, split, stats, validate
from halo_raft.pipelines.data.generating import command as generate


def add_commands(group: Any) -> None:
    """Add the commands to a group of subcommands."""
    _add_prepare(_command(group, "prepare", "write a public set or a file as tasks, prompts and SFT rows", prepare.run))
    _add_validate(_command(group, "validate", "check files of tasks, line by line", validate.run))
    _add_generate(_command(group, "generate", "have a model write tasks; what is judged sound is kept", generate.run))
    command = _command(group, "stats", "say what files of tasks hold, with a plot", stats.run)
    command.add_argument("files", nargs="+", metavar="FILE", help="JSONL file (.gz, .zst, .parquet), or a task source")
    command.add_argument("--plot", type=Path, help="picture to write; beside the first file when not given")
    command = _command(group, "split", "hold a part of the tasks out, to measure on", split.run)
    command.add_argument("file", help="JSONL file, or a task source")
    command.add_argument("--share", type=float, default=0.2, help="share to hold out (default 0.2)")
    command.add_argument("--output", type=Path, help="folder of the two files; that of the file when not given")
    command = _command(group, "prompts", "extract the questions of a file", prompts.run)
    command.add_argument("input", metavar="IN", help="JSONL file (.gz, .zst, .parquet)")
    command.add_argument("output", metavar="OUT", type=Path, help="JSONL file of prompts to write")


def _command(group: Any, name: str, text: str, run: Callable[[Any], int]) -> Any:
    command = group.add_parser(name, help=text)
    command.set_defaults(run=run)
    return command


def _add_prepare(command: Any) -> None:
    command.add_argument("--list", action="store_true", help="list the sets: rows, languages, licence, form, verifier")
    command.add_argument("--dataset", help="a set of the list, with a split (mbpp:test); a hub name; or a file")
    command.add_argument("--output", type=Path, help="task file to write; data/rlvr/... under the guide's name if none")
    command.add_argument("--split", help="part of the set, in place of NAME:SPLIT")
    command.add_argument("--limit", type=int, help="so many tasks: the first ones, or chosen by --seed")
    command.add_argument("--seed", type=int, help="choose --limit tasks at random with this seed")
    command.add_argument("--language", help="language that answers are asked for in, or that rows have to be of")
    command.add_argument("--source", type=Path, metavar="PATH",
                         help="copy of the set here: JSONL, Parquet, save_to_disk, or a hub cache")  # fmt: skip
    command.add_argument("--quick", action="store_true", help="do not run references and cheats against the tests")


def _add_validate(command: Any) -> None:
    command.add_argument("files", nargs="+", metavar="FILE", help="JSONL file (.gz, .zst, .parquet), or a task source")
    command.add_argument("--preview", action="store_true", help="print the first task as the model sees it")
    command.add_argument("--quick", action="store_true", help="look at the rows alone, run nothing")
    command.add_argument("--verifier", help="judge by this verifier, in place of the one that each row shows")
    command.add_argument("--against", action="append", default=[], metavar="FILE",
                         help="held-out tasks that nothing of FILE may be in; may be given again")  # fmt: skip
    command.add_argument("--fix", type=Path, metavar="OUT", help="write the rows without findings to this file")
    command.add_argument("--json", action="store_true", help="print what was found as JSON, and nothing else")


def _add_generate(command: Any) -> None:
    command.add_argument("--list", action="store_true", help="list the topics with their categories and levels")
    command.add_argument("--topic", help="a topic of the list")
    command.add_argument("--topic-file", type=Path, metavar="YAML", help="your own: name, language, categories")
    command.add_argument("--backend", choices=generate.BACKENDS, help="what writes; local: the engine here")
    command.add_argument("--base-url", help="address of the server, in place of the backend's own")
    command.add_argument("--model", help="model to ask; the backend's own when not given")
    command.add_argument("--output", type=Path, help="task file to write; a run that was stopped goes on")
    command.add_argument("--count", type=int, default=20, help="sound tasks to write (default 20)")
    command.add_argument("--language", help="ask for another language than the topic's")
    command.add_argument("--level", help="one level, in place of the topic's in turn")
    command.add_argument("--seed", type=int, default=0, help="another seed asks for other tasks")
    command.add_argument("--against", action="append", default=[], metavar="FILE",
                         help="held-out tasks that nothing may overlap with; may be given again")  # fmt: skip
    command.add_argument("--price", type=float, nargs=2, metavar=("IN", "OUT"),
                         help="price of a million tokens in and out, to add up what it costs")  # fmt: skip
