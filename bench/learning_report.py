"""What a learning study found: the figures of its arms -> tables with intervals, and the plots beside them.

A task has a value for each seed, and intervals resample tasks and seeds, which are training runs, alike.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from halo_raft.evaluate import bootstrap_interval, paired_difference
from learning_likeness import LIKE, worded_alike
from learning_measured import Measured
from learning_plan import BASE, RECIPE, Plan, stem
from learning_plots import Series, plot

ByTask = Mapping[str, tuple[float, ...]]
"""Task -> a value for each seed."""
Models = Sequence[tuple[Measured, int]]
"""Runs, and the cycle of each whose model is meant; 0 is the base model."""


@dataclass(frozen=True)
class Found:
    """The figures of a study, as far as it went.

    Attributes:
        runs: Arm -> its runs, one a seed; arms without any are not here.
    """

    plan: Plan
    runs: Mapping[str, Sequence[Measured]]

    @classmethod
    def of(cls, plan: Plan, runs: Iterable[Measured]) -> Found:
        """Sort runs by their arms."""
        by_arm: dict[str, list[Measured]] = defaultdict(list)
        for run in runs:
            by_arm[run.arm].append(run)
        return cls(plan, {name: by_arm[name] for name in plan.arms if name in by_arm})

    @property
    def all(self) -> list[Measured]:
        """All runs."""
        return [run for runs in self.runs.values() for run in runs]

    @property
    def seeds(self) -> list[int]:
        """All seeds that there is a run with."""
        return sorted({run.seed for run in self.all})

    @property
    def recipe(self) -> tuple[str, list[int]] | None:
        """The arm of `plan.recipes` whose best cycles are the best on what is chosen on, and the seeds that say so.

        Of those arms that are there, over the seeds that all of them have; None where there are no such.
        """
        there = [name for name in self.plan.recipes if name in self.runs]
        seeds = set.intersection(*({run.seed for run in self.runs[name]} for name in there)) if there else set()

        def chosen_by(name: str) -> float:
            models = [(run, cycle) for run, cycle in self.best(name) if run.seed in seeds]
            return float(np.mean([*by_task(models, self.plan.choose, 1).values()]))

        return (max(there, key=chosen_by), sorted(seeds)) if seeds else None

    def base(self, task_set: str) -> Models:
        """Return the base model as each run that begins from it measured it."""
        return [(run, 0) for run in self.all if not run.after and 0 in run.on(task_set)]

    def best(self, arm: str) -> Models:
        """Return an arm's best cycles."""
        return [(run, run.best) for run in self.runs.get(arm, ())]

    def best_within(self, arm: str, other: str, task_set: str) -> Models:
        """Return an arm's best cycles among those that took no more generated tokens than another arm in all.

        Nothing where the other one draws no samples, or these are the best cycles anyway.
        """
        most = {run.seed: run.tokens[-1].generated for run in self.runs.get(other, ())}
        cycles = [(run, run.best_within(most[run.seed])) for run in self.runs.get(arm, ()) if most.get(run.seed)]
        if all(cycle == run.best for run, cycle in cycles):
            return []
        return [(run, cycle) for run, cycle in cycles if cycle is not None and cycle in run.on(task_set)]

    def cycles(self, arm: str, task_set: str) -> list[int]:
        """Return the cycles of an arm that all of its runs were measured in; all of them or, where chosen, none."""
        every = self.plan.measure == "all" or task_set == self.plan.choose
        return sorted(set.intersection(*(set(run.on(task_set)) for run in self.runs[arm]))) if every else []

    def k(self, task_set: str) -> int:
        """Return the largest k that there is a pass@k for."""
        return next(result.k for run in self.all for result in run.on(task_set).values())


def by_task(models: Models, task_set: str, k: int) -> ByTask:
    """Return pass@k for each task and seed, for the tasks that all have; of several models of a seed, their mean."""
    seeds: dict[int, list[dict[str, float]]] = defaultdict(list)
    for run, cycle in models:
        seeds[run.seed].append(run.on(task_set)[cycle].values(k))
    shared = set.intersection(*(set(values) for group in seeds.values() for values in group))
    return {
        task: tuple(float(np.mean([values[task] for values in seeds[seed]])) for seed in sorted(seeds))
        for task in sorted(shared)
    }


