"""The files that are made of a set of tasks: tasks, prompts, SFT rows, a card. Row by row, and each appears whole."""

from __future__ import annotations

import filecmp
import hashlib
import itertools
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import yaml

from halo_raft import prompts
from halo_raft.errors import DataError
from halo_raft.programs import reference_of
from halo_raft.records import Task
from halo_raft.store import write_atomically
from halo_raft.tasks.public.catalogue import Files

log = logging.getLogger(__name__)


class TaskFiles:
    """Task file, prompts-only file and SFT file of one set, while they are written.

    Attributes:
        tasks: Tasks written so far.
        references: How many of them have a reference, and so an SFT row.
    """

    def __init__(self, outputs: Mapping[str, IO[str]]) -> None:
        self._outputs = outputs
        self._digest = hashlib.sha256()
        self.tasks = self.references = 0

    @property
    def sha256(self) -> str:
        """Hash of the task file."""
        return self._digest.hexdigest()

    def write(self, task: Task) -> None:
        """Append a task to all three."""
        line = task.to_json() + "\n"
        self._digest.update(line.encode())
        self._outputs["tasks"].write(line)
        asked = {"task_id": task.task_id, "prompt": task.prompt}
        if task.language != "python":
            asked["language"] = task.language
        self._outputs["prompts"].write(json.dumps(asked) + "\n")
        if task.solution:
            self._outputs["sft"].write(json.dumps(sft_row(task)) + "\n")
            self.references += 1
        self.tasks += 1


@contextmanager
def task_files(files: Files) -> Iterator[TaskFiles]:
    """Yield what writes a set's files; they appear when all went well, the SFT file only where it has rows.

    Raises:
        DataError: They cannot be written.
    """
    paths = {"tasks": files.tasks, "prompts": files.prompts, "sft": files.sft}
    parts = {name: path.with_name(f".{path.name}-{os.getpid()}") for name, path in paths.items()}
    try:
        files.tasks.parent.mkdir(parents=True, exist_ok=True)
        outputs = {name: part.open("w", encoding="utf-8") for name, part in parts.items()}
        try:
            written = TaskFiles(outputs)
            yield written
        finally:
            for output in outputs.values():
                output.close()
        for name, path in paths.items():
            if name != "sft" or written.references:
                _replace(path, parts[name])
    except OSError as error:
        raise DataError(f"--output: {files.tasks} cannot be written ({error.strerror})") from None
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def refuse_to_write_over(flag: str, written: Iterable[Path], read: Iterable[Path | str]) -> None:
    """Keep what a command writes off every file that it reads.

    Raises:
        DataError: One is the other, by whatever path.
    """
    files = [Path(file) for file in read if os.path.exists(file)]
    for output in written:
        if output.exists() and any(output.samefile(file) for file in files):
            raise DataError(f"{flag}: {output} is a file that is read here; name another, it would be written over")


def sft_row(task: Task) -> dict[str, Any]:
    """Return a task with a reference as a chat, asked as RAFT asks it, the whole program as the answer."""
    text = f"```{task.language}\n{(reference_of(task) or '').strip()}\n```"
    return {"task_id": task.task_id, "messages": [*prompts.messages(task), {"role": "assistant", "content": text}]}


def write_card(path: Path, facts: Mapping[str, Any], left_out: Mapping[str, str]) -> None:
    """Write what is known of the files: facts as YAML, then what is wrong with which task."""
    head = yaml.safe_dump(dict(facts), sort_keys=False, allow_unicode=True, width=1000)
    wrong = "".join(f"- `{name}`: {reason}\n" for name, reason in left_out.items()) or "Nothing.\n"
    write_atomically(path, f"---\n{head}---\n\n# {facts['name']}\n\n## What is wrong with it\n\n{wrong}")


def _replace(path: Path, by: Path) -> None:
    """Put a new file in the place of another; one with other content stays as the first free `NAME.1`, `NAME.2`, ..."""
    if path.exists() and not filecmp.cmp(path, by, shallow=False):
        names = (path.with_name(f"{path.name}.{number}") for number in itertools.count(1))
        aside = next(name for name in names if not name.exists())
        path.rename(aside)
        log.warning("%s held something else, which is %s now", path, aside)
    os.replace(by, path)


def write_rows(path: Path, rows: Iterator[str] | list[str]) -> int:
    """Write lines of JSON to a file that appears whole; return how many. What else was there stays beside it.

    Raises:
        DataError: It cannot be written.
    """
    part = path.with_name(f".{path.name}-{os.getpid()}")
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as file:
            for row in rows:
                count += 1
                file.write(row + "\n")
        _replace(path, part)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror})") from None
    finally:
        part.unlink(missing_ok=True)
    return count
