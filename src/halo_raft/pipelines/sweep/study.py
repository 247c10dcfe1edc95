"""The study: asks Optuna for trials and tells it how they ended. Whatever happens is in the storage at once."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from halo_raft.errors import DataError
from halo_raft.pipelines.sweep.space import Dimension
from halo_raft.pipelines.sweep.storage import readable

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage

REASON = "reason"
"""User attribute of a trial: why it was pruned or failed."""

TIED_TO = "halo_raft.tied_to"
"""User attribute of a study: what a sweep that goes on must not change."""

STARTUP_TRIALS = 5
"""Trials that end before a trial may be pruned."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial that is to be computed: its number and the values of its settings."""

    number: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial that has ended.

    Attributes:
        state: `complete`, `pruned` or `failed`.
        values: Of the objectives; empty unless complete.
        reason: Why it was pruned or failed.
        facts: What the driver noted: tokens generated, the best cycle, ...
    """

    number: int
    state: str
    settings: dict[str, Any]
    values: tuple[float, ...]
    reason: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What a study is made from.

    Attributes:
        name: Its name in the storage.
        dimensions: What is tried.
        objective: Metric -> direction.
        trials: Trials that it ends with.
        sampler, pruner: As in `SweepSettings`.
        seed: Of the sampler.
        tied_to: Topic -> what a sweep that goes on must not change.
    """

    name: str
    dimensions: tuple[Dimension, ...]
    objective: dict[str, str]
    trials: int
    sampler: str
    pruner: str
    seed: int
    tied_to: dict[str, Any]


class SweepStudy:
    """A study in a storage, made or continued.

    Attributes:
        wanted: Trials that it ends with.

    Raises:
        DataError: The storage holds another study of that name.
    """

    def __init__(self, plan: StudyPlan, storage: BaseStorage, address: str, first: Mapping[str, Any] | None) -> None:
        import optuna

        self.plan = plan
        with readable(address):
            self.study: Study = optuna.create_study(
                study_name=plan.name,
                storage=storage,
                directions=[optuna.study.StudyDirection[way.upper()] for way in plan.objective.values()],
                load_if_exists=True,
            )
            known = self.study.user_attrs.get(TIED_TO)
            old = self.study.get_trials(deepcopy=False)
        if known is None and not old:
            self.study.set_user_attr(TIED_TO, plan.tied_to)
            if first and plan.sampler != "grid":
                self.study.enqueue_trial(
                    dict(first)
                )  # the settings as they are: what every other trial is held against
        else:
            _refuse_another(plan, known, address)
        self.wanted = plan.trials
        if plan.sampler == "grid":
            self.wanted = min(plan.trials, self._enqueue_grid())
        self.study.sampler = _sampler(plan, len(old))
        self.study.pruner = _pruner(plan)

    def ask(self) -> Asked:
        """Begin a trial."""
        with _quiet():
            return self._asked(self.study.ask())

    def unfinished(self) -> list[Asked]:
        """Return the trials that an earlier driver began and did not end."""
        import optuna

        running = self.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
        with _quiet():
            return [self._asked(optuna.Trial(self.study, trial._trial_id)) for trial in running]

    def _enqueue_grid(self) -> int:
        """Queue every combination that is not in the study yet; return how many there are."""
        keys = [d.key for d in self.plan.dimensions]
        combinations = list(itertools.product(*(d.points for d in self.plan.dimensions)))
        with _quiet():
            for values in combinations:
                self.study.enqueue_trial(dict(zip(keys, values, strict=True)), skip_if_exists=True)
        return len(combinations)

    def _asked(self, trial: Trial) -> Asked:
        """Return a trial with all its values; one that was killed while it was asked for gets the rest now."""
        return Asked(trial.number, {d.key: _suggest(trial, d) for d in self.plan.dimensions})

    def report(self, number: int, cycle: int, value: float) -> str | None:
        """Tell what the first objective is after a cycle; return why to end the trial, None to go on."""
        import optuna

        if len(self.plan.objective) > 1:  # Optuna prunes by one objective alone
            return None
        with _quiet():
            trial = optuna.Trial(self.study, self._frozen(number)._trial_id)
            trial.report(value, cycle)
            if not trial.should_prune():
                return None
        metric = next(iter(self.plan.objective))
        return f"{metric} {value:.4f} after cycle {cycle} is worse than the median of the trials before"

    def complete(self, number: int, values: Sequence[float], facts: Mapping[str, Any]) -> None:
        """End a trial with its objectives."""
        self._note(number, facts)
        self.study.tell(number, list(values))

    def prune(self, number: int, reason: str, facts: Mapping[str, Any]) -> None:
        """End a trial that is not worth going on with; the sampler learns from it."""
        import optuna

        self._note(number, {**facts, REASON: reason})
        self.study.tell(number, state=optuna.trial.TrialState.PRUNED)

    def fail(self, number: int, reason: str, facts: Mapping[str, Any]) -> None:
        """End a trial that crashed; the sampler leaves it out."""
        import optuna

        self._note(number, {**facts, REASON: reason})
        self.study.tell(number, state=optuna.trial.TrialState.FAIL)

    def note(self, name: str, value: Any) -> None:
        """Keep a fact about the study."""
        self.study.set_user_attr(name, value)

    def noted(self, name: str) -> Any:
        """Return a fact about the study, None if there is none."""
        return self.study.user_attrs.get(name)

    def ended(self) -> list[Ended]:
        """Return the trials that have ended, in order."""
        return ended_trials(self.study)

    def best(self) -> list[int]:
        """Return the numbers of the best trials: one, or for several objectives all that no other one beats."""
        return best_numbers(self.study)

    def _frozen(self, number: int) -> Any:
        return self.study.get_trials(deepcopy=False)[number]

    def _note(self, number: int, facts: Mapping[str, Any]) -> None:
        for name, value in facts.items():
            self.study._storage.set_trial_user_attr(self._frozen(number)._trial_id, name, value)


