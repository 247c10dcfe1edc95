"""Verdicts that are known: identical programs under identical tests are judged once, also across runs.

A ledger is an append-only JSONL file, one entry a line, that several commands may read and write at a
time. What makes two programs identical is `known`'s affair; a ledger only maps keys to verdicts.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from halo_raft.records import Verdict

log = logging.getLogger(__name__)


class Ledger:
    """The verdicts that one kind of station found.

    Args:
        path: File to keep them in; None keeps them in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._rows: dict[str, dict[str, Any]] = dict(_read(path)) if path else {}

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: str, sample_id: str, task_id: str) -> Verdict | None:
        """Return the verdict of `key` as that of another sample, marked as `cached`; None if there is none."""
        row = self._rows.get(key)
        if row is None:
            return None
        return replace(Verdict.from_dict(row), sample_id=sample_id, task_id=task_id, cached=True)

    def put(self, verdicts: Mapping[str, Verdict]) -> None:
        """Keep verdicts by key; a later one for the same key takes the place of an earlier one."""
        rows = {key: verdict.to_dict() for key, verdict in verdicts.items()}
        self._rows.update(rows)
        if self._path and rows:
            try:
                _append(self._path, "".join(json.dumps({"key": k, **row}) + "\n" for k, row in rows.items()))
            except OSError as error:
                log.warning("%s cannot be written (%s): verdicts are kept for this run alone", self._path, error)
                self._path = None


def _read(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield key and row of each whole line. A damaged one is skipped: its program is judged again."""
    if not path.is_file():
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                row = json.loads(line)
                Verdict.from_dict(row)
                yield str(row.pop("key")), row
            except (ValueError, TypeError, KeyError, AttributeError):
                continue


def _append(path: Path, text: str) -> None:
    """Append whole lines, also after a writer that died in the middle of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if size := file.seek(0, os.SEEK_END):
            file.seek(size - 1)
            if file.read(1) != b"\n":
                text = "\n" + text
        file.write(text.encode())
