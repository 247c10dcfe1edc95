"""From the command line of a benchmark to its settings: the model in all its forms, the tasks, the k."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from halo_raft import tasks
from halo_raft.cluster.jobs import with_lasting_paths
from halo_raft.config import RaftConfig, SftConfig, full_key, load, load_file
from halo_raft.config.flags import Flag, read_flags
from halo_raft.errors import ConfigError, DataError, HaloRaftError, UsageError
from halo_raft.pipelines.checkpoint import on_checkpoint_base

MODEL = Flag("--model", "model.name", "embedded, local or hub model, adapter or run folder, or models:/NAME@champion")

COMMON_FLAGS = (
    MODEL,
    Flag("--verifier", "verifier.name", "verifier; the one that fits the tasks when not given"),
    Flag("--samples", "sampling.samples_per_prompt", "samples a task"),
    Flag("--temperature", "sampling.temperature", "sampling temperature"),
    Flag("--max-new-tokens", "sampling.max_new_tokens", "length limit of a completion"),
    Flag("--limit", "tasks.limit", "use the first so many tasks only; all when not given"),
    Flag("--engine", "engine.name", "vllm or transformers"),
    Flag("--seed", "seed", "seed of everything random"),
)
RUN_FLAGS = (*COMMON_FLAGS, Flag("--prompts", "tasks.train", "JSONL file, or task source (`data prepare --list`)"))

log = logging.getLogger(__name__)

Flags = dict[str, tuple[str, Any]]


def run_config(arguments: argparse.Namespace) -> RaftConfig:
    """Return the settings of `benchmark run`: sampled at temperature 0.2 unless told otherwise."""
    return _config(read_flags(arguments, RUN_FLAGS), arguments, ["sampling.temperature=0.2"], [])


def eval_config(arguments: argparse.Namespace) -> RaftConfig:
    """Return the settings of `benchmark eval`: greedy, unless more than one sample is asked for.

    Raises:
        ConfigError: There is no such benchmark.
    """
    flags = read_flags(arguments, COMMON_FLAGS)
    flags["tasks.train"] = ("--benchmark", benchmark_tasks(arguments.benchmark))
    single = "sampling.samples_per_prompt" not in flags or str(flags["sampling.samples_per_prompt"][1]) == "1"
    greedily = ["sampling.samples_per_prompt=1", "sampling.temperature=0"] if single else []
    return _config(flags, arguments, ["sampling.temperature=0.2"], greedily)


def benchmark_tasks(name: str) -> str:
    """Return the task source and split that a benchmark's name stands for: its test split where it has one.

    Raises:
        ConfigError: There is no such benchmark.
    """
    source, _, split = name.partition(":")
    if source not in tasks.REGISTRY.names():
        raise ConfigError(f"--benchmark {name}: unknown; there are: {', '.join(tasks.REGISTRY.names())}")
    splits = tasks.REGISTRY.load(source).splits
    fitting = next((known for known in ("test", "heldout") if known in splits), next(iter(splits)))
    return f"{source}:{split or fitting}"


def _config(flags: Flags, arguments: argparse.Namespace, defaults: Sequence[str], fixed: Sequence[str]) -> RaftConfig:
    """Return the settings of a measurement.

    Args:
        flags: Those that were given.
        arguments: The command line.
        defaults: Settings of models that no run has measured.
        fixed: Settings of this command, whatever the run of the model was measured with.
    """
    flags["output_dir"] = ("--output", str(arguments.output.parent))
    settings = ["sampling.min_p=0", *defaults]
    named = {key: flag for key, flag in flags.items() if key == "model.name"}
    which = [override for override in arguments.overrides if _is_of_model(override)]
    known = with_lasting_paths(load(RaftConfig, None, which, named))
    model = on_checkpoint_base(known).model
    settings += [*_of_its_run(model.checkpoint), *fixed, *arguments.overrides]
    config = with_lasting_paths(load(RaftConfig, None, settings, flags)).model_copy(update={"model": model})
    if config.sampling.temperature == 0 and config.sampling.samples_per_prompt > 1:
        raise UsageError("--temperature 0 draws the same sample each time; use --samples 1, or a temperature above 0")
    return config


def _is_of_model(override: str) -> bool:
    """Return whether an override says which model is measured: its run may be what makes the others fit."""
    try:
        return full_key(RaftConfig, override.partition("=")[0], override).startswith("model.")
    except HaloRaftError:
        return override.startswith("model")  # a whole section, or a mistake that is told with all the rest


def _of_its_run(adapter: Path | None) -> list[str]:
    """Return the settings that an adapter in a run folder was measured with there, so that numbers compare.

    Of an SFT run that is the system prompt; an adapter beside some other `config.yaml` has no run.
    """
    path = adapter.parent / "config.yaml" if adapter else None
    if path is None or not path.is_file():
        return []
    try:
        run = load_file(path)
    except ConfigError as error:
        log.warning("%s: is no run's of ours, so nothing of it is taken (%s)", path, error)
        return []
    if isinstance(run, SftConfig):
        return [f"tasks.system_prompt={json.dumps(run.data.system_prompt)}"]
    sampled = {name: getattr(run.sampling, name) for name in ("top_k", "top_p", "min_p", "max_new_tokens", "stop")}
    return [
        f"sampling.temperature={run.heldout.temperature}",
        *(f"sampling.{name}={json.dumps(value)}" for name, value in sampled.items()),
        f"engine.max_model_len={run.engine.max_model_len}",
        f"tasks.system_prompt={json.dumps(run.tasks.system_prompt)}",
        f"tasks.show_tests={json.dumps(run.tasks.show_tests)}",
    ]


def read_ks(text: str | None, samples: int) -> tuple[int, ...]:
    """Read `1,5,10`; without a text it is 1, and 5 and 10 where so many samples are drawn.

    Raises:
        UsageError: Not whole numbers from 1, or more than there are samples.
    """
    if text is None:
        return tuple(k for k in (1, 5, 10) if k <= samples)
    try:
        ks = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        ks = (0,)
    if min(ks) < 1:
        raise UsageError(f"--k {text}: give whole numbers from 1 separated by commas, such as 1,5,10")
    if max(ks) > samples:
        raise UsageError(f"--k {text}: pass@{max(ks)} needs {max(ks)} samples a task, not {samples}; raise --samples")
    return ks


def discard(*paths: Path) -> None:
    """Remove an earlier benchmark's files; for `--fresh`.

    Raises:
        DataError: One of them is not a benchmark's.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f"--fresh: {path} cannot be removed ({error.strerror})") from None
