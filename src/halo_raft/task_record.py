"""What is asked and what judges it: the record of a task."""

from __future__ import annotations

import dataclasses
import re

from halo_raft.record import Record

NATIVE_VERIFIERS = {"c": "gcc", "cpp": "gcc", "rust": "rust", "go": "go"}
"""Language -> the verifier that compiles it and runs its tests."""

_PYTEST = re.compile(
    r"^class[ \t]+(?:Test\w*|\w+\([\w.]*TestCase\))|^[ \t]*@pytest\.|"
    r"^def[ \t]+test\w*\([ \t]*(?:tmp_path|tmpdir|monkeypatch|capsys|capfd|caplog|request)\b",
    re.MULTILINE,
)
"""What only a suite for pytest has."""
_IMPORTS = re.compile(r"^[ \t]*(?:import|from)[ \t]+(?:pytest|solution)\b", re.MULTILINE)
"""What a suite for pytest has, and a few asserts may have too."""
_HAS_TESTS = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+test|^class[ \t]+Test", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checker(Record):
    """A program that says whether an output is right where several are: a special judge.

    Attributes:
        source: The program, trusted as tests are.
        language: `python` or `cpp` (in testlib's form).
        order: Its arguments, names of files: `input output answer` (testlib's) or `input answer output`.
    """

    source: str
    language: str = "python"
    order: str = "input output answer"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Task(Record):
    """One prompt and everything needed to judge an answer to it.

    Attributes:
        task_id: Unique name within a task source.
        prompt: The question as text, or for HumanEval-like tasks the code to be completed.
        language: Language of the answer, lower case (`python`, `cpp`, `rust`, `go`, ...).
        entry_point: Name of the function that the tests call.
        tests: Test source: a function `test_solution`, `check(candidate)`, or a tail of a program.
        test_setup: Trusted code that runs before the tests.
        test_list: Single assert statements, each counted as one test.
        stdin: Input of a program-style task.
        expected_output: What a program-style task must print.
        test_cases: Several `{"stdin", "expected_output"}` pairs.
        solution: A reference that passes the tests.
        verifier: Which verifier judges it, where the row says so; see `judged_by`.
        shown_tests: Asserts that the prompt may show, where they are not all that is judged by.
        checker: Says whether an output is right, in place of a comparison.
        comparison, tolerance: How outputs are compared and how far numbers may be off, in place of the settings' own.
        time_limit_s, memory_limit_mb: CPU seconds and MiB for one case, as the task was published.
        input_file, output_file: Files that a program reads and writes in place of standard input and output.
        our_limit: Why no verifier of ours can judge it, though it may well be sound.
    """

    task_id: str
    prompt: str
    language: str = "python"
    entry_point: str | None = None
    tests: str | None = None
    test_setup: str | None = None
    test_list: tuple[str, ...] | None = None
    stdin: str | None = None
    expected_output: str | None = None
    test_cases: tuple[dict[str, str], ...] | None = None
    solution: str | None = None
    verifier: str | None = None
    shown_tests: tuple[str, ...] | None = None
    checker: Checker | None = None
    comparison: str | None = None
    tolerance: float | None = None
    time_limit_s: float | None = None
    memory_limit_mb: int | None = None
    input_file: str | None = None
    output_file: str | None = None
    our_limit: str | None = None

    @property
    def has_tests(self) -> bool:
        """Whether the task brings anything to run an answer against."""
        return bool(self.tests or self.test_list or self.prints)

    @property
    def prints(self) -> bool:
        """Whether an answer is a program that is judged by what it prints."""
        return bool(self.test_cases) or self.expected_output is not None

    @property
    def judged_by(self) -> str:
        """Name of the verifier that judges it: the one that it names, else the one that its form shows."""
        if self.verifier:
            return self.verifier
        if self.prints and not self.tests and not self.test_list:
            return "execution"
        if self.language != "python":
            return NATIVE_VERIFIERS.get(self.language, self.language)
        tests = self.tests or "\n".join(self.test_list or ())
        if _PYTEST.search(tests) or (_IMPORTS.search(tests) and _HAS_TESTS.search(tests)):
            return "pytest"
        asks_in_words = f"def {self.entry_point}(" not in self.prompt
        if asks_in_words and (self.test_list or "def test_solution" in tests):
            return "mbpp"
        return "humaneval" if "def check(" in tests else "python"