def ended_trials(study: Study) -> list[Ended]:
    """Return the trials of a study that have ended, in order."""
    from optuna.trial import TrialState

    names = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
    return [
        Ended(
            trial.number,
            names[trial.state],
            dict(trial.params),
            tuple(trial.values) if trial.state == TrialState.COMPLETE else (),
            str(trial.user_attrs.get(REASON, "")),
            dict(trial.user_attrs),
        )
        for trial in study.get_trials(deepcopy=False, states=tuple(names))
    ]


def best_numbers(study: Study) -> list[int]:
    """Return the numbers of the best trials; the first is the best by the first objective, of equals the earliest."""
    if not any(trial.state == "complete" for trial in ended_trials(study)):
        return []
    sign = -1 if study.directions[0].name == "MAXIMIZE" else 1
    ranked = sorted(study.best_trials, key=lambda trial: (sign * trial.values[0], trial.number))
    return [trial.number for trial in (ranked if len(study.directions) > 1 else ranked[:1])]


def _suggest(trial: Trial, dimension: Dimension) -> Any:
    if dimension.choices:
        return trial.suggest_categorical(dimension.key, dimension.choices)
    if dimension.whole:
        low, high, step = int(dimension.low), int(dimension.high), int(dimension.step or 1)
        return trial.suggest_int(dimension.key, low, high, step=step, log=dimension.log)
    return trial.suggest_float(dimension.key, dimension.low, dimension.high, step=dimension.step, log=dimension.log)


def _sampler(plan: StudyPlan, so_far: int) -> BaseSampler:
    import optuna

    seed = plan.seed + so_far  # the same seed would make a sweep that goes on draw its first trials again
    if plan.sampler in ("random", "grid"):  # a grid's trials are queued
        return optuna.samplers.RandomSampler(seed=seed)
    startup = max(3, min(10, plan.trials // 3))
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup, constant_liar=True)


def _pruner(plan: StudyPlan) -> BasePruner:
    import optuna

    if plan.pruner == "none" or len(plan.objective) > 1:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS)


def _refuse_another(plan: StudyPlan, known: Mapping[str, Any] | None, address: str) -> None:
    from halo_raft.tracking.location import shown_address

    place = f"sweep.storage: {shown_address(address)} holds a study {plan.name!r}"
    if known is None:
        raise DataError(f"{place} that no sweep of ours made; choose another sweep.study or sweep.storage")
    changed = [topic for topic in plan.tied_to if known.get(topic) != plan.tied_to[topic]]
    if changed:
        raise DataError(
            f"{place} that was made with another {' and another '.join(changed)}; "
            "choose another sweep.study, or another output_dir"
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop Optuna's warnings about its own experimental parts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
