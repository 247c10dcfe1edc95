"""What a learning study found: runs on disk -> tables with intervals, and the plots beside them.

A task has a value for each seed, and intervals resample tasks and seeds, which are training runs, alike.
"""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from halo_raft import tasks as task_sources
from halo_raft.config import RaftConfig, load
from halo_raft.evaluate import GREEDY_INDEX, Outcomes, bootstrap_interval, paired_difference, pass_at_k, tally
from halo_raft.programs import normalised_program
from halo_raft.records import CycleStats, Sample, Task, Verdict
from halo_raft.store import read_records
from learning_plots import Series, plot

HELDOUT = "held-out"


@dataclass(frozen=True)
class Result:
    """One model on one task set.

    Attributes:
        outcomes: Samples and passes by task; greedy ones left out.
        unique: Different programs among those that passed, per task.
    """

    outcomes: Outcomes
    unique: float

    def values(self, k: int) -> dict[str, float]:
        """Return pass@k by task, for tasks with at least k samples."""
        return {t.task_id: pass_at_k(t.samples, t.passed, k) for t in self.outcomes.tasks if t.samples >= k}

    @property
    def k(self) -> int:
        """The largest k that most tasks have samples for."""
        return int(np.median([t.samples for t in self.outcomes.tasks]))


@dataclass(frozen=True)
class Measured:
    """One arm with one seed.

    Attributes:
        cycles: Statistics, the base model's first.
        results: Task set -> cycle -> result.
    """

    arm: str
    seed: int
    cycles: list[CycleStats]
    results: dict[str, dict[int, Result]] = field(default_factory=dict)

    @property
    def best(self) -> int:
        """The cycle with the best held-out pass@1, as the run itself chose it."""
        return max(
            (s.cycle for s in self.cycles if s.cycle), key=lambda c: (self.cycles[c].heldout["pass_at_1"]["mean"], -c)
        )


def measure(work: Path, arm: str, seed: int, also: Sequence[str]) -> Measured:
    """Read one arm with one seed from the disk."""
    folder = work / f"{arm}-seed{seed}"
    cycles = [CycleStats(**json.loads(path.read_text())) for path in sorted(folder.glob("cycle_*_stats.json"))]
    cycles.sort(key=lambda stats: stats.cycle)
    run = load(RaftConfig, folder / "config.yaml")
    files = {
        HELDOUT: {
            s.cycle: (
                folder / f"cycle_{s.cycle}_heldout_samples.jsonl",
                folder / f"cycle_{s.cycle}_heldout_verified.jsonl",
            )
            for s in cycles
        }
    }
    for name in also:
        stem = Path(name).stem.replace(":", "-")
        beside = {0: work / f"base-seed{seed}_{stem}"} | {
            s.cycle: folder / f"cycle_{s.cycle}_final_{stem}" for s in cycles if s.cycle
        }
        files[name] = {c: (Path(f"{p}_samples.jsonl"), Path(f"{p}_verified.jsonl")) for c, p in beside.items()}
    results = {
        name: {cycle: _result(samples, verdicts, name if name != HELDOUT else str(run.tasks.heldout))
               for cycle, (samples, verdicts) in by_cycle.items()}
        for name, by_cycle in files.items()
    }  # fmt: skip
    return Measured(arm, seed, cycles, results)


def _result(samples_path: Path, verdicts_path: Path, task_set: str) -> Result:
    samples = {s.sample_id: s for s in read_records(samples_path, Sample) if s.index != GREEDY_INDEX}
    verdicts = [v for v in read_records(verdicts_path, Verdict) if v.sample_id in samples]
    tasks: dict[str, Task] = {t.task_id: t for t in task_sources.load(task_set).tasks}
    programs = {
        (v.task_id, normalised_program(samples[v.sample_id].completion, tasks[v.task_id]))
        for v in verdicts
        if v.success
    }
    outcomes = tally(verdicts)
    return Result(outcomes, len(programs) / max(1, len(outcomes.tasks)))


ByTask = Mapping[str, tuple[float, ...]]
"""Task -> a value for each seed."""


def by_task(results: Iterable[tuple[int, Result]], k: int) -> ByTask:
    """Return pass@k for each task and seed, for the tasks that all results have; of several, their mean."""
    seeds: dict[int, list[dict[str, float]]] = defaultdict(list)
    for seed, result in results:
        seeds[seed].append(result.values(k))
    shared = set.intersection(*(set(values) for group in seeds.values() for values in group))
    return {
        task: tuple(float(np.mean([values[task] for values in seeds[seed]])) for seed in sorted(seeds))
        for task in sorted(shared)
    }


def _mean(values: ByTask) -> tuple[float, float, float]:
    """Return the mean over tasks and seeds with its 95% interval."""
    table = np.array(list(values.values()))
    interval = bootstrap_interval(table if table.shape[1] > 1 else table[:, 0])
    return float(table.mean()), interval.low, interval.high


def _shown(values: ByTask) -> str:
    mean, low, high = _mean(values)
    return f"{mean:.1%} [{low:.1%}, {high:.1%}]"


def _compared(base: ByTask, candidate: ByTask) -> str:
    gap = paired_difference(base, candidate)
    before = float(np.mean([base[task] for task in base]))
    relative = f", {gap.mean / before:+.0%} relative" if before else ""
    return f"{gap.mean:+.1%} [{gap.low:+.1%}, {gap.high:+.1%}]{relative}, p = {gap.p_value:.4f}"


