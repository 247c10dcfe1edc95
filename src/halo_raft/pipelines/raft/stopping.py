"""Is another cycle worth its time: what is said after each cycle, and what ends a run before its last one.

Source of words and rule: the RAFT guide's "When to Stop".
"""

from __future__ import annotations

from collections.abc import Sequence

from halo_raft import evaluate
from halo_raft.config.schema import StopConfig
from halo_raft.pipelines.raft.cycle_plan import begun_as
from halo_raft.pipelines.raft.heldout import by_cycle
from halo_raft.records import CycleStats
from halo_raft.store import RunFolder


def pass_rate_line(history: Sequence[CycleStats]) -> str:
    """Return the last cycle's pass rate and what it gained, in points: `Cycle 3: 48.5% pass rate (+6.4%)`."""
    *before, last = [stats for stats in history if stats.cycle]
    gain = f" ({(last.pass_rate - before[-1].pass_rate) * 100:+.1f}%)" if before else ""
    return f"Cycle {last.cycle}: {last.pass_rate:.1%} pass rate{gain}"


def reason_to_stop(history: Sequence[CycleStats], config: StopConfig) -> str | None:
    """Say why a run ends here, by its own settings; None if it goes on."""
    return evaluate.should_stop(by_cycle(history), config.min_gain, config.patience)


def advice(history: Sequence[CycleStats], config: StopConfig, folder: RunFolder) -> str | None:
    """Say what the guide would do after the last cycle, where the run itself was not told when to stop.

    It looks at held-out pass@1, and where that is not measured at the pass rate of those cycles that drew the last
    one's prompts and judged them like it.
    """
    if config.patience:
        return None
    rates, what = by_cycle(history), "held-out pass@1"
    if len(rates) < 2:
        rates, what = _pass_rates(history, folder), "the pass rate"
    reason = evaluate.should_stop(rates, config.min_gain, 1, what)
    itself = "; stop.patience=1 stops by itself" if what == "held-out pass@1" else ""
    return reason and f"{reason}. The guide's advice is to end here{itself}"


def _pass_rates(history: Sequence[CycleStats], folder: RunFolder) -> dict[int, float]:
    def drawn_as(cycle: int) -> tuple[object, ...] | None:
        plan = begun_as(folder, cycle)
        return (
            None
            if plan is None
            else (plan.verifier, plan.run_after_compile, plan.temperature, plan.task_ids, plan.samples)
        )

    last = drawn_as(history[-1].cycle)
    return {stats.cycle: stats.pass_rate for stats in history if stats.cycle and drawn_as(stats.cycle) == last}
