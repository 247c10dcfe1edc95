"""The samples of a cycle, round by round: what every prompt gets, then more where that pays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from halo_raft.curriculum import CyclePlan, second_round
from halo_raft.pipelines.raft import spoken
from halo_raft.pipelines.raft.cycle_plan import counted, first_round, first_samples
from halo_raft.pipelines.raft.further import Context, Round, hint_round, repair_round
from halo_raft.pipelines.raft.parts import by_form, mixed_in
from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.pipelines.raft.stages import further_drafts, training_drafts, training_stage
from halo_raft.records import CycleStats, Task
from halo_raft.sampling import Room, Session
from halo_raft.store import RunFolder
from halo_raft.terminal import console


@dataclass(frozen=True)
class Rounds:
    """What a cycle draws.

    Attributes:
        plan: The run.
        folder: Its folder.
        session: Where samples are drawn and judged.
        cycle: What the cycle does.
    """

    plan: RaftPlan
    folder: RunFolder
    session: Session
    cycle: CyclePlan

    def draw(self, stats: CycleStats) -> CycleStats:
        """Draw and judge all rounds, or what is left of them; return the statistics with what came of each."""
        stats, sampling = self._first(stats), self.plan.config.sampling
        if sampling.second_round:
            stats = self._second(stats)
        if sampling.repair:
            stats = self._further(stats, repair_round(self._context, sampling.repair))
        if sampling.hint:
            stats = self._further(stats, hint_round(self._context))
        return stats

    @cached_property
    def _tasks(self) -> Mapping[str, Task]:
        """The tasks that the cycle draws, by id."""
        chosen = None if self.cycle.task_ids is None else frozenset(self.cycle.task_ids)
        return {i: t for i, t in self.plan.training.tasks.by_id.items() if chosen is None or i in chosen}

    @cached_property
    def _context(self) -> Context:
        config, number = self.plan.config, self.cycle.cycle
        return Context(
            folder=self.folder,
            cycles=range(1 if config.replays else number, number + 1),
            tasks=self._tasks,
            wording=self.plan.training.wording,
            room=Room(self.plan.compute, config.sampling.max_new_tokens),
        )

    @property
    def _places(self) -> dict[str, range]:
        """Positions of a task's samples by round; each begins behind the longest that the one before may be."""
        sampling, places, start = self.plan.config.sampling, dict[str, range](), 0
        sizes = {
            "first": first_samples(self.cycle, sampling),
            "second": sampling.second_round,
            "repair": sampling.repair,
            "hint": sampling.hint_samples,
        }
        for name, size in sizes.items():
            places[name] = range(start, start + size)
            start += size
        return places

    def _first(self, stats: CycleStats) -> CycleStats:
        """Draw the samples that every prompt gets."""
        number, config, places = self.cycle.cycle, self.plan.config, self._places["first"]
        drafts = training_drafts(self.plan, self.cycle, self._tasks, places, self.cycle.samples)
        time = self.session.run(
            training_stage(self.plan, self.folder, self.cycle, drafts),
            lambda: spoken.generating(len(self._tasks), len(places), len(drafts)),
        )
        kinds, integrity, passed = counted(first_round(self.folder, number, len(places)))
        judged = integrity.total()
        spoken.verified(kinds, passed, judged)
        return replace(
            stats,
            samples=judged,
            passed=passed,
            pass_rate=passed / judged if judged else 0.0,
            kinds=dict(kinds),
            truncated=sum(s.truncated for s in self.folder.stored(number) if s.index < len(places)),
            forms=by_form(self.folder, number, len(places)) if config.tasks.prompt_formats != ("text",) else {},
            mixed=mixed_in(self.plan, self.folder, number, len(places)),
            allotted=self._allotted,
            integrity=dict(integrity),
            tokens_per_s=time.tokens_per_s,
            seconds={**stats.seconds, **time.named("sample")},
        )

    @property
    def _allotted(self) -> dict[str, int]:
        """How samples were allotted; nothing where all prompts got as many."""
        samples = self.cycle.samples
        if not samples:
            return {}
        return {"prompts": len(samples), "most": max(samples.values()), "fewest": min(samples.values())}

    def _second(self, stats: CycleStats) -> CycleStats:
        """Draw the second round: more samples of the prompts that can teach most."""
        number, places, first = self.cycle.cycle, self._places["second"], self._places["first"]
        more = second_round(
            first_round(self.folder, number, len(first)), self.plan.config.sampling.second_round_max_rate
        )
        if not more:
            return stats
        console.say(f"Second round... {len(more)} prompts that passed now and then × {len(places)} samples")
        drafts = training_drafts(self.plan, self.cycle, {i: self._tasks[i] for i in more}, places)
        time = self.session.run(training_stage(self.plan, self.folder, self.cycle, drafts))
        drawn = self._drawn({s.sample_id for s in self.folder.stored(number) if s.index in places})
        console.say(f"  Passed: {drawn['passed']} of {drawn['samples']}")
        seconds = {**stats.seconds, **time.named("second_round")}
        return replace(stats, second_round={"prompts": len(more), **drawn}, seconds=seconds)

    def _further(self, stats: CycleStats, asked: Round) -> CycleStats:
        """Draw a round whose samples see more than their task."""
        places = self._places[asked.name]
        spoken.further(asked.name, len(asked.asked), len(places), asked.left_out)
        drafts = further_drafts(self.plan, self.cycle, asked, places)
        time = self.session.run(training_stage(self.plan, self.folder, self.cycle, drafts))
        drawn = self._drawn({s.sample_id for s in self.folder.stored(self.cycle.cycle) if s.round == asked.name})
        spoken.further_passed(drawn)
        counts = {"prompts": len(asked.asked), **drawn, **asked.left_out}
        seconds = {**stats.seconds, **time.named(asked.name)}
        return replace(stats, seconds=seconds, **{asked.name: counts})  # type: ignore[arg-type]

    def _drawn(self, ids: Collection[str]) -> dict[str, int]:
        """Return how many samples of some ids there are, how many passed, and of how many tasks."""
        verdicts = [v for v in self.folder.each_verdict(self.cycle.cycle) if v.sample_id in ids]
        passed = [v for v in verdicts if v.success]
        return {"samples": len(verdicts), "passed": len(passed), "solved": len({v.task_id for v in passed})}