def write_report(output: Path, found: Found, *, command: Sequence[str], note: str = "") -> None:
    """Write the report and its plots; `note` is Markdown that stands before the tables."""
    output.parent.mkdir(parents=True, exist_ok=True)
    plan, seeds = found.plan, found.seeds
    missing = [f"{arm} (seed {seed})" for arm, seed in _missing(found)]
    lines = [
        "# Does it learn?",
        "",
        f"Trained on `{plan.train}`, held out: `{plan.choose}`. Seeds: {', '.join(map(str, seeds))}.",
        "",
        *([note.strip(), ""] if note.strip() else []),
        *_how_to_read(found, len(seeds)),
        "",
        *([f"Not there yet: {', '.join(missing)}.", ""] if missing else []),
        *_arms(found),
    ]
    for task_set in (plan.choose, *plan.report):
        chosen = ", which is chosen on" if task_set == plan.choose and plan.report else ""
        lines += [f"## {task_set}{chosen}", "", *_rates(found, task_set), "", *_comparisons(found, task_set), ""]
        lines += [] if task_set == plan.choose else _by_wording(found, task_set)
        lines += _plots(found, task_set, output)
    lines += ["## Training", "", *_training(found), "", "## Made by", "", f"    python {shlex.join(command)}", ""]
    output.write_text("\n".join(lines))


def _how_to_read(found: Found, seeds: int) -> Iterator[str]:
    if controls := [f"`{name}`" for name in found.runs if "ablate" in found.plan.arms[name].settings]:
        yield f"{', '.join(controls)}: keeps as many of its samples as RAFT would of the same ones, at random; what"
        yield "RAFT gains over it, the verifier earned. (From cycle 2 on each arm draws its own, and counts differ; see"
        yield "Training.)"
    yield f"Intervals are 95%, {_resampled(seeds)};"
    yield "comparisons are paired by task, and p-values are over tasks."
    yield f"A best cycle is the one with the highest pass@1 of its run on `{found.plan.choose}`, so its figure there"
    yield "is a little too good; single cycles and the mean of all are not chosen."
    if found.recipe:
        recipe, over = found.recipe
        there = [name for name in found.plan.recipes if name in found.runs]
        so_far = {name for name, _ in _missing(found)} & set(found.plan.recipes)
        named = f"over {_seeds(over)}{', so far' if so_far else ''}"
        yield f"The recipe is `{recipe}`: of {', '.join(there)} the best there, {named}."


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _resampled(seeds: int) -> str:
    if seeds == 1:
        return "over the tasks of one training run: what another seed would give is not in them"
    return f"over tasks and the {seeds} training runs alike, of which so few show their spread but roughly"


def _missing(found: Found) -> list[tuple[str, int]]:
    there = {(run.arm, run.seed) for run in found.all}
    return [(arm, seed) for arm in found.plan.arms for seed in found.plan.seeds if (arm, seed) not in there]


def _arms(found: Found) -> Iterator[str]:
    """Yield what each arm is and what its best model cost, beside what all its cycles took."""
    yield "| arm | begins from | what it does | generated tokens: best, all | trained tokens: best, all | minutes |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, runs in found.runs.items():
        arm = found.plan.arms[name]
        does = "; ".join([arm.kind, *(f"`{key}: {value}`" for key, value in arm.settings.items())])
        best, whole = [run.tokens[run.best] for run in runs], [run.tokens[-1] for run in runs]
        tokens = [
            ", ".join(f"{np.mean([getattr(spent, kind) for spent in group]):,.0f}" for group in (best, whole))
            for kind in ("generated", "trained")
        ]
        minutes = np.mean([spent.seconds for spent in whole]) / 60
        yield f"| {name} | {arm.after or BASE} | {does} | {tokens[0]} | {tokens[1]} | {minutes:.1f} |"
    yield ""
    yield "Tokens are means over seeds, with those of the arm that one begins from. Samples of the base model that arms"
    yield "share count for each of them; minutes are those that each took itself, without measuring. Comparisons name"
    yield "the generated tokens of both sides: a gain that took no more than the other side is not bought by samples."
    yield ""


def _rates(found: Found, task_set: str) -> Iterator[str]:
    k = found.k(task_set)
    yield f"| arm | cycle | pass@1 | pass@{k} | unique solutions a task |"
    yield "| --- | --- | --- | --- | --- |"
    rows: list[tuple[str, str, Models]] = [(BASE, "0", found.base(task_set))]
    for arm, runs in found.runs.items():
        cycles = [cycle for cycle in found.cycles(arm, task_set) if cycle]
        rows += [(arm, str(c), [(run, c) for run in runs]) for c in cycles]
        rows += [] if cycles else [(arm, "best", found.best(arm))]
    for name, cycle, models in rows:
        if models:
            unique = np.mean([run.on(task_set)[c].unique for run, c in models])
            cells = " | ".join(_shown(by_task(models, task_set, size)) for size in (1, k))
            yield f"| {name}{_of_seeds(found, models)} | {cycle} | {cells} | {unique:.2f} |"


def _of_seeds(found: Found, models: Models) -> str:
    """Name the seeds of some models where they are not all."""
    seeds = sorted({run.seed for run, _ in models})
    return "" if seeds == found.seeds else f" ({_seeds(seeds)})"


