"""Samples that are to be drawn: which tasks are asked how often, under ids that last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from halo_raft import prompts
from halo_raft.engines import GenerationRequest
from halo_raft.records import Sampling, Task, stable_hash


@dataclass(frozen=True, slots=True)
class Draft:
    """A sample that is to be drawn."""

    task_id: str
    index: int
    request: GenerationRequest


@dataclass(frozen=True, slots=True)
class Wording:
    """How a task is asked.

    Attributes:
        system_prompt: In place of the usual one; an empty text sends none.
        show_tests: Whether the model sees the task's tests.
    """

    system_prompt: str | None
    show_tests: bool

    def chat(self, task: Task) -> tuple[dict[str, str], ...]:
        """Return the messages that ask for a solution of `task`."""
        return prompts.messages(task, system=self.system_prompt, show_tests=self.show_tests)


def draft_samples(
    tasks: Iterable[Task], indices: Iterable[int], sampling: Sampling, wording: Wording, key: tuple[object, ...]
) -> list[Draft]:
    """Return a draft for each task and index.

    Args:
        tasks: What to ask.
        indices: Positions of a task's samples.
        sampling: How to draw them.
        wording: How to ask.
        key: What tells these samples from those of other runs and stages; part of each sample's id.
    """
    chats = [(task, wording.chat(task)) for task in tasks]
    drafts = []
    for index in indices:  # outside: when a prompt comes again, its prefix is in the engine's cache
        for task, messages in chats:
            identity = sample_id(key, task.task_id, index)
            # a hash spaces the seeds: neighbouring ones would give neighbouring prompts the same noise
            request = GenerationRequest(identity, messages, sampling, int(identity, 16) % 2**31)
            drafts.append(Draft(task.task_id, index, request))
    return drafts


def sample_id(key: tuple[object, ...], task_id: str, index: int) -> str:
    """Return the id of a task's sample; `key` as in `draft_samples`."""
    return stable_hash(*key, task_id, index)
