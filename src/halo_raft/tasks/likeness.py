"""Which tasks are alike, and which overlap with tasks that are measured on.

Likeness is the Jaccard index of five-letter pieces, of prompts and of tests; candidates are found by MinHash in
bands (Broder 1997; Leskovec et al., Mining of Massive Datasets, chapter 3), so that 100,000 tasks take minutes.
Overlap is an equal prompt, equal tests, or 13 words in a row (as in Brown et al. 2020, arXiv 2005.14165, appendix C).
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from halo_raft.records import Task

BANDS, ROWS = 20, 4
"""A pair of likeness s is looked at with probability 1 - (1 - s^4)^20: 0.98 at 0.65."""
PIECE, WORDS = 5, 13
MOST_READ = 8000
"""So many letters of a prompt or of tests are compared."""
MOST_IN_BUCKET = 8
COMMON = 0.05
"""Pieces and runs of words in more than this share of the tasks are how such tasks are worded, not what they ask."""

Pieces = Any
"""Sorted array of hashes."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tasks that are alike, by their positions, and how."""

    later: int
    earlier: int
    how: str


def words_of(text: str) -> str:
    """Return a text's words in lower case, one blank between them."""
    return " ".join(re.findall(r"\w+", text.lower()))


def tests_of(task: Task) -> str:
    """Return what judges a task as words, the name of its entry point left out."""
    cases = (f"{case.get('stdin')} {case.get('expected_output')}" for case in task.test_cases or ())
    text = "\n".join((task.tests or "", *(task.test_list or ()), *cases, task.stdin or "", task.expected_output or ""))
    name = (task.entry_point or "").rpartition(".")[2]
    return words_of(re.sub(rf"\b{re.escape(name)}\b", "f", text[:MOST_READ]) if name else text[:MOST_READ])


def alike(tasks: Sequence[Task]) -> Iterator[Pair]:
    """Yield each task that is a near-duplicate of an earlier one, once, in no particular order.

    Equal prompts are left to the caller, who finds them by `words_of`.
    """
    prompts = _Texts(tasks, lambda task: words_of(task.prompt[:MOST_READ]))
    tests = _Texts(tasks, tests_of)
    found: set[int] = set()
    first: dict[int, int] = {}
    for number in range(len(tasks)):
        if text := tests.text(number):
            earlier = first.setdefault(hash(text), number)
            if earlier != number and text == tests.text(earlier) and prompts.text(number) != prompts.text(earlier):
                found.add(number)
                yield Pair(number, earlier, "has the same tests as")
    for later, earlier in prompts.candidates():
        if later not in found and (how := _how(prompts, tests, later, earlier)):
            found.add(later)
            yield Pair(later, earlier, how)


def _how(prompts: _Texts, tests: _Texts, later: int, earlier: int) -> str | None:
    if prompts.text(later) == prompts.text(earlier):
        return None
    numbers = [re.findall(r"\b\d+\b", prompts.text(number)) for number in (later, earlier)]
    if all(numbers) and numbers[0] != numbers[1]:
        return None  # made from one pattern, they ask for different things
    both = tests.text(later) and tests.text(earlier)
    words, judged = prompts.likeness(later, earlier), tests.likeness(later, earlier) if both else 1.0
    if words >= 0.85 or (words >= 0.5 and judged >= 0.5 and (both or words >= 0.6)):
        return f"is nearly ({words:.0%}) worded as"
    return None


