"""Command-line flags of settings: the guide's names, each standing for one key of the schema."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from halo_raft.config.keys import section_at


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag and the setting that it sets. Values stay text: the schema checks and converts them."""

    name: str
    key: str
    help: str


RAFT_FLAGS = (
    Flag("--model", "model.name", "embedded, local or hub model, adapter or run folder, or models:/NAME@champion"),
    Flag("--checkpoint", "model.checkpoint", "adapter or run folder, or models:/NAME@champion, to start from"),
    Flag("--prompts", "tasks.train", "JSONL file, or task source (`data prepare --list`), to train on"),
    Flag("--heldout", "tasks.heldout", "the same to measure on; when not given, a fifth of 50 or more is held out"),
    Flag("--verifier", "verifier.name", "verifier, or my_module:MyVerifier; what fits the tasks when not given"),
    Flag("--cycles", "cycles", "number of cycles"),
    Flag("--output", "output_dir", "run folder"),
    Flag("--samples-per-prompt", "sampling.samples_per_prompt", "samples drawn of each prompt"),
    Flag("--temperature", "sampling.temperature", "sampling temperature"),
    Flag("--max-new-tokens", "sampling.max_new_tokens", "length limit of a completion"),
    Flag("--keep-percent", "selection.keep_top_percent", "share of the samples above the threshold to keep, 0 to 1"),
    Flag("--reward-threshold", "selection.reward_threshold", "reward a sample needs to be kept, 0 to 1"),
    Flag("--min-samples", "selection.min_samples", "lower the threshold until so many are kept; 0: never"),
    Flag("--learning-rate", "training.learning_rate", "peak learning rate of the first cycle"),
    Flag("--lr-decay", "training.lr_decay", "factor on the learning rate from cycle to cycle"),
    Flag("--epochs", "training.num_train_epochs", "passes over the kept samples in a cycle"),
    Flag("--curriculum", "curriculum.strategy", "none, complexity, progressive, adaptive, historical or almost"),
    Flag("--reward-shaping", "curriculum.reward_shaping", "fixed, annealing, warmup or adaptive"),
    Flag("--ablate", "ablate", "control arm: `verifier` keeps as many samples, but at random"),
    Flag("--system-prompt", "tasks.system_prompt", "in place of the one for the tasks' language; '' sends none"),
    Flag("--engine", "engine.name", "vllm or transformers"),
    Flag("--experiment", "tracking.experiment", "MLflow experiment"),
    Flag("--seed", "seed", "seed of everything random"),
)

SFT_FLAGS = (
    Flag("--model", "model.name", "embedded, local or hub model, adapter or run folder, or models:/NAME@champion"),
    Flag("--checkpoint", "model.checkpoint", "adapter or run folder, or models:/NAME@champion, to start from"),
    Flag("--data", "data.train_file", "JSONL file to train on"),
    Flag("--dataset", "data.dataset", "known name (codealpaca), hub name or folder to train on"),
    Flag("--output", "training.output_dir", "folder of the result"),
    Flag("--epochs", "training.num_train_epochs", "passes over the rows"),
    Flag("--learning-rate", "training.learning_rate", "peak learning rate"),
    Flag("--batch-size", "training.per_device_train_batch_size", "rows that are computed together, on each worker"),
    Flag("--max-seq-length", "data.max_seq_length", "longest row in tokens"),
    Flag("--max-samples", "data.limit", "use the first so many rows only; all when not given"),
    Flag("--patience", "training.early_stopping_patience", "end when the validation loss rose so many times; 0: never"),
    Flag("--experiment", "tracking.experiment", "MLflow experiment"),
    Flag("--seed", "seed", "seed of everything random"),
)


GROUPS = {
    **dict.fromkeys(("model", "data", "tasks", "output_dir"), "model, data and output"),
    **dict.fromkeys(("sampling", "engine"), "generating"),
    **dict.fromkeys(("verifier", "selection", "ablate"), "judging and keeping"),
    **dict.fromkeys(("training",), "training"),
    **dict.fromkeys(("cycles", "curriculum"), "from cycle to cycle"),
    **dict.fromkeys(("sweep",), "the study"),
}
"""First part of a key -> title of its flags in `--help`."""


def add_flags(
    parser: argparse.ArgumentParser,
    flags: Sequence[Flag],
    schema: type[BaseModel],
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Add flags to a parser. None has a default here, which would hide the YAML's value: the help names the schema's.

    Args:
        parser: The command's.
        flags: What to add.
        schema: Where their keys are.
        defaults: Key -> what the command takes in place of the schema's default.
    """
    groups: dict[str, Any] = {}
    for flag in flags:
        title = "model, data and output" if flag.key.endswith("output_dir") else GROUPS.get(flag.key.partition(".")[0])
        title = title or "the run"
        group = groups[title] = groups.get(title) or parser.add_argument_group(title)
        default = defaults.get(flag.key) or default_of(schema, flag.key)
        shown = "" if default is None else f"; default {default}".replace("%", "%%")
        group.add_argument(flag.name, metavar="VALUE", help=f"{flag.help} ({flag.key}{shown})")


def default_of(schema: type[BaseModel], key: str) -> Any:
    """Return the default of a setting, None where it has none."""
    *above, name = key.split(".")
    section: type[BaseModel] | None = schema
    for part in above:
        section = section and section_at(section, part)
    default = section.model_fields[name].get_default(call_default_factory=True) if section else None
    return None if default is PydanticUndefined else default


def add_training_arguments(parser: argparse.ArgumentParser, flags: Sequence[Flag], schema: type[BaseModel]) -> None:
    """Add what `raft train` and `sft train` take: their flags, and how to run them."""
    parser.add_argument("--config", type=Path, help="YAML file with the settings")
    add_flags(parser, flags, schema)
    parser.add_argument("--fresh", action="store_true", help="discard what an earlier run left in the output folder")
    parser.add_argument("--dry-run", action="store_true", help="print the resolved config and the plan, and stop")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="any setting, e.g. training.learning_rate=1e-4"
    )


def read_flags(arguments: argparse.Namespace, flags: Sequence[Flag]) -> dict[str, tuple[str, Any]]:
    """Return key -> (flag, value) of the flags that were given."""
    given = {flag: getattr(arguments, flag.name.lstrip("-").replace("-", "_")) for flag in flags}
    return {flag.key: (flag.name, value) for flag, value in given.items() if value is not None}
