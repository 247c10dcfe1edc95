"""`data stats`: how many tasks of what kind, how long, how hard tested; as a table and as a plot. Row by row."""

from __future__ import annotations

import argparse
from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from halo_raft.errors import DataError
from halo_raft.pipelines.data.rows import placed_tasks
from halo_raft.records import Task
from halo_raft.report.canvas import line_colour, panel_each
from halo_raft.terminal import console

MOST_NAMED = 8


@dataclass(slots=True)
class Numbers:
    """What is counted of tasks.

    Attributes:
        prompt, reference: Lengths in characters; of tasks without a reference there is none.
        tests: Tests a task, where it has any.
    """

    tasks: int = 0
    unread: int = 0
    by: dict[str, Counter[str]] = field(
        default_factory=lambda: {name: Counter() for name in ("languages", "verifiers", "topics")}
    )
    prompt: array[int] = field(default_factory=lambda: array("l"))
    reference: array[int] = field(default_factory=lambda: array("l"))
    tests: array[int] = field(default_factory=lambda: array("l"))

    def add(self, task: Task, row: Any) -> None:
        """Count a task."""
        self.tasks += 1
        self.by["languages"][task.language] += 1
        self.by["verifiers"][task.judged_by if task.has_tests else "none"] += 1
        if topic := row.get("topic") or row.get("difficulty"):
            self.by["topics"][str(topic)[:40]] += 1
        self.prompt.append(len(task.prompt))
        if task.solution:
            self.reference.append(len(task.solution))
        if task.has_tests:
            self.tests.append(_tests(task))


def run(arguments: argparse.Namespace) -> int:
    """Count, say and draw."""
    numbers = Numbers()

    def wrong(line: int, reason: str) -> None:
        numbers.unread += 1

    for file in arguments.files:
        for here in placed_tasks(file, wrong):
            numbers.add(here.task, here.row)
    if not numbers.tasks:
        raise DataError(f"{arguments.files[0]}: holds no tasks")
    _say(arguments.files, numbers)
    first = Path(arguments.files[0])
    named = first if first.is_file() else Path(str(first).replace(":", "_"))
    plot = arguments.plot or named.with_name(f"{named.name.partition('.')[0]}_stats.png")
    _draw(numbers, plot)
    console.say(f"Wrote {plot}")
    return 0


def _tests(task: Task) -> int:
    if task.test_list or task.test_cases:
        return len(task.test_list or ()) + len(task.test_cases or ())
    return max(1, (task.tests or "").count("assert"))


def _say(files: list[str], numbers: Numbers) -> None:
    console.say(f"{', '.join(files)}: {numbers.tasks} tasks, {len(numbers.tests)} with tests, "
                f"{len(numbers.reference)} with a reference")  # fmt: skip
    if numbers.unread:
        console.say(f"  not read: {numbers.unread} rows that are no tasks (halo-raft data validate names them)")
    for name, counts in numbers.by.items():
        if counts:
            shown = ", ".join(f"{key} {number}" for key, number in counts.most_common(MOST_NAMED))
            rest = len(counts) - MOST_NAMED
            console.say(f"  {name + ':':<12} {shown}{f', and {rest} others' if rest > 0 else ''}")
    titles = ("", "least", "median", "90%", "most")
    rows = [(title, *_quantiles(values)) for title, values in _lengths(numbers) if len(values)]
    console.table(titles, rows, left=titles[:1])


def _lengths(numbers: Numbers) -> list[tuple[str, array[int]]]:
    return [("prompt, characters", numbers.prompt), ("reference, characters", numbers.reference),
            ("tests a task", numbers.tests)]  # fmt: skip


def _quantiles(values: array[int]) -> list[str]:
    return [f"{value:.0f}" for value in np.quantile(np.asarray(values), (0, 0.5, 0.9, 1))]


def _draw(numbers: Numbers, path: Path) -> None:
    """Draw how the lengths are spread, and the languages.

    Raises:
        DataError: The picture cannot be written.
    """
    shown = [(title, values) for title, values in _lengths(numbers) if len(values)]
    figure, panels = panel_each([*(title for title, _ in shown), "languages"])
    for number, ((_, values), axes) in enumerate(zip(shown, panels, strict=False)):
        most = max(np.quantile(np.asarray(values), 0.99), 1)
        axes.hist(np.clip(np.asarray(values), 0, most), bins=min(40, int(most) + 1), color=line_colour(number))
        axes.set_ylabel("tasks")
    names, counts = zip(*numbers.by["languages"].most_common(MOST_NAMED), strict=True)
    panels[-1].barh(names, counts, color=line_colour(3))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise DataError(f"--plot: {path} cannot be written ({error})") from None
