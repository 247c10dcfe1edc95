"""Chooses the verifier by the task's language, else by the answer's fence."""

from __future__ import annotations

import functools
from typing import ClassVar

from halo_raft.errors import ConfigError, DataError
from halo_raft.extract import find
from halo_raft.records import Task
from halo_raft.verifiers.base import Verifier, VerifierOptions, VerifyResult
from halo_raft.verifiers.execution import ExecutionVerifier
from halo_raft.verifiers.gcc import GccVerifier
from halo_raft.verifiers.go import GoVerifier
from halo_raft.verifiers.native.language_mark import NATIVE, mark, unmark
from halo_raft.verifiers.python import PythonVerifier
from halo_raft.verifiers.rust import RustVerifier

BY_LANGUAGE: dict[str, type[Verifier]] = {
    "python": PythonVerifier,
    "c": GccVerifier,
    "cpp": GccVerifier,
    "rust": RustVerifier,
    "go": GoVerifier,
}


class AutoVerifier(Verifier):
    """Passes each answer on: to `python`, `gcc`, `rust` or `go`, or to `execution` where a program must print."""

    version: ClassVar[str] = "1"

    def extract(self, completion: str, task: Task) -> str:
        """Return the program, as the chosen verifier extracts it."""
        language = self._language(completion, task)
        code = self._chosen(language, task).extract(completion, task)
        return mark(unmark(code, language)[1], language) if language != task.language else code

    def verify(self, code: str, task: Task) -> VerifyResult:
        """Judge `code` with the verifier of its language.

        Raises:
            ConfigError: The language's compiler is missing.
            DataError: No verifier knows the language.
            SandboxError: The sandbox failed.
        """
        language, program = unmark(code, task.language)
        chosen = self._chosen(language, task)
        for tool, package in chosen.tools.items():
            _require(tool, package)
        return chosen.verify(program if language == task.language else code, task)

    @staticmethod
    def _language(completion: str, task: Task) -> str:
        """Return the task's language; a task that names none is a Python one, unless its answer is not."""
        if task.language != "python" or task.tests or task.test_list:
            return task.language
        tag = find(completion, "python").tag
        return tag if tag in NATIVE else "python"

    def _chosen(self, language: str, task: Task) -> Verifier:
        prints = task.test_cases or task.expected_output is not None or self.options.expected_output is not None
        if prints and not task.tests and not task.test_list:
            return _created(ExecutionVerifier, self.options)
        if language not in BY_LANGUAGE:
            raise DataError(f"task {task.task_id!r}: no verifier for {language!r}; there are: {', '.join(BY_LANGUAGE)}")
        return _created(BY_LANGUAGE[language], self.options)


@functools.lru_cache(maxsize=32)
def _created(kind: type[Verifier], options: VerifierOptions) -> Verifier:
    verifier = kind()
    verifier.configure(options)
    return verifier


@functools.cache
def _require(tool: str, package: str) -> None:
    import shutil

    if shutil.which(tool) is None:
        raise ConfigError(f"verifier 'auto' needs `{tool}`: install {package}")
