"""One RAFT run and what a cycle of it does, stage by stage, each on disk before the next begins."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Self

from halo_raft import evaluate, tracking
from halo_raft.config import RaftConfig, to_yaml
from halo_raft.curriculum import shaped
from halo_raft.errors import VerificationError
from halo_raft.pipelines.raft import heldout, kept, spoken
from halo_raft.pipelines.raft.card import write_card
from halo_raft.pipelines.raft.cycle_plan import begin_cycle, check_begun_cycles
from halo_raft.pipelines.raft.diagnosis import diagnoses, nothing_kept, taught_nothing
from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.pipelines.raft.recheck import Terms, rechecked
from halo_raft.pipelines.raft.rounds import Rounds
from halo_raft.pipelines.raft.sound_tasks import broken_of, without_broken
from halo_raft.pipelines.raft.stages import heldout_stage
from halo_raft.pipelines.raft.tracked import RunTracker
from halo_raft.pipelines.raft.training import finetune_job, with_training
from halo_raft.records import CycleStats
from halo_raft.sampling import Session, check_prompts_fit
from halo_raft.select import Pool
from halo_raft.store import RunFolder, remove, stats_of
from halo_raft.terminal import console
from halo_raft.terminal.logs import log_to
from halo_raft.terminal.progress import stage_progress, steps_shown
from halo_raft.train import finetune, read_training

log = logging.getLogger(__name__)


class RaftRun:
    """The state of a run: its folder, its tracker, and Ray with its engines once they are needed.

    Use as a context manager: leaving it ends engines, Ray and the tracked run.
    """

    def __init__(self, plan: RaftPlan, *, fresh: bool = False, from_stage: str = "") -> None:
        self.plan = plan
        self.config: RaftConfig = plan.config
        self.folder = RunFolder(self.config.output_dir)
        self.fresh = fresh
        self.from_stage = from_stage
        self.session = Session(plan.compute, self.folder.path / "logs", stage_progress, self._look_over)
        self._stack = ExitStack()
        self._tasks_dropped = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.folder.close)
            fingerprint = self.plan.fingerprint
            known = self.folder.open(
                fingerprint.to_dict(), fresh=self.fresh, may_change=self._may_change(), forget=self._forget
            )
            if self.from_stage:
                known.pop("tracking_run_id", None)  # what it logged is of what was forgotten
            check_begun_cycles(self.plan, self.folder)
            stack.enter_context(log_to(self.folder.path / "logs"))
            self.folder.write_text("config.yaml", to_yaml(self.config))
            if self.plan.heldout and not self.config.tasks.heldout:
                rows = (task.to_json() + "\n" for task in self.plan.heldout.tasks.tasks)
                self.folder.write_text(self.folder.heldout_tasks_path.name, "".join(rows))
            stack.enter_context(self.session)
            if "broken_tasks" not in known:  # a run that begins: its engine loads while its tasks are validated
                self.session.start_ahead()
            self.tracker = stack.enter_context(RunTracker(self.plan, self.folder, known))  # ends before Ray
            self._drop_broken_tasks()
            self._stack = stack.pop_all()
        return self

    def _may_change(self) -> tuple[str, ...]:
        """Return the keys of the fingerprint that nothing which stays in the folder depends on."""
        until_trained = self.plan.fingerprint.UNTIL_TRAINED
        if self.from_stage == "train":
            return tuple(key for key in until_trained if key != "selection settings")
        return until_trained if self.from_stage else self.plan.may_change(self.folder)

    def _forget(self) -> None:
        if self.from_stage:
            self.folder.forget_from(self.from_stage)

    def __exit__(self, *exc_info: Any) -> None:
        self._stack.__exit__(*exc_info)

    def measure_base(self) -> CycleStats:
        """Measure the model before the first cycle on the held-out tasks; cycle 0."""
        if (known := self.folder.stats(0)) is not None:
            return known
        stats = CycleStats(cycle=0, arm=self.config.arm)
        if self.plan.heldout is not None:
            console.heading("BASE MODEL")
            stats = self._measure(stats)
        self.tracker.cycle_done(stats)
        self._write_stats(stats)
        return stats

    def run_cycle(self, cycle: int) -> CycleStats:
        """Run one cycle, or what is left of it.

        Raises:
            VerificationError: No sample can be kept.
        """
        if (known := self.folder.stats(cycle)) is not None and self.folder.is_trained(cycle):
            console.say(f"Cycle {cycle} already complete, skipping...")
            return known
        console.heading(f"RAFT CYCLE {cycle}/{self.config.num_cycles}")
        if (stats := self._selected_before(cycle)) is None:
            stats = self._sample(CycleStats(cycle=cycle, arm=self.config.arm, tasks_dropped=self._tasks_dropped))
            stats = self._select(stats)
        with self.tracker.cycle(cycle) as log_cycle:
            stats = self._train(stats, log_cycle)
            if self.plan.heldout is not None:
                stats = self._measure(stats)
            before = self.folder.stats(cycle - 1) if cycle > 1 else None
            stats = replace(stats, diagnosis=diagnoses(stats, before, self.config))
            spoken.diagnosed(stats)
            write_card(self.plan, self.folder, stats)
            self.tracker.cycle_done(stats)
        self._write_stats(stats)  # last: a cycle that has them is complete and not looked at again
        return stats

    def update_best(self) -> int:
        """Let `best` point at the best cycle in the folder: held-out pass@1, else the latest."""
        trained = [s for s in self.folder.history() if s.cycle > 0 and self.folder.is_trained(s.cycle)]
        best = evaluate.best_cycle(heldout.by_cycle(trained)) or trained[-1].cycle
        self.folder.point_best(best)
        return best

    def finish(self) -> None:
        """Write the run's statistics, print the table and what to do next."""
        best, history = self.update_best(), self.folder.history()
        self.folder.write_json(
            "raft_statistics.json", {"best_cycle": best, "cycles": [stats.to_dict() for stats in history]}
        )
        self.tracker.done(history, best)
        spoken.summary(history, best)
        if taught_nothing(history):
            console.say("No cycle had enough to learn from: nothing is registered, and the exit code is 5")
        elif heldout.below_base(history, best):
            console.say("No cycle is as good as the base model: none is registered")
        if difference := heldout.gain(self.folder, [stats.cycle for stats in history if stats.cycle], best):
            spoken.gain(best, difference)
        measured_on = self.config.tasks.heldout
        if measured_on is None and self.plan.heldout:
            measured_on = console.shown(self.folder.heldout_tasks_path)
        spoken.next_steps(self.folder.path, tracking.ui_command(self.config.tracking), measured_on)

    # --- the stages of a cycle

    def _sample(self, stats: CycleStats) -> CycleStats:
        """Generate and verify the samples of a cycle's training tasks, round by round."""
        plan = begin_cycle(self.plan, self.folder, stats.cycle)
        return Rounds(self.plan, self.folder, self.session, plan).draw(stats)

    def _select(self, stats: CycleStats) -> CycleStats:
        """Choose the samples to train on, from all cycles so far where winners are replayed.

        A function of what is on disk: a resumed cycle chooses the same again.
        """
        cycle, plan = stats.cycle, begin_cycle(self.plan, self.folder, stats.cycle)
        cycles = range(1 if self.config.replays else cycle, cycle + 1)
        samples = (sample for n in cycles for sample in self.folder.stored(n))
        verdicts = (shaped(verdict, plan.partial_credit) for n in cycles for verdict in self.folder.each_verdict(n))
        change = {"reward_threshold": plan.reward_threshold, "keep_top_percent": plan.keep_top_percent}
        config, tasks = self.config.selection.model_copy(update=change), self.plan.training.tasks.by_id

        console.say("Filtering samples...")
        pool = Pool(samples, verdicts, tasks, self.session.spread)
        selection = rechecked(
            cycle, partial(pool.select, config), self.folder, Terms(self.plan.policies, tasks), self.session
        )
        if self.config.ablate:  # as many as RAFT would train on, which its second look decides
            count, seed = len(selection.kept), self.config.seed
            selection = pool.select_at_random(config, count=count, seed=seed)
        spoken.selected(selection, config.keep_top_percent)
        if not selection.kept:
            raise VerificationError(nothing_kept(cycle, selection.removed, len(pool), self.config))
        stats = replace(
            stats,
            **kept.aided(stats, selection),
            kept=len(selection.kept),
            kept_prompts=selection.prompts,
            replayed=sum(s.cycle < cycle for s in selection.kept),
            unique_ratio=pool.unique_ratio,
            threshold=selection.threshold,
            selection=selection.removed,
        )
        if not self.folder.is_trained(cycle):  # else its adapter was made by a version that noted no more
            self._note(stats)
            self.folder.write_kept(cycle, kept.rows(self.folder, selection, self.config.selection.repaired_as))
        return stats

    def _selected_before(self, cycle: int) -> CycleStats | None:
        """Return the statistics so far of a cycle that is trained: what its adapter was made from stays as it was."""
        if not self.folder.is_trained(cycle):
            return None
        return self.folder.read_as(f"cycle_{cycle}_selected.json", stats_of)

    def _train(self, stats: CycleStats, log_cycle: tracking.RunLog) -> CycleStats:
        """Fine-tune the cycle's adapter, unless it is there."""
        adapter = self.folder.adapter_path(stats.cycle)
        if not self.folder.is_trained(stats.cycle):
            if adapter.exists():
                console.say(f"{console.shown(adapter)} has no weights, or damaged ones: it is trained again")
                remove(adapter)
            console.say("Training on filtered samples...")
            pool = self.session.pool
            job = finetune_job(self.plan, self.folder, stats.cycle, gpus=pool.placement.trainer_gpus)
            with pool.aside():
                with steps_shown() as report:
                    seconds = finetune(job, report).seconds
                stats = replace(stats, seconds={**stats.seconds, "train": seconds})
            self._note(stats)  # or a resumed cycle would log another duration at the same step
            console.say(f"Saving checkpoint to {console.shown(adapter)}/")
        facts = read_training(adapter)
        for step, loss, learning_rate in facts["loss_curve"]:
            log_cycle.log_metrics({"loss": loss, "learning_rate": learning_rate}, step)
        for step, loss, _ in facts["held_back_curve"]:
            log_cycle.log_metrics({"held_back_loss": loss}, step)
        stats = with_training(stats, facts)
        spoken.trained(stats)
        return stats

    def _measure(self, stats: CycleStats) -> CycleStats:
        """Measure pass@1 on the held-out tasks."""
        stage = heldout_stage(self.plan, self.folder, stats.cycle)
        console.say(f"Measuring on {len(stage.tasks)} held-out tasks...")
        time = self.session.run(stage)
        rates = heldout.rates(self.folder, stats.cycle, self.config.heldout.samples)
        stats = replace(stats, heldout=rates, seconds={**stats.seconds, **time.named(heldout.STAGE)})
        console.say(f"  {spoken.heldout_line(stats)}")
        return stats

    def _look_over(self) -> None:
        """Find the prompt that does not fit before the first engine starts."""
        check_prompts_fit(filter(None, (self.plan.training, self.plan.heldout)))

    def _drop_broken_tasks(self) -> None:
        """Leave out tasks whose tests cannot tell right from wrong; looked at once in the life of a run."""
        known = self.folder.known() or {}
        if "broken_tasks" not in known:
            known["broken_tasks"] = broken_of(self.plan, self.session)
            self.folder.write_json("run.json", known)
        read = self.plan
        self.plan = without_broken(read, known["broken_tasks"])
        self._tasks_dropped = len(read.training.tasks.tasks) - len(self.plan.training.tasks.tasks)

    def _note(self, stats: CycleStats) -> None:
        """Keep the statistics so far of a cycle: what was measured by a clock is not the same again."""
        self.folder.write_json(f"cycle_{stats.cycle}_selected.json", stats.to_dict())

    def _write_stats(self, stats: CycleStats) -> None:
        self.folder.write_json(f"cycle_{stats.cycle}_stats.json", stats.to_dict())
