"""What of a RAFT run goes to the tracker, and when."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from halo_raft import __version__, sandbox, tracking
from halo_raft.cluster.connection import describe_devices
from halo_raft.config import to_yaml
from halo_raft.evaluate import Difference, chance_text, difference_text, odds_text, rate_text
from halo_raft.pipelines.raft.diagnosis import taught_nothing
from halo_raft.pipelines.raft.heldout import below_base, first_rates
from halo_raft.pipelines.raft.heldout import gain as gain_of
from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.records import CycleStats, PassRate
from halo_raft.report import CycleView, Example, gather
from halo_raft.report.examples import examples
from halo_raft.report.figures import FIGURES
from halo_raft.report.write import write_report
from halo_raft.store import RunFolder
from halo_raft.tracking import Candidate, RunLog, registered_name
from halo_raft.tracking.provenance import git_commit
from halo_raft.tracking.versions import versions

log = logging.getLogger(__name__)


class RunTracker:
    """The tracked run of a run folder; a resumed run continues it.

    Use as a context manager: leaving it by an exception marks the run as failed or killed.
    """

    def __init__(self, plan: RaftPlan, folder: RunFolder, known: dict[str, Any]) -> None:
        self.plan = plan
        self.folder = folder
        self.known = known
        if plan.config.tracking.mlflow:
            log.info("Opening MLflow...")
        self.tracker = tracking.create(plan.config.tracking, folder.path)
        self._views: dict[int, CycleView] = {}

    def __enter__(self) -> Self:
        config = self.plan.config
        tier, device = sandbox.probe(), describe_devices(config.resources)
        run_id = self.tracker.start(
            run_name=config.tracking.run_name or self.folder.path.name,
            params=config.model_dump(mode="json"),
            tags={
                "halo_raft.version": __version__,
                "halo_raft.fingerprint": self.plan.fingerprint.short,
                "halo_raft.run_folder": str(self.folder.path),
                "halo_raft.sandbox_tier": tier.name,
                "halo_raft.arm": config.arm,
                "halo_raft.device": device,
                "halo_raft.verifier": ", ".join(dict.fromkeys(policy.verifier for policy in self.plan.policies)),
                **{f"halo_raft.data.{context}": tasks.sha256 for context, tasks in self.plan.task_sets.items()},
            },
            run_id=self.known.get("tracking_run_id"),
        )
        facts = {
            "arm": config.arm,
            "tracking_run_id": run_id,
            "sandbox_tier": tier.name,
            "halo_raft_version": __version__,
            "device": device,
            "versions": versions(),
            "git_commit": git_commit(),
            "task_counts": {context: len(tasks.tasks) for context, tasks in self.plan.task_sets.items()},
            "ended": None,
        }
        self.folder.write_json("run.json", self.known | facts)
        for context, tasks in self.plan.task_sets.items():
            file = Path(tasks.name) if Path(tasks.name).is_file() else None
            name, path = (file.name, str(file.absolute())) if file else (tasks.name, tasks.name)
            self.tracker.log_dataset(name, path, tasks.sha256, context, rows=len(tasks.tasks))
        self.tracker.log_text(to_yaml(config), "config.yaml")
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        how = tracking.status_after(error)
        with shielded("note how the run ended"):
            self.folder.note_end(how, str(error or ""))
        self.tracker.finish(how)

    def cycle(self, cycle: int) -> AbstractContextManager[RunLog]:
        """Open the child run of a cycle."""
        return self.tracker.cycle(cycle)

    def cycle_done(self, stats: CycleStats) -> None:
        """Log a finished cycle's numbers at `step=cycle`, its adapter, some completions, and the figures so far."""
        log.info("Logging cycle %d...", stats.cycle)
        self.tracker.log_metrics(metrics(stats), stats.cycle)
        with shielded("show the best cycle"):
            self._show_best(stats)
        if stats.integrity:
            self.tracker.set_tags({"halo_raft.integrity": ", ".join(sorted(stats.integrity))})
        if stats.diagnosis:
            self.tracker.set_tags({f"halo_raft.diagnosis.cycle_{stats.cycle}": "; ".join(stats.diagnosis)})
        if stats.cycle > 0:
            path = self.folder.adapter_path(stats.cycle)
            self.tracker.log_artifacts(path, path.name)
        with shielded("draw the figures"):
            self._show(stats)

    def _show_best(self, stats: CycleStats) -> None:
        """Log the best held-out pass@1 so far, and with its interval as tags, which lists of runs show as columns."""
        earlier = (self.folder.stats(cycle) for cycle in range(stats.cycle))
        rates = first_rates([known for known in (*earlier, stats) if known])
        base = rates.pop(0, None)
        trained = max(rates.values(), key=lambda rate: rate["mean"], default=None)
        if (best := trained or base) is not None:
            self.tracker.log_metrics({"heldout/pass_at_1_best": best["mean"]}, stats.cycle)
        shown = {"pass_at_1_base": base, "pass_at_1": trained}
        self.tracker.set_tags({name: rate_text(PassRate.from_dict(rate)) for name, rate in shown.items() if rate})

    def _show(self, stats: CycleStats) -> None:
        """Log what people look at after a cycle: the numbers behind the figures, completions, the figures."""
        tasks = self.plan.training.tasks.by_id
        view = gather(self.folder.path, tasks, stats, known=self._views)
        self._views = {cycle.stats.cycle: cycle for cycle in view.cycles}
        self.tracker.log_metrics(_view_metrics(self._views[stats.cycle]), stats.cycle)
        if stats.cycle == 0:
            return
        rows = example_rows(examples(self.folder, stats.cycle, tasks, asdict(self.plan.training.wording)))
        self.tracker.log_table(rows, f"samples/cycle_{stats.cycle}.json")
        for name, (_, draw) in FIGURES.items():
            if (figure := draw([view])) is not None:
                self.tracker.log_figure(figure, f"figures/{name}.png")

    def done(self, history: Sequence[CycleStats], best: int) -> None:
        """Log the best cycle and the report, and register the best adapter unless it is worse than the base."""
        stats = next(s for s in history if s.cycle == best)
        gain = None
        with shielded("compare the best cycle with the base model"):
            gain = gain_of(self.folder, [s.cycle for s in history if s.cycle], best)
        shown = {"pass_at_1_gain": f"{difference_text(gain)}, {odds_text(gain)}"} if gain else {}
        self.tracker.set_tags({"halo_raft.best_cycle": best} | shown)
        self.tracker.log_artifact(self.folder.path / "raft_statistics.json")
        log.info("Writing the report...")
        with shielded("write the report"):
            page = write_report([self.folder.path], self.folder.path / "report")
            self.tracker.log_artifact(page, "report")  # its figures are in `figures/` already
        config = self.plan.config
        # a control arm is measured, never served; whoever tries several runs knows which of them is the champion
        worthless = taught_nothing(history) or below_base(history, best)
        if config.arm == "raft" and not config.tracking.parent_run and not worthless:
            self._register(stats, next((s for s in history if s.cycle == 0), None), gain)

    def _register(self, stats: CycleStats, base: CycleStats | None, gain: Difference | None) -> None:
        """Make the best adapter a version of its base model's registered model, and the champion if it may be."""
        name, measured_on = self.plan.config.model.name, self.plan.fingerprint.of_heldout
        self.tracker.register_model(
            registered_name(name),
            self.folder.adapter_path(stats.cycle).name,
            Candidate.of(stats, base, base_model=name, heldout_tasks=measured_on),
            tags={"cycle": stats.cycle, **{measure: f"{rate['mean']:.4f}" for measure, rate in stats.heldout.items()}},
            description=version_note(self.plan, stats, base, gain),
        )


