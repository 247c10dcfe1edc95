"""What is wrong with a file of tasks: findings with their lines, and how they are told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from halo_raft.record import Record
from halo_raft.terminal import console

WARNINGS = ("near_duplicate", "too_long", "overlap_benchmark", "beyond_us", "no_tests")
"""Kinds that leave a file usable; all others are errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Record):
    """One thing that is wrong.

    Attributes:
        file, line: Where, counted from 1; rows of a Parquet file or a source count as lines.
        task_id: Of which task; None where the row is none.
        kind: `schema`, `duplicate_id`, `duplicate`, `near_duplicate`, `overlap`, `overlap_benchmark`, `too_long`,
            `reference_fails`, `passes_without_solution`, `flaky`, `beyond_us`, `no_tests`.
        severity: `error` or `warning`.
        message: One line.
    """

    file: str
    line: int
    task_id: str | None
    kind: str
    severity: str
    message: str


@dataclass(slots=True)
class Findings:
    """All findings of one command, said as they come."""

    all: list[Finding] = field(default_factory=list)
    _said: Counter[str] = field(default_factory=Counter)

    def add(self, file: str, line: int, task_id: str | None, kind: str, message: str) -> None:
        """Note a finding and say it, the first few of each kind."""
        severity = "warning" if kind in WARNINGS else "error"
        finding = Finding(file=file, line=line, task_id=task_id, kind=kind, severity=severity, message=message)
        self.all.append(finding)
        self._said[kind] += 1
        text = f"{file}:{line}: {severity}: {f'task {task_id}: ' if task_id else ''}{message}"
        if self._said[kind] > console.MOST_LISTED:
            console.log.debug("%s", text)
        else:
            console.say(text)

    def say_rest(self) -> None:
        """Say how many of each kind were not printed."""
        for kind, number in self._said.items():
            if number > console.MOST_LISTED:
                console.say(f"... and {number - console.MOST_LISTED} more of kind {kind}; --json has all")

    def lines(self, file: str) -> set[int]:
        """Return the lines of a file that are not to be trained on: errors, and duplicates of any kind."""
        kinds = ("near_duplicate", "beyond_us", "overlap_benchmark", "no_tests")
        return {f.line for f in self.all if f.file == file and (f.severity == "error" or f.kind in kinds)}

    @property
    def errors(self) -> int:
        """How many are errors."""
        return sum(finding.severity == "error" for finding in self.all)

    def as_json(self) -> list[dict[str, Any]]:
        """Return all as JSON objects."""
        return [finding.to_dict() for finding in self.all]