def _by_wording(found: Found, task_set: str) -> Iterator[str]:
    """Yield pass@1 of tasks that are worded like one that is trained on beside that of the others, where both are."""
    groups = worded_alike(task_set, found.plan.train)
    if all(groups.values()):
        sizes = f"like one that is trained on: {len(groups[True])} tasks | otherwise: {len(groups[False])} tasks"
        yield f"| pass@1 where worded | {sizes} |"
        yield "| --- | --- | --- |"
        for arm in (BASE, *found.runs):
            if not (models := found.base(task_set) if arm == BASE else found.best(arm)):  # it is measured last
                continue
            values = by_task(models, task_set, 1)
            cells = (_shown({task: values[task] for task in sorted(values.keys() & ids)}) for ids in groups.values())
            yield f"| {arm}{_of_seeds(found, models)} | {' | '.join(cells)} |"
        yield ""
        yield f"Prompts are worded alike that have {LIKE:.0%} and more of the different words of both in common."
        yield ""


def _comparisons(found: Found, task_set: str) -> Iterator[str]:
    k = found.k(task_set)
    yield f"| comparison | pass@1 | pass@{k} | generated tokens |"
    yield "| --- | --- | --- | --- |"

    def row(name: str, before: Models, after: Models) -> Iterator[str]:
        seeds = {run.seed for run, _ in before} & {run.seed for run, _ in after}
        if seeds:
            pair = [[(run, cycle) for run, cycle in side if run.seed in seeds] for side in (before, after)]
            cells = [_compared(*(by_task(side, task_set, size) for side in pair)) for size in (1, k)]
            spent = [f"{np.mean([run.tokens[cycle].generated for run, cycle in side]):,.0f}" for side in pair]
            yield f"| {name}{_of_seeds(found, pair[0])} | {' | '.join(cells)} | {spent[1]} beside {spent[0]} |"

    base = found.base(task_set)
    for arm in found.runs:
        yield from row(f"{arm}, best cycle, less base", base, found.best(arm))
        yield from row(f"{arm}, mean of cycles, less base", base, _of_all(found, arm, task_set))
    recipe = found.recipe[0] if found.recipe else ""
    for candidate, other in found.plan.compare:
        one, two = (recipe if name == RECIPE else name for name in (candidate, other))
        if one == two:  # the choice fell on the other one
            continue
        named = f"{candidate} less {other}"
        yield from row(f"{named}, best cycles", found.best(two), found.best(one))
        within = found.best_within(one, two, task_set)
        yield from row(f"{named}, best cycle within the other's tokens", found.best(two), within)
        yield from row(f"{named}, mean of cycles", *(_of_all(found, arm, task_set) for arm in (two, one)))
        for cycle in sorted(set(_all_cycles(found, one, task_set)) & set(_all_cycles(found, two, task_set))):
            yield from row(f"{named}, cycle {cycle}", *(_of_all(found, arm, task_set, [cycle]) for arm in (two, one)))


def _all_cycles(found: Found, arm: str, task_set: str) -> list[int]:
    """Return an arm's cycles that single comparisons are of: those of arms that have several."""
    cycles = [cycle for cycle in found.cycles(arm, task_set) if cycle] if arm in found.runs else []
    return cycles if len(cycles) > 1 or found.plan.measure == "all" else []


def _of_all(found: Found, arm: str, task_set: str, cycles: Sequence[int] | None = None) -> Models:
    """Return all measured cycles of an arm, or some."""
    wanted = _all_cycles(found, arm, task_set) if cycles is None else cycles
    return [(run, cycle) for run in found.runs.get(arm, ()) for cycle in wanted]


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


def _training(found: Found) -> Iterator[str]:
    yield "| arm | seed | cycle | passed in training | kept | prompts | replayed | steps | tokens/s | minutes |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for run in found.all:
        for s in run.cycles[1:]:
            passed = f"{s.pass_rate:.1%}" if s.samples else "-"  # SFT draws none
            yield (
                f"| {run.arm} | {run.seed} | {s.cycle}{' (best)' if s.cycle == run.best else ''} "
                f"| {passed} | {s.kept} | {s.kept_prompts} | {s.replayed} | {s.train_steps} "
                f"| {s.train_tokens_per_s:,.0f} | {sum(s.seconds.values()) / 60:.1f} |"
            )


def _plots(found: Found, task_set: str, output: Path) -> Iterator[str]:
    """Draw pass@k by cycle of the arms whose cycles were all measured."""
    named = "heldout" if task_set == found.plan.choose else stem(task_set)
    k = found.k(task_set)
    drawn = {arm: cycles for arm in found.runs if len(cycles := found.cycles(arm, task_set)) > 1}
    for size in dict.fromkeys((1, k)) if drawn else ():
        series = []
        for arm, cycles in drawn.items():
            points = [_mean(by_task([(run, c) for run in found.runs[arm]], task_set, size)) for c in cycles]
            series.append(Series(arm, cycles, *map(list, zip(*points, strict=True))))
        name = f"{output.stem}_{named}_pass{size}.png"
        plot(series, f"pass@{size}", output.parent / name)
        yield f"![pass@{size} by cycle]({name})"
        yield ""
