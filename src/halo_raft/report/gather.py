"""A run folder -> what there is to show of it. Works on finished runs and on those still going.

Everything is read from the run folder alone, but for the prompts of the examples, whose tasks are loaded.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict

from halo_raft import evaluate
from halo_raft.errors import DataError
from halo_raft.evaluate import Changes, Heldout, Outcomes
from halo_raft.fingerprint import Fingerprint
from halo_raft.programs import normalised_program
from halo_raft.records import CycleStats, Task, Verdict
from halo_raft.report.answers import answers_by_task, most_changed, side_by_side
from halo_raft.report.examples import examples, state_of
from halo_raft.report.view import Answers, CycleView, RunView, SideBySide
from halo_raft.store import RunFolder, read_yaml
from halo_raft.train.job import TRAINING_FILE, read_training

CURVES = {"loss_curve": "rows trained on", "held_back_curve": "validation rows"}
"""Curves of supervised fine-tuning, and what each is of."""


class Settings(TypedDict, total=False):
    """The sections of a config that a report shows something of."""

    model: dict[str, Any]
    tasks: dict[str, Any]
    data: dict[str, Any]
    sampling: dict[str, Any]
    selection: dict[str, Any]
    training: dict[str, Any]


def gather(
    path: Path,
    tasks: Mapping[str, Task],
    latest: CycleStats | None = None,
    *,
    heldout: Mapping[str, Task] | None = None,
    known: Mapping[int, CycleView] | None = None,
) -> RunView:
    """Read a run folder.

    Args:
        path: The folder that `raft train` or `sft train` wrote.
        tasks: The training tasks by id as far as they are to be had: for prompts, and for telling programs apart.
        latest: Statistics of a cycle that has everything but them on disk.
        heldout: The held-out tasks by id as far as they are to be had; None where no completions are to be shown.
        known: Cycles that were read before, so that a run of many does not read them all after each.

    Raises:
        DataError: It is no run folder, or a file in it is damaged.
    """
    folder = RunFolder(path)
    if (run := folder.known()) is None:
        raise DataError(f"{path}: is no run folder (it has no run.json of one); give one that raft, sft or sweep wrote")
    history = {stats.cycle: stats for stats in (*folder.history(), *filter(None, [latest]))}
    best = folder.best()
    cycles = tuple(
        seen if (seen := (known or {}).get(cycle)) and seen.stats == stats else cycle_view(folder, stats, tasks)
        for cycle, stats in sorted(history.items())
    )
    measured = {cycle.stats.cycle: cycle.outcomes for cycle in cycles if cycle.outcomes}
    base, candidate = measured.pop(0, None), measured.get(best or 0)
    tied = Fingerprint.from_dict(run.get("fingerprint", {}))
    settings = read_yaml(path / "config.yaml", Settings)
    is_sft, wording = "data" in settings, settings.get("tasks", {})
    trained = (folder.read_as("sft_statistics.json", _trained) or {}) if is_sft else {}
    changes = evaluate.changes(base, candidate) if base and candidate else None
    return RunView(
        name=folder.path.name,
        path=str(folder.path),
        cycles=cycles,
        best=best,
        arm=run.get("arm", "raft"),
        heldout_key=tied.of_heldout,
        difference=evaluate.compare_best(base, measured, best) if base and best and candidate else None,
        changes=changes,
        side_by_side=_side_by_side(folder, best, changes, heldout, wording),
        examples=tuple(e for n in dict.fromkeys((1, best)) if n for e in examples(folder, n, tasks, wording)),
        losses=_sft_losses(trained),
        headline=_sft_headline(trained),
        facts=_facts(run, settings)
        | (_sft_facts(settings, trained) if is_sft else _raft_facts(tied, run, settings))
        | _diagnoses(history.values()),
        config=(path / "config.yaml").read_text(encoding="utf-8") if settings else "",
    )


def cycle_view(folder: RunFolder, stats: CycleStats, tasks: Mapping[str, Task]) -> CycleView:
    """Read what a cycle with these statistics left."""
    cycle = stats.cycle
    measured = heldout_outcomes(folder, cycle)
    view = CycleView(stats=stats, heldout=measured.rates(), outcomes=measured.compared)
    if cycle == 0:
        return view
    rewards = Counter[float]()
    aided = {s.sample_id for s in folder.stored(cycle) if s.round}  # not what the model does by itself
    verdicts = (v for v in folder.each_verdict(cycle) if v.sample_id not in aided)
    outcomes = evaluate.tally(_counting(verdicts, rewards))
    kept = Counter({s.sample_id: s.task_id for s in folder.each_kept(cycle)}.values())  # a repair may be two rows
    return replace(
        view,
        solved=evaluate.pass_at_k_rate(_solved(outcomes), 1),
        passed=evaluate.pass_at_k_rate(outcomes, 1),
        rewards=dict(rewards),
        kept=dict(Counter(kept.values())),
        unique_ratio=_unique_ratio(folder, cycle, tasks) if stats.unique_ratio is None else stats.unique_ratio,
        loss=_loss(folder.adapter_path(cycle)),
    )


def _counting(verdicts: Iterable[Verdict], rewards: Counter[float]) -> Iterator[Verdict]:
    for verdict in verdicts:
        if verdict.reward is not None:
            rewards[verdict.reward] += 1
        yield verdict


def heldout_outcomes(folder: RunFolder, cycle: int) -> Heldout:
    """Return the held-out outcomes of a cycle, which are counted once as long as its files do not change."""
    paths = folder.samples_path(cycle, "heldout"), folder.verdicts_path(cycle, "heldout")
    return _heldout_outcomes(folder.path, cycle, tuple(map(state_of, paths)))


@lru_cache(maxsize=256)
def _heldout_outcomes(path: Path, cycle: int, states: object) -> Heldout:
    folder = RunFolder(path)
    return evaluate.heldout_outcomes(folder.stored(cycle, "heldout"), folder.each_verdict(cycle, "heldout"))


def _side_by_side(
    folder: RunFolder,
    best: int | None,
    changes: Changes | None,
    heldout: Mapping[str, Task] | None,
    wording: Mapping[str, Any],
) -> tuple[SideBySide, ...]:
    """Return the held-out tasks that changed most, with the completions of the base model and of the best cycle."""
    if best is None or changes is None or heldout is None:
        return ()
    shown = frozenset(most_changed(changes.tasks))
    models = [_heldout_answers(folder, "base model", 0, shown), _heldout_answers(folder, f"cycle {best}", best, shown)]
    return side_by_side(changes.tasks, heldout, wording, models)


def _heldout_answers(folder: RunFolder, name: str, cycle: int, shown: frozenset[str]) -> dict[str, Answers]:
    """Return what a cycle's model answered to some of the held-out tasks."""
    verdicts = {v.sample_id: v for v in folder.each_verdict(cycle, "heldout") if v.task_id in shown}
    samples = (sample for sample in folder.stored(cycle, "heldout") if sample.task_id in shown)
    return answers_by_task(name, samples, verdicts)


