"""Which samples are trained on: pure functions from samples and verdicts to the kept ones.

The order is: leave out infra and truncated samples, apply the threshold, drop duplicates, rank, cap
each prompt, keep a share. The share is taken in rounds over the prompts (every prompt's best first),
so no prompt is favoured for its place in the file, and rarely solved prompts go first. The choice
depends on the set of samples alone, never on their order.
"""

from __future__ import annotations

import ast
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from halo_raft.config import SelectionConfig
from halo_raft.extract import extract
from halo_raft.records import Sample, Task, Verdict, VerdictKind

LADDER = (0.7, 0.5, 0.3, 0.1)
"""Thresholds tried in turn to reach `min_samples`; the last still means that something worked."""

_TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\w+|[^\w\s]""", re.S)


@dataclass(frozen=True, slots=True)
class Selection:
    """The kept samples, best first, and what each step removed.

    Attributes:
        removed: Step -> samples that it removed, in the order of the steps.
        threshold: The threshold in force, lower than asked for when `min_samples` required it.
    """

    kept: tuple[Sample, ...]
    removed: dict[str, int]
    threshold: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A usable sample with what ranking looks at."""

    sample: Sample
    reward: float
    program: str


def select(
    samples: Iterable[Sample], verdicts: Iterable[Verdict], tasks: Mapping[str, Task], config: SelectionConfig
) -> Selection:
    """Choose the samples to train on.

    Args:
        samples: Any number per task, of one cycle or several.
        verdicts: Those without a sample, and samples without one, are left out.
        tasks: By `task_id`; gives language and entry point.
        config: Threshold, cap, share and minimum.
    """
    judged = {v.sample_id: v for v in verdicts}
    pool = [s for s in {s.sample_id: s for s in samples}.values() if s.sample_id in judged]
    usable = [s for s in pool if judged[s.sample_id].kind is not VerdictKind.INFRA]
    whole = [s for s in usable if not s.truncated and s.task_id in tasks]
    candidates = [
        _Candidate(s, judged[s.sample_id].reward or 0.0, normalised_program(s.completion, tasks[s.task_id]))
        for s in whole
    ]
    success = _success_rates(usable, judged)
    threshold, above, distinct, capped, kept = config.reward_threshold, [], [], [], []
    for threshold in (config.reward_threshold, *(rung for rung in LADDER if rung < config.reward_threshold)):
        above = [c for c in candidates if c.reward >= threshold]
        distinct = _distinct(above)
        rounds = _rounds(distinct, success)
        capped = [c for round_ in rounds[: config.max_per_prompt] for c in round_]
        kept = capped[: math.ceil(config.keep_top_percent * len(capped))]
        if len(kept) >= config.min_samples:
            break
    removed = {
        "infra": len(pool) - len(usable),
        "truncated": len(usable) - len(whole),
        "below_threshold": len(candidates) - len(above),
        "duplicate": len(above) - len(distinct),
        "over_prompt_cap": len(distinct) - len(capped),
        "over_keep_percent": len(capped) - len(kept),
    }
    return Selection(tuple(c.sample for c in kept), removed, threshold)


def normalised_program(completion: str, task: Task) -> str:
    """Return a form of the program that comments, layout, docstrings and local names do not change."""
    code = extract(completion, task.language, task.entry_point)
    if task.language == "python":
        try:
            return _normalised_python(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    tokens = (m.group() for m in _TOKEN.finditer(code))
    return " ".join(t for t in tokens if not t.startswith(("//", "/*")))


def _success_rates(samples: Iterable[Sample], judged: Mapping[str, Verdict]) -> dict[str, float]:
    """Return each task's share of successful samples."""
    outcomes: dict[str, list[bool]] = defaultdict(list)
    for sample in samples:
        outcomes[sample.task_id].append(judged[sample.sample_id].success)
    return {task_id: sum(o) / len(o) for task_id, o in outcomes.items()}


def _distinct(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Keep the best of each task's samples that are the same program."""
    best: dict[tuple[str, str], _Candidate] = {}
    for candidate in sorted(candidates, key=_rank):
        best.setdefault((candidate.sample.task_id, candidate.program), candidate)
    return list(best.values())


def _rank(candidate: _Candidate) -> tuple[float, int, str]:
    """Order the samples of one task: reward, then shorter, then an arbitrary but fixed order."""
    return -candidate.reward, len(candidate.sample.token_ids), candidate.sample.sample_id


def _rounds(candidates: Sequence[_Candidate], success: Mapping[str, float]) -> list[list[_Candidate]]:
    """Split candidates into rounds: each task's best, each task's second, ...

    Within a round, higher rewards go first, then tasks that are rarely solved.
    """
    by_task: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=_rank):
        by_task[candidate.sample.task_id].append(candidate)
    deepest = max((len(group) for group in by_task.values()), default=0)
    rounds = [[group[i] for group in by_task.values() if i < len(group)] for i in range(deepest)]
    for round_ in rounds:
        round_.sort(key=lambda c: (-c.reward, success[c.sample.task_id], c.sample.sample_id))
    return rounds


def _normalised_python(code: str) -> str:
    tree = ast.parse(code)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            _drop_docstring(node)
        bound = node.arg if isinstance(node, ast.arg) else None
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound = node.id
        if bound is not None:
            names.setdefault(bound, f"v{len(names)}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg, node.annotation = names[node.arg], None
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
    return ast.dump(tree)


def _drop_docstring(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body = node.body[1:] or [ast.Pass()]
