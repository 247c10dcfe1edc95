"""What computes nothing: an engine that answers at once with programs of 300 tokens, a verifier that looks at one line.

Ray's workers import this by its name, so it stands alone: `bench/driver.py` and `bench/scale.py` put this folder on
their path.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from halo_raft.engines import Completion, Engine, EngineSpec, GenerationRequest
from halo_raft.engines.proof import Canary
from halo_raft.records import Task
from halo_raft.verifiers import Verifier, VerifyResult

PROMPT_TOKENS, COMPLETION_TOKENS = 120, 300
AT_ONCE = 16
"""Completions that an engine yields together."""
VARIANTS = 50
"""Different programs that a task has, each in as many wordings as `NAMES` has rows."""
PASSED, PARTLY = 3, 5
"""Of ten variants so many pass, and so many get part of the reward or more."""

NAMES = (("seen", "total", "value"), ("found", "count", "item"), ("known", "answer", "x"), ("table", "result", "entry"))
STEPS = (
    "if {v} % {a} == {b}:\n            {s}[{v}] = {s}.get({v}, 0) + {a}",
    "for other in sorted({s}):\n            {t} += other * {a} - {b}",
    "while {t} > {a}00:\n            {t} -= {b} + 1",
    "{t} = max({t}, {v} + {a}) if {v} in {s} else {t} - {b}",
    "{s}[{t} % {a}] = [{v}, {b}, {t}]",
    "if not {s} or {v} < {b}:\n            continue",
    "{t} += len([k for k in {s} if k != {v} and k > {a}])",
    "try:\n            {t} //= {v} - {a}\n        except ZeroDivisionError:\n            {t} = {b}",
)


def pace() -> tuple[float, float]:
    """Return seconds of a verdict and samples a second of an engine (0: at once), as the file `HALO_BENCH_PACE` has it.

    A file, because one session has stages of several paces, and its processes are there from the first one on.
    """
    named = os.environ.get("HALO_BENCH_PACE")
    verify_s, engine_rate = json.loads(Path(named).read_text()) if named else (0.0, 0.0)
    return verify_s, engine_rate


def program(name: str, number: int) -> str:
    """Return an answer in Markdown: about 850 letters, one of a few programs of this task in one of a few wordings."""
    variant, wording = number % VARIANTS, number // VARIANTS % len(NAMES)
    rng = random.Random(f"{name}{variant}")
    seen, total, value = NAMES[wording]
    steps = [
        rng.choice(STEPS).format(s=seen, t=total, v=value, a=rng.randrange(2, 9), b=rng.randrange(9)) for _ in range(11)
    ]
    body = "\n        ".join(steps)
    return (
        f'```python\ndef {name}(numbers):\n    """Answer the question of {name}."""\n    mark = {variant}\n'
        f"    {seen}, {total} = {{}}, 0\n    for {value} in numbers:\n        {body}\n    return {total}, mark\n```\n"
    )


class Instant(Engine):
    """Answers at once, or as fast as `pace` says, and marks by its adapter."""

    def __init__(self, spec: EngineSpec) -> None:
        super().__init__(spec)
        self._tokens = [random.Random(0).randrange(50_000) for _ in range(50_000)]

    def stream(self, requests: Sequence[GenerationRequest]) -> Iterator[list[Completion]]:
        """Yield completions, some at a time."""
        begun, (_, rate) = time.monotonic(), pace()
        for start in range(0, len(requests), AT_ONCE):
            some = requests[start : start + AT_ONCE]
            if rate and (early := begun + (start + len(some)) / rate - time.monotonic()) > 0:
                time.sleep(early)
            yield [self._answer(request) for request in some]

    def _answer(self, request: GenerationRequest) -> Completion:
        at = request.seed % (len(self._tokens) - COMPLETION_TOKENS)
        question = request.messages[-1]["content"]
        name = question[question.index("`") + 1 : question.rindex("`")]
        return Completion(
            request.sample_id,
            program(name, request.seed),
            self._tokens[:PROMPT_TOKENS],
            self._tokens[at : at + COMPLETION_TOKENS],
            "stop" if request.seed % 50 else "length",
        )

    def canary(self) -> Canary:
        """Return what tells adapters apart."""
        return Canary((float(self.adapter.number) if self.adapter else 0.0,))

    def _apply(self, adapter: object) -> None:
        pass


class Free(Verifier):
    """Goes by the mark in the program, and sleeps as long as `pace` says."""

    version = "1"

    def verify(self, code: str, task: Task) -> VerifyResult:
        """Return a verdict."""
        seconds, _ = pace()
        time.sleep(seconds)
        mark = int(code.partition("mark = ")[2].partition("\n")[0]) % 10
        reward = 1.0 if mark < PASSED else 0.3 if mark < PARTLY else 0.0
        return VerifyResult(success=mark < PASSED, reward=reward, tests_passed=mark, tests_total=10)