def _solved(outcomes: Outcomes) -> Outcomes:
    """Return the outcomes with one sample a task: whether any passed."""
    tasks = tuple(evaluate.TaskOutcome(task_id=t.task_id, samples=1, passed=int(t.passed > 0)) for t in outcomes.tasks)
    return Outcomes(tasks=tasks, infra_samples=0, infra_tasks=outcomes.infra_tasks)


def _unique_ratio(folder: RunFolder, cycle: int, tasks: Mapping[str, Task]) -> float | None:
    """Return the distinct programs per passed sample; names, comments and layout make no difference."""
    passed = {v.sample_id for v in folder.each_verdict(cycle) if v.success}
    known, distinct = 0, set[tuple[str, bytes]]()
    for sample in folder.stored(cycle):
        if sample.sample_id in passed and not sample.round and sample.task_id in tasks:
            program = normalised_program(sample.completion, tasks[sample.task_id], sample.form)
            distinct.add((sample.task_id, hashlib.sha256(program.encode("utf-8", "surrogatepass")).digest()))
            known += 1
    return len(distinct) / known if known else None


def _loss(adapter: Path) -> tuple[tuple[int, float], ...]:
    """Return the loss curve of an adapter, empty where there is none yet."""
    facts = read_training(adapter) if (adapter / TRAINING_FILE).exists() else {"loss_curve": ()}
    return tuple((point.step, point.loss) for point in facts["loss_curve"])


