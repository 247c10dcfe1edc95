"""Where SFT's rows come from: a JSONL file, or a dataset through `datasets`."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from halo_raft import tasks
from halo_raft.config.sft import SftDataConfig
from halo_raft.errors import ConfigError, DataError
from halo_raft.records import Task
from halo_raft.sampling.drafts import FUNCTION, Wording, forms_of
from halo_raft.tasks.base import read_rows
from halo_raft.train.rows import Turn, parse_row

DATASETS = {
    "codealpaca": "sahil2801/CodeAlpaca-20k",
    "evol_instruct": "nickrosh/Evol-Instruct-Code-80k-v1",
    "python_instructions": "iamtarun/python_code_instructions_18k_alpaca",
}
"""Short names of datasets on the hub whose rows are in a form that `parse_row` reads."""


@dataclass(frozen=True, slots=True)
class SftData:
    """Rows that have been looked over.

    Attributes:
        name: File or dataset.
        rows: How many rows there are.
        turns: Where each answer is from, and the answer with what came before it.
        sha256: Hash of the rows' content.
    """

    name: str
    rows: int
    turns: tuple[tuple[str, Turn], ...]
    sha256: str


def load_data(config: SftDataConfig) -> SftData:
    """Read all rows.

    Raises:
        ConfigError: Neither a file nor a dataset is named.
        DataError: The rows cannot be had, or one of them cannot be used; names it.
    """
    name = source(config)
    turns: list[tuple[str, Turn]] = []
    digest = hashlib.sha256()
    count = functions = 0
    for where, row in _rows(config):
        if count == config.limit:
            break
        count += 1
        digest.update(json.dumps(row, sort_keys=True, default=str).encode("utf-8", "surrogatepass"))
        task = _task(row, where)
        functions += bool(task and FUNCTION in forms_of(task, config.prompt_formats))
        turns += [(where, turn) for turn in ([_as_raft_asks(task, config)] if task else parse_row(row, where))]
    if not turns:
        raise DataError(f"{name}: holds no rows")
    if FUNCTION in config.prompt_formats and not functions:
        raise ConfigError(
            f"data.prompt_formats: no row of {name} can be asked as a function, which takes a Python task in words "
            "with test_list and a reference; leave it out"
        )
    return SftData(name, count, tuple(turns), digest.hexdigest())


def source(config: SftDataConfig) -> str:
    """Return the file or dataset that is trained on, without reading it.

    Raises:
        ConfigError: None is named.
    """
    name = config.train_file or config.dataset
    if not name:
        raise ConfigError("data.train_file: name a JSONL file (--data), or a dataset (--dataset codealpaca)")
    return name if config.train_file else DATASETS.get(name, name)


def _rows(config: SftDataConfig) -> Iterator[tuple[str, Mapping[str, Any]]]:
    name = source(config)
    if config.train_file:
        for line, row in read_rows(name):
            yield f"{name}:{line}", row
        return
    try:
        from datasets import load_dataset

        logging.getLogger("datasets").setLevel(logging.ERROR)
        loaded = load_dataset(name, split="train")
    except Exception as error:  # datasets raises whatever its parts do
        known = f"; known names: {', '.join(DATASETS)}" if "/" not in name else ""
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DataError(
            f"data.dataset: {name} cannot be loaded ({reason}); go online once, or give a JSONL file with --data{known}"
        ) from error
    for number, row in enumerate(loaded, start=1):
        yield f"{name}, row {number}", {key: value for key, value in row.items() if value is not None}


def _task(row: Mapping[str, Any], where: str) -> Task | None:
    """Return a row as a task where it is one, with tests and a reference."""
    if not row.get("test_list") or "messages" in row:
        return None
    task = tasks.parse_row(row, where)
    return task if task.solution else None


def _as_raft_asks(task: Task, config: SftDataConfig) -> Turn:
    """Return a task's reference as the answer to the question as RAFT asks it."""
    asked = Wording(config.system_prompt, show_tests=True)
    form = forms_of(task, config.prompt_formats)[0]
    return Turn(asked.chat(task, form), task.solution or "", task.language, complete=True)