def write_report(
    output: Path, runs: Sequence[Measured], *, train: str, heldout: str, command: Sequence[str], note: str = ""
) -> None:
    """Write the report and its plots; `note` is Markdown that stands before the tables."""
    output.parent.mkdir(parents=True, exist_ok=True)
    arms = {arm: [run for run in runs if run.arm == arm] for arm in dict.fromkeys(run.arm for run in runs)}
    seeds = [run.seed for run in next(iter(arms.values()))]
    lines = [
        "# Does it learn?",
        "",
        f"Trained on `{train}`, held out: `{heldout}`. Seeds: {', '.join(map(str, seeds))}.",
        "",
        *([note.strip(), ""] if note.strip() else []),
        "`control` keeps as many of its samples as RAFT would of the same ones, at random: what RAFT gains over it,",
        "the verifier earned. (From cycle 2 on each arm draws its own, so the counts differ; see Training.)",
        f"Intervals are 95%, {_resampled(len(seeds))}; comparisons are paired by task, and p-values are over tasks.",
        "A best cycle is the one with the highest held-out pass@1 of its run, so its figure there is a little too",
        "good; single cycles and the mean of all are not chosen.",
        "",
    ]
    for task_set in runs[0].results:
        lines += [f"## {heldout if task_set == HELDOUT else task_set}", "", *_tables(arms, task_set), ""]
        lines += _plots(arms, task_set, output)
    lines += ["## Training", "", *_training(arms), "", "## Made by", "", f"    python {shlex.join(command)}", ""]
    output.write_text("\n".join(lines))


def _resampled(seeds: int) -> str:
    if seeds == 1:
        return "over the tasks of one training run: what another seed would give is not in them"
    return f"over tasks and the {seeds} training runs alike, of which so few show their spread but roughly"


def _tables(arms: Mapping[str, Sequence[Measured]], task_set: str) -> Iterator[str]:
    k = next(iter(arms.values()))[0].results[task_set][0].k
    yield f"| arm | cycle | pass@1 | pass@{k} | unique solutions a task |"
    yield "| --- | --- | --- | --- | --- |"
    rows = [("base", 0, [run for runs in arms.values() for run in runs])]
    rows += [(arm, cycle, runs) for arm, runs in arms.items() for cycle in _cycles(runs)[1:]]
    for name, cycle, runs in rows:
        results = [(run.seed, run.results[task_set][cycle]) for run in runs]
        unique = np.mean([result.unique for _, result in results])
        yield f"| {name} | {cycle} | {_shown(by_task(results, 1))} | {_shown(by_task(results, k))} | {unique:.2f} |"
    yield ""
    yield "| comparison of pass@1 | difference |"
    yield "| --- | --- |"
    cycles = _cycles([run for runs in arms.values() for run in runs])[1:]
    base = by_task([(run.seed, run.results[task_set][0]) for runs in arms.values() for run in runs], 1)
    best = {
        arm: by_task([(run.seed, run.results[task_set][run.best]) for run in runs], 1) for arm, runs in arms.items()
    }

    def mean(arm: str, cycles: Sequence[int]) -> ByTask:
        return by_task([(run.seed, run.results[task_set][cycle]) for run in arms[arm] for cycle in cycles], 1)

    for arm in arms:
        yield f"| {arm}, best cycle, less base | {_compared(base, best[arm])} |"
        yield f"| {arm}, mean of cycles, less base | {_compared(base, mean(arm, cycles))} |"
    if {"raft", "control"} <= arms.keys():
        yield f"| raft less control, best cycles | {_compared(best['control'], best['raft'])} |"
        yield f"| raft less control, mean of cycles | {_compared(mean('control', cycles), mean('raft', cycles))} |"
        for cycle in cycles:
            yield f"| raft less control, cycle {cycle} | {_compared(mean('control', [cycle]), mean('raft', [cycle]))} |"


def _cycles(runs: Sequence[Measured]) -> list[int]:
    """Return the cycles that every run has."""
    return sorted(set.intersection(*({s.cycle for s in run.cycles} for run in runs)))


def _training(arms: Mapping[str, Sequence[Measured]]) -> Iterator[str]:
    yield "| arm | seed | cycle | passed in training | kept | prompts | replayed | steps | tokens/s | minutes |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for runs in arms.values():
        for run in runs:
            for s in run.cycles:
                if s.cycle:
                    yield (
                        f"| {run.arm} | {run.seed} | {s.cycle}{' (best)' if s.cycle == run.best else ''} "
                        f"| {s.pass_rate:.1%} | {s.kept} | {s.kept_prompts} | {s.replayed} | {s.train_steps} "
                        f"| {s.train_tokens_per_s:,.0f} | {sum(s.seconds.values()) / 60:.1f} |"
                    )


def _plots(arms: Mapping[str, Sequence[Measured]], task_set: str, output: Path) -> Iterator[str]:
    k = next(iter(arms.values()))[0].results[task_set][0].k
    stem = "heldout" if task_set == HELDOUT else Path(task_set).stem.replace(":", "-")
    for size in dict.fromkeys((1, k)):
        series = []
        for arm, runs in arms.items():
            cycles = _cycles(runs)
            points = [_mean(by_task([(run.seed, run.results[task_set][c]) for run in runs], size)) for c in cycles]
            series.append(Series(arm, cycles, *map(list, zip(*points, strict=True))))
        name = f"{output.stem}_{stem}_pass{size}.png"
        plot(series, f"pass@{size}", output.parent / name)
        yield f"![pass@{size} by cycle]({name})"
        yield ""
