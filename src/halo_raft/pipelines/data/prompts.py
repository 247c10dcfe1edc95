"""`data prompts`: the questions of a file, one a line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from halo_raft.errors import DataError
from halo_raft.pipelines.data.rows import placed_tasks
from halo_raft.pipelines.data.writing import refuse_to_write_over, write_rows
from halo_raft.terminal import console


def run(arguments: argparse.Namespace) -> int:
    """Write the prompts; rows without one are passed over and counted, as those that are asked twice."""
    refuse_to_write_over("OUT", [arguments.output], [arguments.input])
    without: list[str] = []
    repeated = 0

    def rows() -> Iterator[str]:
        nonlocal repeated
        seen: set[str] = set()
        for here in placed_tasks(arguments.input, lambda line, reason: without.append(f"line {line} {reason}")):
            task = here.task
            if task.prompt in seen:
                repeated += 1
                continue
            seen.add(task.prompt)
            row = {"task_id": task.task_id, "prompt": task.prompt}
            yield json.dumps(row if task.language == "python" else row | {"language": task.language})
        if not seen:  # here, so that what was there before is not replaced by nothing
            raise DataError(f"{arguments.input}: has no row with a prompt ({without[0] if without else 'it is empty'})")

    written = write_rows(arguments.output, rows())
    console.say(f"Wrote {written} prompts to {arguments.output}")
    if repeated:
        console.say(f"  passed over: {repeated} that were asked before")
    if without:
        console.say(f"  passed over: {len(without)} rows without a prompt (the first: {without[0]})")
    return 0
