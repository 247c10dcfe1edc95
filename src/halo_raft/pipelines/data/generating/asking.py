"""The question that asks for a task, and what is taken of the answer: text, a program, tests. Nothing else is.

An answer names no file, no URL, no command and no verifier: ids, language and form are ours.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from typing import Any

from halo_raft.errors import DataError
from halo_raft.pipelines.data.generating.topics import Topic
from halo_raft.prompts import LANGUAGE_NAMES
from halo_raft.record import Record
from halo_raft.records import Task, stable_hash
from halo_raft.tasks import parse_row

MOST_TEXT, MOST_CODE, MOST_TESTS = 6_000, 20_000, 50
LEAST_TEXT, LEAST_TESTS = 20, 2

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*\n(.*?)^[ \t]*(?:```|~~~)[ \t]*$", re.DOTALL | re.MULTILINE)
_MARK = re.compile(r"^[ \t]*(?:#+|\*\*)?[ \t]*(TASK|SOLUTION|TESTS|INPUT|OUTPUT)\b[*: \t]*", re.MULTILINE)
_STUFF = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")

FUNCTION = """Write {an} {level} programming exercise in Python about {category}. {hint}
It asks for one function. Answer in exactly this form:

### TASK
What the function does, its name and its arguments, in two to six sentences, without code.

### SOLUTION
```python
the whole function, with its imports
```

### TESTS
```python
three to eight lines, each `assert name(arguments) == expected`
```"""
PROGRAM = """Write {an} {level} programming exercise in {language} about {category}. {hint}
It asks for one program that reads standard input and prints to standard output. Answer in exactly this form:

### TASK
What the program does, what it reads and what it prints, in two to eight sentences, without code.

### SOLUTION
```{fence}
the whole program
```

### TESTS
#### INPUT
```
an input
```
#### OUTPUT
```
what the program prints for it
```
(two to five pairs of INPUT and OUTPUT)"""


class Refused(Exception):
    """An answer from which no task can be made; says why in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated(Record):
    """A task as it is written, in our own form, with where it is from.

    Attributes:
        attempt: Number of the request that it came of, from 0.
        model: What wrote it.
    """

    task_id: str
    prompt: str
    language: str
    solution: str
    test_list: tuple[str, ...] | None = None
    test_setup: str | None = None
    test_cases: tuple[dict[str, str], ...] | None = None
    topic: str
    category: str
    level: str
    attempt: int
    model: str

    @property
    def task(self) -> Task:
        """The task as everybody will read it."""
        return parse_row(self.to_dict(), self.task_id)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request: its number says what is asked, so that a run which goes on asks what is left."""

    number: int
    topic: Topic
    level: str | None
    seed: int

    @property
    def category(self) -> str:
        """What it is about."""
        return self.topic.categories[self.number % len(self.topic.categories)]

    @property
    def how_hard(self) -> str:
        """Its level."""
        return self.level or self.topic.levels[self.number // len(self.topic.categories) % len(self.topic.levels)]

    @property
    def messages(self) -> tuple[dict[str, str], ...]:
        """The chat."""
        form = FUNCTION if self.topic.functions else PROGRAM
        level = self.how_hard
        text = form.format(an="an" if level[:1] in "aeiou" else "a", level=level, category=self.category,
                           hint=self.topic.hint, language=LANGUAGE_NAMES[self.topic.language],
                           fence=self.topic.language)  # fmt: skip
        varied = f"Make it different from the usual ones (variation {self.number + self.seed})."
        return ({"role": "user", "content": f"{text}\n\n{varied}"},)

    def read(self, answer: str, model: str) -> Generated:
        """Return the task of an answer.

        Raises:
            Refused: There is none in it.
        """
        text, blocks = _parts(answer)
        if not LEAST_TEXT <= len(text) <= MOST_TEXT:
            raise Refused(f"its task has {len(text)} characters")
        if sum(map(len, blocks)) > MOST_CODE:
            raise Refused("its code is too long")
        taken = _function(blocks) if self.topic.functions else _program(blocks)
        made = Generated(
            task_id=f"{self.topic.name}_{stable_hash(text, taken['solution'])}", prompt=text, **taken,
            language=self.topic.language, topic=self.topic.name, category=self.category, level=self.how_hard,
            attempt=self.number, model=model,
        )  # fmt: skip
        try:
            made.task  # noqa: B018 - whether it can be read
        except DataError as error:
            raise Refused(str(error)) from None
        return made


def _parts(answer: str) -> tuple[str, list[str]]:
    """Return the task's text and the fenced blocks that follow it."""
    if _STUFF.search(answer):
        raise Refused("it holds characters that are no text")
    marks = {mark[1]: mark for mark in reversed(list(_MARK.finditer(answer)))}
    start = marks["TASK"].end() if "TASK" in marks else 0
    fences = list(_FENCE.finditer(answer, start))
    if not fences:
        raise Refused("it has no code")
    ends = [marks[name].start() for name in ("SOLUTION", "TESTS") if name in marks and marks[name].start() > start]
    text = answer[start : min([fences[0].start(), *ends])]
    return text.strip().strip("#*").strip(), [fence[1] for fence in fences]


def _function(blocks: list[str]) -> dict[str, Any]:
    """Divide Python code into the function and its asserts, wherever they stand; imports between asserts are set-up."""
    code: list[str] = []
    asserts: dict[str, None] = {}
    imports: list[str] = []
    for number, block in enumerate(blocks):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(block).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise Refused("its code is no Python") from None
        for node in body:
            source = ast.get_source_segment(block, node) or ""
            if isinstance(node, ast.Assert):
                asserts[source] = None
            elif number == 0:
                code.append(_with_decorators(block, node))
            elif isinstance(node, ast.Import | ast.ImportFrom):
                imports.append(source)
    if not any(line.lstrip("@").startswith(("def ", "async def ", "class ")) or "def " in line for line in code):
        raise Refused("its solution defines nothing")
    if not LEAST_TESTS <= len(asserts) <= MOST_TESTS:
        raise Refused(f"it has {len(asserts)} asserts")
    return {"solution": "\n\n".join(code), "test_list": tuple(asserts), "test_setup": "\n".join(imports) or None}


def _with_decorators(block: str, node: ast.stmt) -> str:
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    return "\n".join(block.split("\n")[first - 1 : node.end_lineno])


def _program(blocks: list[str]) -> dict[str, Any]:
    """Divide blocks into the program and pairs of input and output."""
    solution, *pairs = blocks
    if len(pairs) % 2 or not LEAST_TESTS <= len(pairs) // 2 <= MOST_TESTS:
        raise Refused(f"it has {len(pairs)} blocks of input and output")
    cases = tuple(
        {"stdin": given, "expected_output": wanted} for given, wanted in zip(pairs[::2], pairs[1::2], strict=True)
    )
    if not any(case["expected_output"].strip() for case in cases):
        raise Refused("its outputs are empty")
    return {"solution": solution, "test_cases": cases}