def _trained(row: dict[str, Any]) -> dict[str, Any]:
    """Return the statistics of supervised fine-tuning, its figures and curves read as such."""
    figures = {
        name: kind(row[name])
        for name, kind in (("loss_first", float), ("loss_last", float), ("steps", int), ("rows", int))
    }
    curves = {name: tuple((int(step), float(loss)) for step, loss, *_ in row.get(name, ())) for name in CURVES}
    return row | figures | curves


def _raft_facts(tied: Fingerprint, run: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    sampling, selection, training = (config.get(name, {}) for name in ("sampling", "selection", "training"))
    tasks = config.get("tasks", {})
    facts = {
        "Arm": run.get("arm"),
        "Training tasks": tasks.get("train"),
        "Held-out tasks": tasks.get("heldout"),
        "Verifier": tied.verifier or None,
        "Sampling": f"{sampling.get('samples_per_prompt')} a prompt at temperature {sampling.get('temperature')}",
        "Selection": f"reward from {selection.get('reward_threshold')}, at most {selection.get('max_per_prompt')} "
        f"a prompt, top {selection.get('keep_top_percent')}",
        "Training": f"learning rate {training.get('learning_rate')}, {training.get('num_train_epochs')} epochs, "
        f"from {training.get('init_from')}",
        "Training data sha256": tied.training_tasks or None,
    }
    return {topic: str(value) for topic, value in facts.items() if value is not None}


def _sft_facts(config: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, str]:
    data, training = config["data"], config.get("training", {})
    facts = {
        "Data": data.get("train_file") or data.get("dataset"),
        "Training": f"learning rate {training.get('learning_rate')}, {training.get('num_train_epochs')} epochs",
    }
    if trained:
        facts["Loss"] = f"{trained['loss_first']:.3f} → {trained['loss_last']:.3f} in {trained['steps']:,} steps"
        facts["Rows"] = f"{trained['rows']:,}"
    return {topic: str(value) for topic, value in facts.items() if value is not None}


def _sft_losses(trained: Mapping[str, Any]) -> dict[str, tuple[tuple[int, float], ...]]:
    """Return the curves of supervised fine-tuning that have any points."""
    return {name: trained[key] for key, name in CURVES.items() if trained.get(key)}


def _sft_headline(trained: Mapping[str, Any]) -> dict[str, str]:
    if not trained:
        return {}
    shown = {
        "Loss, first fifth of the steps": f"{trained['loss_first']:.3f}",
        "Loss, last fifth of the steps": f"{trained['loss_last']:.3f}",
        "Lowest loss on the validation rows": trained.get("held_back_loss"),
        "Rows": f"{trained['rows']:,}",
        "Optimizer steps": f"{trained['steps']:,}",
    }
    return {
        name: value if isinstance(value, str) else f"{value:.3f}" for name, value in shown.items() if value is not None
    }


def _diagnoses(history: Iterable[CycleStats]) -> dict[str, str]:
    """Return why cycles taught little or nothing."""
    return {f"Cycle {stats.cycle}": "; ".join(stats.diagnosis) for stats in history if stats.diagnosis}


def _facts(run: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    model = config.get("model", {})
    facts = {
        "Model": model.get("name"),
        "Starting adapter": model.get("checkpoint"),
        "Seed": config.get("seed"),
        "Device": run.get("device"),
        "Sandbox tier": run.get("sandbox_tier"),
        "Git commit": run.get("git_commit"),
        "Versions": ", ".join(f"{name} {version}" for name, version in run.get("versions", {}).items()) or None,
    }
    return {topic: str(value) for topic, value in facts.items() if value is not None}
