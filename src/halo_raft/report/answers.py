"""What models were asked and what they answered, task by task: prompts in the words that they saw, and completions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from halo_raft import prompts
from halo_raft.evaluate import TaskChange
from halo_raft.programs import reference_of
from halo_raft.records import HINT, REPAIR, Task, Verdict
from halo_raft.report.view import Answer, Answers, SideBySide
from halo_raft.sampling.drafts import Wording
from halo_raft.store import Drawn

MOST_TASKS = 100
"""Tasks whose completions are shown side by side: the most changed ones. A page of all of MBPP's would be unwieldy."""


def asked(
    task: Task | None,
    wording: Mapping[str, Any],
    form: str | None = None,
    round: str | None = None,
    failed: tuple[str, Verdict] | None = None,
) -> str:
    """Return the chat that a model was sent for a task, with the tests that it was shown; nothing without a task.

    Args:
        task: None where the tasks are no longer to be had.
        wording: A configuration's `tasks:` section: `system_prompt`, `show_tests`.
        form: As `records.Sample`, and so is `round`.
        round: Nothing is returned of a repair without `failed`, or of a hint without its reference.
        failed: The answer that a repair saw, with its verdict.
    """
    if task is None:
        return ""
    show_tests = bool(wording.get("show_tests", True))
    chat = Wording(wording.get("system_prompt"), show_tests).chat(task, form)
    if round == REPAIR:
        told = failed and prompts.feedback(task, failed[1], show_tests=show_tests)
        chat = prompts.repair_asked(chat, failed[0], told, task.language) if failed and told else ()
    elif round == HINT:
        reference = reference_of(task)
        chat = prompts.hinted(chat, reference, task.language) if reference else ()
    return "\n\n".join(f"{message['role'].capitalize()}:\n{message['content']}" for message in chat)


def answers_by_task(name: str, samples: Iterable[Drawn], verdicts: Mapping[str, Verdict]) -> dict[str, Answers]:
    """Return what a model answered by task: verdicts counted, and the first completion that passed and that failed.

    Args:
        name: Of the model.
        samples: Those without a verdict are left out.
        verdicts: By sample id.
    """
    by_task: dict[str, list[tuple[Drawn, Verdict]]] = {}
    for sample in sorted(samples, key=lambda s: s.index):
        if sample.sample_id in verdicts:
            by_task.setdefault(sample.task_id, []).append((sample, verdicts[sample.sample_id]))
    found = {}
    for task_id, pairs in by_task.items():
        firsts = {verdict.success: (sample, verdict) for sample, verdict in reversed(pairs)}
        shown = [firsts[success] for success in (True, False) if success in firsts]
        kinds = Counter(str(verdict.kind) for _, verdict in pairs)
        found[task_id] = Answers(name, dict(kinds), tuple(answer(sample, verdict) for sample, verdict in shown))
    return found


def answer(sample: Drawn, verdict: Verdict) -> Answer:
    """Return a completion with what the judge said of it."""
    return Answer(sample.completion, str(verdict.kind), verdict.details)


def side_by_side(
    changed: Iterable[TaskChange],
    questions: Mapping[str, Task],
    wording: Mapping[str, Any],
    models: Sequence[Mapping[str, Answers]],
) -> tuple[SideBySide, ...]:
    """Return the tasks that changed most, with what each model answered.

    Args:
        changed: The tasks; one that is named twice is shown once.
        questions: Tasks by id, as far as they are to be had.
        wording: How they were asked; see `asked`.
        models: For each model what it answered, by task.
    """
    return tuple(
        SideBySide(name, asked(questions.get(name), wording), tuple(found[name] for found in models if name in found))
        for name in most_changed(changed)
    )


def most_changed(changed: Iterable[TaskChange]) -> list[str]:
    """Return the ids of the tasks that are shown side by side, those that changed most first."""
    ordered = sorted(changed, key=lambda change: -abs(change.gap))
    return list(dict.fromkeys(change.task_id for change in ordered))[:MOST_TASKS]
