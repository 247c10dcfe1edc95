"""What of a RAFT run goes to the tracker, and when."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from halo_raft import __version__, sandbox, tracking
from halo_raft.config import to_yaml
from halo_raft.pipelines.plan import Plan
from halo_raft.records import CycleStats
from halo_raft.store import RunFolder
from halo_raft.tasks import TaskSet
from halo_raft.tracking import RunLog

MODEL_NAME = "halo-raft-adapter"
"""Registered model that `best` becomes a version of, with the alias `champion`."""

log = logging.getLogger(__name__)


class RunTracker:
    """The tracked run of a run folder; a resumed run continues it.

    Use as a context manager: leaving it by an exception marks the run as failed or killed.
    """

    def __init__(self, plan: Plan, folder: RunFolder, known: dict[str, Any]) -> None:
        self.plan = plan
        self.folder = folder
        self.known = known
        self.tracker = tracking.create(plan.config.tracking, folder.path)
        self._log: RunLog | None = None
        self._status: Any = "FINISHED"

    def __enter__(self) -> Self:
        config = self.plan.config
        tier = sandbox.probe()
        run_id = self.tracker.start(
            run_name=config.tracking.run_name or self.folder.path.name,
            params=config.model_dump(mode="json"),
            tags={
                "halo_raft.version": __version__,
                "halo_raft.fingerprint": self.plan.short_fingerprint,
                "halo_raft.run_folder": str(self.folder.path),
                "halo_raft.sandbox_tier": tier.name,
                "halo_raft.arm": config.arm,
            },
            run_id=self.known.get("tracking_run_id"),
        )
        facts = {"arm": config.arm, "tracking_run_id": run_id, "sandbox_tier": tier.name}
        facts |= {"halo_raft_version": __version__}
        self.folder.write_json("run.json", self.known | facts)
        self._log_task_set(self.plan.train, "training")
        if self.plan.heldout:
            self._log_task_set(self.plan.heldout, "heldout")
        self.tracker.log_text(to_yaml(config), "config.yaml")
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._status = "KILLED" if issubclass(kind, KeyboardInterrupt) else "FAILED"
        self.tracker.finish(self._status)

    def cycle(self, cycle: int) -> AbstractContextManager[RunLog]:
        """Open the child run of a cycle."""
        return self.tracker.cycle(cycle)

    def cycle_done(self, stats: CycleStats) -> None:
        """Log a finished cycle's numbers at `step=cycle`, and its adapter."""
        self.tracker.log_metrics(metrics(stats), stats.cycle)
        if stats.integrity:
            self.tracker.set_tags({"halo_raft.integrity": ", ".join(sorted(stats.integrity))})
        if stats.cycle > 0:
            path = self.folder.adapter_path(stats.cycle)
            self.tracker.log_artifacts(path, path.name)

    def done(self, history: Sequence[CycleStats], best: int) -> None:
        """Log the best cycle and register its adapter."""
        stats = next(s for s in history if s.cycle == best)
        self.tracker.log_best(metrics(stats), best)
        self.tracker.set_tags({"halo_raft.best_cycle": best})
        self.tracker.log_artifact(self.folder.path / "raft_statistics.json")
        config = self.plan.config
        # a control arm is measured, never served; whoever tries several runs knows which of them is the champion
        if config.arm == "raft" and not config.tracking.parent_run:
            self.tracker.register_model(MODEL_NAME, self.folder.adapter_path(best).name)

    def _log_task_set(self, tasks: TaskSet, context: str) -> None:
        path = str(Path(tasks.name).absolute()) if Path(tasks.name).is_file() else tasks.name
        self.tracker.log_dataset(tasks.name, path, tasks.sha256, context)


def metrics(stats: CycleStats) -> dict[str, float | None]:
    """Return a cycle's numbers under the names that the tracker shows."""
    named: dict[str, float | None] = {}
    for name, rate in stats.heldout.items():
        named |= {
            f"heldout/{name}": rate["mean"],
            f"heldout/{name}_low": rate["low"],
            f"heldout/{name}_high": rate["high"],
        }
    named |= {f"seconds/{stage}": seconds for stage, seconds in stats.seconds.items()}
    if stats.cycle == 0:
        return named
    named |= {f"verdicts/{kind}": float(n) for kind, n in stats.kinds.items()}
    named |= {f"integrity/{where}": float(n) for where, n in stats.integrity.items()}
    named |= {f"selection/{step}": float(n) for step, n in stats.selection.items()}
    named |= {f"second_round/{name}": float(n) for name, n in stats.second_round.items()}
    return named | {
        "pass_rate": stats.pass_rate,
        "samples": float(stats.samples),
        "kept": float(stats.kept),
        "kept_prompts": float(stats.kept_prompts),
        "replayed": float(stats.replayed),
        "threshold": stats.threshold,
        "tasks_dropped": float(stats.tasks_dropped),
        "loss/first": stats.loss_first,
        "loss/last": stats.loss_last,
        "train/steps": float(stats.train_steps),
        "loss/held_back": stats.loss_held_back,
        "train/tokens": float(stats.train_tokens),
        "train/tokens_per_s": stats.train_tokens_per_s or None,
        "tokens_per_s": stats.tokens_per_s or None,
    }