@contextmanager
def shielded(action: str) -> Iterator[None]:
    """Keep a failure to draw or write for people from ending a run whose results are on disk."""
    try:
        yield
    except Exception as error:
        log.warning("could not %s: %s: %s", action, type(error).__name__, error)
        log.debug("could not %s", action, exc_info=error)


def example_rows(found: Sequence[Example]) -> list[dict[str, str]]:
    """Return sampled completions with their verdicts as the rows of a table."""
    return [
        {
            "task_id": example.task_id,
            "verdict": example.answer.kind,
            "in_view": example.in_view,
            "completion": example.answer.completion,
            "details": example.answer.details,
            "prompt": example.prompt,
        }
        for example in found
    ]


def version_note(plan: RaftPlan, stats: CycleStats, base: CycleStats | None, gain: Difference | None) -> str:
    """Return the description of a registered adapter, in Markdown: base, data, figures, and how to use it."""
    model, registered = plan.config.model.name, registered_name(plan.config.model.name)
    rates = [
        f"- **held-out {name.replace('pass_at_', 'pass@')}**: {rate_text(PassRate.from_dict(rate))}"
        + (f"; base model {rate_text(PassRate.from_dict(base.heldout[name]))}" if base and name in base.heldout else "")
        for name, rate in stats.heldout.items()
    ]
    changed = [f"- **gain**: {difference_text(gain)}; {chance_text(gain)}"] if gain else []
    data = [
        f"- **{context} tasks**: {len(tasks.tasks)} of {tasks.name}, sha256 {tasks.sha256[:16]}"
        for context, tasks in plan.task_sets.items()
    ]
    uri = f"models:/{registered}@champion"
    return "\n".join(
        [
            f"LoRA adapter of cycle {stats.cycle} on `{model}`, by reward-ranked fine-tuning.",
            "",
            f"- **base model**: `{model}`",
            *rates,
            *changed,
            *data,
            f"- **trained on**: {stats.trained - stats.base_samples:,} samples that the verifier chose"
            + (
                f", and {stats.base_samples:,} answers of the first model, right or wrong" if stats.base_samples else ""
            ),
            f"- **run folder**: {plan.config.output_dir.absolute()}",
            "",
            "Use it:",
            "",
            f"- measure it: `halo-raft benchmark run --model {uri} --prompts TASKS`",
            f"- train on: `halo-raft raft train --checkpoint {uri} --prompts TASKS --output DIR`",
            f"- serve it: `vllm serve BASE --enable-lora --lora-modules halo={plan.config.output_dir.absolute()}/best`",
            "- in Python: `PeftModel.from_pretrained(base, FOLDER)`, with the folder of this version's artifacts",
        ]
    )