class _Texts:
    """One text a task, its pieces, and which others may be like it."""

    def __init__(self, tasks: Sequence[Task], text: Callable[[Task], str]) -> None:
        self._size = len(tasks)
        self.text = functools.lru_cache(maxsize=1 << 15)(lambda number: text(tasks[number]))
        self.pieces = functools.lru_cache(maxsize=4096)(self._pieces)
        self._common: Pieces = np.array([], dtype=np.uint32)
        if len(tasks) >= 100:
            counts = np.zeros(1 << 20, dtype=np.int32)
            for number in range(len(tasks)):
                counts[np.unique(self._pieces(number) & 0xFFFFF)] += 1
            self._common = np.flatnonzero(counts > COMMON * len(tasks)).astype(np.uint32)
            self.pieces.cache_clear()

    def _pieces(self, number: int) -> Pieces:
        letters = np.frombuffer(self.text(number).encode("utf-8", "surrogatepass"), dtype=np.uint8).astype(np.uint64)
        if len(letters) < PIECE:
            return np.array([], dtype=np.uint32)
        hashed = np.zeros(len(letters) - PIECE + 1, dtype=np.uint64)
        for at in range(PIECE):
            hashed = hashed * np.uint64(0x9E3779B97F4A7C15) + letters[at : len(letters) - PIECE + 1 + at] + np.uint64(1)
        found = np.unique((hashed >> np.uint64(32)).astype(np.uint32))
        return found[~np.isin(found & 0xFFFFF, self._common)] if len(self._common) else found

    def likeness(self, one: int, other: int) -> float:
        """Return the Jaccard index of two texts' pieces; 0 where one has none."""
        a, b = self.pieces(one), self.pieces(other)
        if not len(a) or not len(b):
            return 0.0
        shared = len(np.intersect1d(a, b, assume_unique=True))
        return shared / (len(a) + len(b) - shared)

    def candidates(self) -> Iterator[tuple[int, int]]:
        """Yield (later, earlier) pairs that share a band."""
        random = np.random.default_rng(0)
        factors = random.integers(1, 1 << 32, (BANDS * ROWS, 1), dtype=np.uint64) | np.uint64(1)
        offsets = random.integers(0, 1 << 63, (BANDS * ROWS, 1), dtype=np.uint64)
        buckets: dict[int, list[int]] = {}
        for number in range(self._size):
            pieces = self._pieces(number)
            if not len(pieces):
                continue
            least = (((factors * pieces + offsets) >> np.uint64(32)).astype(np.uint32)).min(axis=1)
            for band, key in enumerate(least.reshape(BANDS, ROWS)):
                bucket = buckets.setdefault(hash((band, key.tobytes())), [])
                yield from ((number, other) for other in bucket)
                if len(bucket) < MOST_IN_BUCKET:
                    bucket.append(number)


class Measured:
    """Tasks that are measured on, as training tasks are compared with them.

    Args:
        name: As messages name them.
        tasks: The tasks.
    """

    def __init__(self, name: str, tasks: Iterable[Task]) -> None:
        self.name = name
        self._prompts: dict[str, str] = {}
        self._tests: dict[str, str] = {}
        self._runs: dict[int, str] = {}
        counts: Counter[int] = Counter()
        tasks = list(tasks)
        for task in tasks:
            self._prompts.setdefault(words_of(task.prompt), task.task_id)
            if tests := tests_of(task):
                self._tests.setdefault(tests, task.task_id)
            for run in _runs(task):
                counts[run] += 1
                self._runs.setdefault(run, task.task_id)
        for run, count in counts.items():
            if count > max(10, COMMON * len(tasks)):
                del self._runs[run]

    def overlap(self, task: Task) -> str | None:
        """Say what a task shares with one of these, None where nothing."""
        if same := self._prompts.get(words_of(task.prompt)):
            return f"has the prompt of {same} of {self.name}"
        if same := self._tests.get(tests_of(task)):
            return f"has the tests of {same} of {self.name}"
        if same := next((self._runs[run] for run in _runs(task) if run in self._runs), None):
            return f"shares {WORDS} words in a row with {same} of {self.name}"
        return None


def _runs(task: Task) -> set[int]:
    """Return hashes of all runs of 13 words in a prompt and in a reference."""
    runs: set[int] = set()
    for text in (task.prompt, task.solution or ""):
        words = words_of(text).split()
        runs |= {hash(tuple(words[at : at + WORDS])) for at in range(len(words) - WORDS + 1)}
    return runs
