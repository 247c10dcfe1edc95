"""A sweep in the tracker: the study is the parent run, its trials are the children."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from halo_raft import __version__, tracking
from halo_raft.config import SweepConfig, to_yaml
from halo_raft.pipelines.raft.tracked import shielded
from halo_raft.pipelines.sweep.study import Ended, SweepStudy
from halo_raft.report.sweep import STUDY_FILE, write_sweep_report
from halo_raft.store import RunFolder, write_atomically

if TYPE_CHECKING:
    from optuna import Study

RUN_ID = "halo_raft.tracking_run_id"
"""User attribute of a study: its run in the tracker."""

LEAST_FOR_PLOTS = 2
"""Completed trials that a plot needs."""

log = logging.getLogger(__name__)


class StudyTracker:
    """The tracked run of a study; a sweep that goes on continues it.

    Use as a context manager: leaving it by an exception marks the run as failed or killed.
    """

    def __init__(self, config: SweepConfig, study: SweepStudy) -> None:
        self.config = config
        self.study = study
        self.tracker = tracking.create(config.tracking, config.output_dir)
        self.run_id = ""

    def __enter__(self) -> Self:
        self.run_id = self.tracker.start(
            run_name=self.config.tracking.run_name or self.config.study,
            params=self.config.model_dump(mode="json"),
            tags={
                "halo_raft.version": __version__,
                "halo_raft.study": self.config.study,
                "halo_raft.run_folder": str(self.config.output_dir),
            },
            run_id=self.study.noted(RUN_ID),
        )
        self.study.note(RUN_ID, self.run_id)
        self.tracker.log_text(to_yaml(self.config), "sweep.yaml")
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        how = tracking.status_after(error)
        if how != "FINISHED":
            self._end_trials_at_work(how)
        self.tracker.finish(how)

    def _end_trials_at_work(self, how: tracking.Status) -> None:
        """End the runs of trials whose processes were ended in their middle, and so could not do it themselves."""
        for folder in self.config.output_dir.glob("trial_*"):
            known = RunFolder(folder).known() or {}
            if known.get("ended", known) is None and known.get("tracking_run_id"):
                self.tracker.end_child(known["tracking_run_id"], {}, how)

    def trial_ended(self, number: int, folder: Path) -> None:
        """Say in a trial's own run how it ended, and log its objectives at `step=trial`."""
        ended = self.study.ended()
        self._keep(ended)
        trial = next(t for t in ended if t.number == number)
        self.tracker.log_metrics(dict(zip(self.study.plan.objective, trial.values, strict=False)), number)
        if run_id := _run_id(folder):
            tags = {"sweep.trial": number, "sweep.state": trial.state, "sweep.best": False}
            tags |= {"sweep.reason": trial.reason} if trial.reason else {}
            self.tracker.end_child(run_id, tags, "FAILED" if trial.state == "failed" else "FINISHED")

    def done(self, folders: dict[int, Path]) -> None:
        """Tag the best trials, in their runs and in the study's, and draw the study."""
        best, ended = self.study.best(), self.study.ended()
        self._keep(ended)
        for trial in ended:
            if trial.state == "complete" and (run_id := _run_id(folders[trial.number])):
                self.tracker.end_child(run_id, {"sweep.best": trial.number in best})
        self.tracker.log_table([_row(trial, self.study) for trial in ended], "trials.json")
        if best:
            chosen = next(trial for trial in ended if trial.number == best[0])
            self.tracker.set_tags(
                {
                    "sweep.best_trial": best[0],
                    "sweep.best_run": _run_id(folders[best[0]]) or "",
                    "sweep.trials": len(ended),
                    **{f"sweep.best.{n}": v for n, v in zip(self.study.plan.objective, chosen.values, strict=True)},
                }
            )
        for name, figure in figures(self.study.study, list(self.study.plan.objective)):
            self.tracker.log_figure(figure, f"figures/{name}.png")
        with shielded("write the report"):
            folder = self.config.output_dir
            self.tracker.log_artifact(write_sweep_report(folder, folder / "report"), "report")

    def _keep(self, ended: Sequence[Ended]) -> None:
        """Write what the report shows into the sweep's folder."""
        objective = self.study.plan.objective
        study = {
            "study": self.config.study,
            "objective": dict(objective),
            "dimensions": [dimension.key for dimension in self.study.plan.dimensions],
            "best": self.study.best(),
            "trials": [
                {
                    "number": trial.number,
                    "state": trial.state,
                    "settings": trial.settings,
                    "values": dict(zip(objective, trial.values, strict=False)),
                    "reason": trial.reason,
                    "tokens": {name: n for name, n in trial.facts.items() if name.startswith("tokens_")},
                }
                for trial in ended
            ],
        }
        write_atomically(self.config.output_dir / STUDY_FILE, json.dumps(study, indent=2) + "\n")


def figures(study: Study, objective: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield name and matplotlib figure of each plot that the trials so far allow.

    One that Optuna cannot draw (an importance without variance, say) is left out, with a line in the log.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from optuna.visualization import matplotlib as plots

    if sum(trial.state.name == "COMPLETE" for trial in study.get_trials(deepcopy=False)) < LEAST_FOR_PLOTS:
        return
    wanted: dict[str, Any] = {}
    for i, metric in enumerate(objective):
        suffix = f"_{metric.replace('/', '_')}" if len(objective) > 1 else ""
        chosen: dict[str, Any] = {"target_name": metric}
        if len(objective) > 1:
            chosen["target"] = lambda trial, i=i: trial.values[i]
        for name, draw in (
            ("history", plots.plot_optimization_history),
            ("importance", plots.plot_param_importances),
            ("slice", plots.plot_slice),
            ("contour", plots.plot_contour),
        ):
            wanted[name + suffix] = (draw, chosen)
    if len(objective) > 1:
        wanted["pareto_front"] = (plots.plot_pareto_front, {"target_names": list(objective)})
    for name, (draw, options) in wanted.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                axes = draw(study, **options)
        except Exception as error:
            log.debug("the plot %s was left out", name, exc_info=error)
            continue
        first = axes.flat[0] if hasattr(axes, "flat") else axes
        figure = first.get_figure()
        figure.set_size_inches(12, 8)
        yield name, figure
        pyplot.close(figure)


def _row(trial: Ended, study: SweepStudy) -> dict[str, Any]:
    values = dict(zip(study.plan.objective, trial.values, strict=False))
    return {
        "trial": trial.number,
        "state": trial.state,
        **{d.key: trial.settings.get(d.key) for d in study.plan.dimensions},
        **{name: values.get(name) for name in study.plan.objective},
        "tokens_generated": trial.facts.get("tokens_generated"),
        "tokens_reused": trial.facts.get("tokens_reused"),
        "reason": trial.reason,
    }


def _run_id(folder: Path) -> str | None:
    """Return a trial's run in the tracker, None where it has not got that far."""
    run_id: str | None = (RunFolder(folder).known() or {}).get("tracking_run_id")
    return run_id
