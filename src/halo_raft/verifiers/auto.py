"""Chooses the verifier task by task: the one that the row names, else the one that its form shows.

Where neither says a language, the answer's fence does.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from typing import ClassVar

from halo_raft.errors import ConfigError, DataError
from halo_raft.extract import NATIVE, Source, find, language_of
from halo_raft.records import NATIVE_VERIFIERS, Task, Verdict
from halo_raft.verifiers.base import Mode, Verifier, VerifierOptions, VerifyResult
from halo_raft.verifiers.native.toolchains import offered

BUILT_IN = ("clang", "execution", "gcc", "go", "humaneval", "mbpp", "mingw", "pytest", "python", "rust")
"""Verifiers that a row may name. One of the user's own is code: the user names that, no row does."""


class AutoVerifier(Verifier):
    """Passes each answer on to the verifier of its task, which the verdict names."""

    version: ClassVar[str] = "3"

    def check_for(self, tasks: Iterable[Task]) -> None:
        """Find out before a run whether every verifier that the tasks need is ready to judge them.

        Raises:
            ConfigError: What one of them needs is missing, or a task names none of ours.
            DataError: No answer to one of the tasks can be judged.
        """
        by_name: dict[str, list[Task]] = {}
        for task in tasks:
            by_name.setdefault(self._name_for(task), []).append(task)
        for name, theirs in by_name.items():
            _created(name, self.options).check_for(theirs)

    def refusal(self, task: Task) -> str | None:
        """Return why no answer to a task can be judged, None if one can."""
        try:
            return _created(self._name_for(task), self.options).refusal(task)
        except DataError as error:
            return str(error)

    def lacking(self, task: Task) -> str | None:
        """Return which package a task needs that cannot be had here; see `Verifier.lacking`."""
        try:
            return _created(self._name_for(task), self.options).lacking(task)
        except DataError:
            return None

    def mode_of(self, task: Task) -> Mode | None:
        """Return where the tests of a task stand, and why; see `Verifier.mode_of`."""
        return _created(self._name_for(task), self.options).mode_of(task)

    def judge(self, sample_id: str, completion: str, task: Task) -> Verdict:
        """Judge as the chosen verifier does; see `Verifier.judge`."""
        try:
            chosen = _ready(self._name_for(task, _language(completion, task)), self.options)
        except (ConfigError, DataError) as error:
            return self._infra(sample_id, task, error, 0.0)
        return chosen.judge(sample_id, completion, task)

    def extract(self, completion: str, task: Task) -> str:
        """Return the program, as the chosen verifier extracts it, with its language where only the fence says it."""
        chosen = self._chosen(completion, task)
        code = chosen.extract(completion, task)
        language = _language(completion, task)
        return Source(code, language) if language != task.language and not language_of(code, "") else code

    def verify(self, code: str, task: Task) -> VerifyResult:
        """Judge `code` with the verifier of its task and language.

        Raises:
            ConfigError: The language's compiler is missing.
            DataError: No verifier knows the language.
            SandboxError: The sandbox failed.
        """
        return _ready(self._name_for(task, language_of(code, task.language)), self.options).verify(code, task)

    def _chosen(self, completion: str, task: Task) -> Verifier:
        return _created(self._name_for(task, _language(completion, task)), self.options)

    def _name_for(self, task: Task, language: str | None = None) -> str:
        """Return the name of the verifier of a task.

        Raises:
            DataError: There is none.
        """
        name = task.judged_by
        if task.verifier is None and not task.has_tests:
            prints = self.options.expected_output is not None
            name = "execution" if prints else NATIVE_VERIFIERS.get(language or task.language, name)
        if name not in BUILT_IN:
            raise DataError(f"task {task.task_id!r}: there is no verifier {name!r}; there are: {', '.join(BUILT_IN)}")
        return name


def _language(completion: str, task: Task) -> str:
    """Return the task's language; a task that names none is a Python one, unless its answer is not."""
    if task.language != "python" or task.has_tests or task.verifier:
        return task.language
    tag = find(completion, "python").tag
    return tag if tag in NATIVE and offered(tag) else "python"


@functools.lru_cache(maxsize=64)
def _created(name: str, options: VerifierOptions) -> Verifier:
    """Return a verifier by its name; `verifiers.create` stands above this file."""
    module = importlib.import_module(f"{__package__}.{name}")
    kind = next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Verifier) and value.__module__ == module.__name__
    )
    verifier: Verifier = kind()
    verifier.configure(options)
    return verifier


@functools.lru_cache(maxsize=64)
def _ready(name: str, options: VerifierOptions) -> Verifier:
    """Return a verifier by its name, found ready to judge."""
    verifier = _created(name, options)
    verifier.check()
    return verifier
