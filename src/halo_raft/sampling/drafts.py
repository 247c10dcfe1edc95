"""Samples that are to be drawn: which tasks are asked how often, in which form, under ids that last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from halo_raft import prompts
from halo_raft.engines import GenerationRequest
from halo_raft.records import Sampling, Task, stable_hash

FUNCTION = "function"
"""The form of a task that asks for a function to complete, where the task itself asks in words."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A sample that is to be drawn; `form`, `round` and `of` are those of `records.Sample`."""

    task_id: str
    index: int
    request: GenerationRequest
    form: str | None = None
    round: str | None = None
    of: int | None = None

    def __reduce__(self) -> tuple[type[Draft], tuple[Any, ...]]:
        """Pickle it by its fields: a million travel, and a dataclass looks its fields up for each."""
        return Draft, (self.task_id, self.index, self.request, self.form, self.round, self.of)


@dataclass(frozen=True, slots=True)
class Wording:
    """How a task is asked.

    Attributes:
        system_prompt: In place of the usual one; an empty text sends none.
        show_tests: Whether the model sees the task's tests.
    """

    system_prompt: str | None
    show_tests: bool

    def chat(self, task: Task, form: str | None = None) -> tuple[dict[str, str], ...]:
        """Return the messages that ask for a solution of `task`, in a form that it has."""
        stub = prompts.function_stub(task, show_tests=self.show_tests) if form == FUNCTION else None
        return prompts.messages(task, system=self.system_prompt, show_tests=self.show_tests, stub=stub)


def forms_of(task: Task, formats: Sequence[str]) -> list[str | None]:
    """Return the forms that a task is asked in, in turn; one that has no function to complete is asked as it stands.

    Which comes first differs from task to task, so that those with few samples are asked in all forms too.

    Args:
        task: The task.
        formats: As `tasks.prompt_formats`.
    """
    own = FUNCTION if FUNCTION in formats and prompts.function_stub(task) else None
    forms = list(dict.fromkeys(own if name == FUNCTION else None for name in formats))
    first = int(stable_hash("form", task.task_id), 16) % len(forms)
    return forms[first:] + forms[:first]


def draft_samples(
    tasks: Iterable[Task],
    indices: Iterable[int],
    sampling: Sampling,
    wording: Wording,
    key: tuple[object, ...],
    *,
    formats: Sequence[str] = ("text",),
    most: Mapping[str, int] | None = None,
) -> list[Draft]:
    """Return a draft for each task and index.

    Args:
        tasks: What to ask.
        indices: Positions of a task's samples.
        sampling: How to draw them.
        wording: How to ask.
        key: What tells these samples from those of other runs and stages; part of each sample's id.
        formats: Forms that a task is asked in, as far as it has them: its samples take turns.
        most: Task id -> its samples; only lower indices are drawn. None draws all of them.
    """
    chats = [(task, [(form, wording.chat(task, form)) for form in forms_of(task, formats)]) for task in tasks]
    drafts = []
    for index in indices:  # outside: when a prompt comes again, its prefix is in the engine's cache
        for task, forms in chats:
            if most is None or index < most.get(task.task_id, 0):
                form, messages = forms[index % len(forms)]
                drafts.append(Draft(task.task_id, index, request(key, task.task_id, index, messages, sampling), form))
    return drafts


def request(
    key: tuple[object, ...], task_id: str, index: int, messages: tuple[dict[str, str], ...], sampling: Sampling
) -> GenerationRequest:
    """Return what an engine is asked for a task's sample; `key` as in `draft_samples`."""
    identity = sample_id(key, task_id, index)
    # a hash spaces the seeds: neighbouring ones would give neighbouring prompts the same noise
    return GenerationRequest(identity, messages, sampling, int(identity, 16) % 2**31)


def sample_id(key: tuple[object, ...], task_id: str, index: int) -> str:
    """Return the id of a task's sample; `key` as in `draft_samples`."""
    return stable_hash(*key, task_id, index)
