"""What the further rounds of a cycle ask: prompts without a winner, with a failed answer or the reference in view.

Functions of what is on disk when a round begins: whatever of the round itself is there already, it asks the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from halo_raft import prompts
from halo_raft.programs import reference_of
from halo_raft.records import HINT, REPAIR, Task, Verdict
from halo_raft.sampling import Room, Wording
from halo_raft.store import RunFolder, StoredSample


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat of a further round; `form` and `of` are those of `records.Sample`."""

    chat: tuple[dict[str, str], ...]
    form: str | None
    of: int


@dataclass(frozen=True, slots=True)
class Round:
    """What a further round asks.

    Attributes:
        name: `repair` or `hint`.
        asked: Task id -> chats that its samples take turns in.
        left_out: Why prompts without a winner are not asked -> how many.
    """

    name: str
    asked: Mapping[str, Sequence[Asked]]
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Context:
    """What a round is drawn from.

    Attributes:
        folder: The run's.
        cycles: Those whose winners are trained on, the present one last.
        tasks: The tasks that the present one drew, by id.
        wording: How they are asked.
        room: What a chat may take.
    """

    folder: RunFolder
    cycles: Sequence[int]
    tasks: Mapping[str, Task]
    wording: Wording
    room: Room


def repair_round(context: Context, most: int) -> Round:
    """Return what is asked again with a failed answer in view: at most so many different ones of each prompt."""
    tasks, folder = _without_winner(context, REPAIR), context.folder
    first = {s.sample_id: s for s in folder.stored(context.cycles[-1]) if s.round is None and s.task_id in tasks}
    failures: dict[str, list[tuple[StoredSample, Verdict]]] = {task_id: [] for task_id in tasks}
    for verdict in folder.each_verdict(context.cycles[-1]):
        sample = first.get(verdict.sample_id)
        if sample and not sample.truncated and verdict.kind in prompts.REPAIRABLE:
            failures[sample.task_id].append((sample, verdict))
    asked = {task_id: list(_repairs(context, task, failures[task_id], most)) for task_id, task in tasks.items()}
    return _round(REPAIR, asked, {i: "too_long" if failures[i] else "no_failure" for i in tasks})


def _repairs(context: Context, task: Task, failures: list[tuple[StoredSample, Verdict]], most: int) -> Iterator[Asked]:
    """Yield chats that show different failures of a task, the best first."""
    failures.sort(key=lambda failure: (-(failure[1].reward or 0.0), failure[0].tokens, failure[0].index))
    seen: set[str] = set()
    for sample, verdict in failures:
        if len(seen) < most and (text := sample.completion.strip()) not in seen:
            told = prompts.feedback(task, verdict, show_tests=context.wording.show_tests)
            chat = prompts.repair_asked(context.wording.chat(task, sample.form), text, told, task.language)
            if text and context.room.holds(chat):
                seen.add(text)
                yield Asked(chat, sample.form, sample.index)


def hint_round(context: Context) -> Round:
    """Return what is asked with the reference in view, in each form that the prompt was asked in."""
    tasks = _without_winner(context, HINT)
    forms: dict[str, dict[str | None, int]] = {task_id: {} for task_id in tasks}
    for sample in context.folder.stored(context.cycles[-1]):
        if sample.round is None and (of_task := forms.get(sample.task_id)) is not None:
            of_task[sample.form] = min(sample.index, of_task.get(sample.form, sample.index))
    asked = {task_id: list(_hints(context, task, forms[task_id])) for task_id, task in tasks.items()}
    why = {i: "without_reference" if task.solution is None else "too_long" for i, task in tasks.items()}
    return _round(HINT, asked, why)


def _hints(context: Context, task: Task, forms: Mapping[str | None, int]) -> Iterator[Asked]:
    if reference := reference_of(task):
        for form, of in sorted(forms.items(), key=lambda item: item[1]):
            chat = prompts.hinted(context.wording.chat(task, form), reference, task.language)
            if context.room.holds(chat):
                yield Asked(chat, form, of)


def _round(name: str, asked: Mapping[str, Sequence[Asked]], why_not: Mapping[str, str]) -> Round:
    left_out = Counter(why_not[task_id] for task_id, chats in asked.items() if not chats)
    return Round(name, {task_id: chats for task_id, chats in asked.items() if chats}, left_out)


def _without_winner(context: Context, before: str) -> dict[str, Task]:
    """Return the tasks of which nothing that can be trained on passed before a round.

    What passed with a hint, in an earlier cycle, spares a further hint, and no repair.
    """
    solved: set[str] = set()
    for number in context.cycles:
        later = (REPAIR, HINT) if before == REPAIR else (HINT,)
        left_out = later if number == context.cycles[-1] else (HINT,) if before == REPAIR else ()
        solved |= _solved(context.folder, number, left_out)
    return {task_id: task for task_id, task in context.tasks.items() if task_id not in solved}


def _solved(folder: RunFolder, cycle: int, left_out: Collection[str]) -> set[str]:
    """Return the tasks that a cycle's samples solved, those of some rounds and those cut off left out."""
    out = {s.sample_id for s in folder.stored(cycle) if s.truncated or s.round in left_out}
    return {v.task_id for v in folder.each_verdict(cycle) if v.success and v.sample_id not in out}