def _view_metrics(cycle: CycleView) -> dict[str, float | None]:
    """Return the numbers that the figures show and the statistics do not have."""
    heldout = {name: rate.mean for name, rate in cycle.heldout.items() if name not in cycle.stats.heldout}
    return {
        "unique_ratio": cycle.unique_ratio,
        "prompts_solved": cycle.solved.mean if cycle.solved else None,
        **{heldout_metric(name): mean for name, mean in heldout.items()},
    }


def heldout_metric(name: str) -> str:
    """Return what a held-out rate is called: charts are in the order of names, and sampled pass@1 is to be first."""
    return f"heldout/{'pass_at_1_greedy' if name == 'greedy' else name}"


def metrics(stats: CycleStats) -> dict[str, float | None]:
    """Return a cycle's numbers under the names that the tracker shows."""
    named: dict[str, float | None] = {}
    for name, rate in stats.heldout.items():
        named[heldout_metric(name)] = rate["mean"]  # its interval is a band in the figures, and text in the tags
    named |= {f"seconds/{stage}": seconds for stage, seconds in stats.seconds.items()}
    if stats.cycle == 0:
        return named
    named |= {f"verdicts/{kind}": float(n) for kind, n in stats.kinds.items()}
    named |= {f"integrity/{where}": float(n) for where, n in stats.integrity.items()}
    named |= {f"selection/{step}": float(n) for step, n in stats.selection.items()}
    for round_ in ("second_round", "repair", "hint", "allotted"):
        named |= {f"{round_}/{name}": float(n) for name, n in getattr(stats, round_).items()}
    for form, counts in stats.forms.items():
        named[f"pass_rate_{form}"] = counts["passed"] / counts["samples"] if counts["samples"] else None
    for source, counts in stats.mixed.items():
        named |= {f"mixed/{source}/{name}": float(n) for name, n in counts.items()}
    return named | {
        "pass_rate": stats.pass_rate,
        "samples": float(stats.samples),
        "kept": float(stats.kept),
        "kept_prompts": float(stats.kept_prompts),
        "replayed": float(stats.replayed),
        "train/samples": float(stats.trained),
        "truncated": float(stats.truncated),
        "train/too_long": float(stats.too_long),
        "train/held_back": float(stats.held_back),
        "threshold": stats.threshold,
        "tasks_dropped": float(stats.tasks_dropped),
        "loss/first": stats.loss_first,
        "loss/last": stats.loss_last,
        "train/steps": float(stats.train_steps),
        "loss/held_back": stats.loss_held_back,
        "train/base_samples": float(stats.base_samples) or None,
        "train/adapter_scale": stats.adapter_scale if stats.adapter_scale != 1 else None,
        "train/tokens": float(stats.train_tokens),
        "train/tokens_per_s": stats.train_tokens_per_s or None,
        "tokens_per_s": stats.tokens_per_s or None,
    }
