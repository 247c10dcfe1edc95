"""A cycle that teaches nothing must not look like a success: what is wrong with it, each in one line with the mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from halo_raft.config import RaftConfig
from halo_raft.pipelines.raft import spoken
from halo_raft.pipelines.raft.heldout import by_cycle
from halo_raft.records import CycleStats, VerdictKind
from halo_raft.select import LADDER

LEAST_KEPT = 10
"""Fewer samples teach a model their own text at best."""

LOW_PASS_RATE = 0.2
MANY_NO_PROGRAMS = 1 / 4
"""With a low pass rate, so many answers that do not even compile are what is to be mended first."""

MOST_TRUNCATED = 1 / 3
MOST_OF_A_KIND = 1 / 2
LOSS_RISES_BY = 1.05

MENDS = {
    VerdictKind.RUNTIME: "look at some of them (report), and show the model its tests (tasks.show_tests)",
    VerdictKind.COMPILE: "look at some of them (report): the answers are no programs; begin from SFT (--checkpoint)",
    VerdictKind.TIMEOUT: "raise sandbox.cpu_s, or ask for less",
    VerdictKind.MEMORY: "raise sandbox.memory_mb",
    VerdictKind.OUTPUT_LIMIT: "look at some of them (report): the programs print without end",
    VerdictKind.VIOLATION: "look at some of them (report): the programs try what the sandbox forbids",
    VerdictKind.INFRA: "the sandbox or verifier failed; see logs/raft.log and run halo-raft info --check",
}
"""Kinds of verdicts, but for right and wrong answers -> what to do where most samples are of that kind."""


def diagnoses(stats: CycleStats, before: CycleStats | None, config: RaftConfig) -> list[str]:
    """Return what is wrong with a cycle, most important first; nothing where it may have taught something.

    Args:
        stats: Of the cycle.
        before: Of the cycle before it, None for the first one.
        config: The run.
    """
    return list(_diagnoses(stats, before, config))


def nothing_kept(cycle: int, removed: Mapping[str, int], samples: int, config: RaftConfig) -> str:
    """Return why a cycle has nothing to train on, with the mend of what took most samples.

    Args:
        cycle: From 1.
        removed: Selection step -> samples that it removed.
        samples: How many there were.
        config: The run.
    """
    most = max(removed, key=lambda step: removed[step], default="")
    if removed.get("over_hinted_share"):
        mend = (
            "only samples that saw the reference passed: set selection.max_hinted_share=1 and run again, which draws "
            "no sample anew, or begin from SFT on the references"
        )
    elif most == "truncated":
        mend = f"raise sampling.max_new_tokens (now {config.sampling.max_new_tokens}) and begin anew with --fresh"
    elif most == "infra":
        mend = MENDS[VerdictKind.INFRA]
    else:
        mend = (
            "lower selection.reward_threshold or set selection.min_samples and run again, which draws no sample anew, "
            "or begin from SFT (--checkpoint)"
        )
    return f"cycle {cycle}: none of {samples} samples can be trained on ({spoken.counts(removed)}); {mend}"


def taught_nothing(history: Sequence[CycleStats]) -> bool:
    """Return whether no cycle of a run kept enough samples of its own to learn from."""
    return not any(s.kept - s.replayed >= LEAST_KEPT for s in history if s.cycle)


def _diagnoses(stats: CycleStats, before: CycleStats | None, config: RaftConfig) -> Iterator[str]:
    drawn = sum(stats.kinds.values())
    if stats.samples and not stats.passed:
        yield (
            f"none of {stats.samples} samples passed: give easier tasks, begin from SFT (--checkpoint), "
            "or raise sampling.samples_per_prompt"
        )
    no_programs = stats.kinds.get(VerdictKind.COMPILE, 0)
    if 0 < stats.pass_rate < LOW_PASS_RATE and MANY_NO_PROGRAMS * drawn < no_programs <= MOST_OF_A_KIND * drawn:
        yield (
            f"only {stats.passed} of {stats.samples} samples passed, and {no_programs} are no programs: lower "
            "sampling.temperature, look whether the prompts ask for complete code, or begin from SFT (--checkpoint)"
        )
    if stats.kept < LEAST_KEPT:
        lower = "lower selection.reward_threshold, or " if config.selection.reward_threshold > LADDER[-1] else ""
        yield f"{stats.kept} samples are too few to learn from: {lower}raise sampling.samples_per_prompt"
    elif stats.replayed == stats.kept:
        yield (
            f"all {stats.kept} samples that it trains on are of earlier cycles, it only repeats old winners: "
            "raise sampling.temperature, give more tasks, or end here"
        )
    if stats.truncated > MOST_TRUNCATED * drawn > 0:
        yield (
            f"{stats.truncated} of {drawn} answers were cut off: "
            f"raise sampling.max_new_tokens (now {config.sampling.max_new_tokens})"
        )
    for kind, mend in MENDS.items():
        if (count := stats.kinds.get(kind, 0)) > MOST_OF_A_KIND * drawn:
            yield f"{count} of {drawn} verdicts are {kind}: {mend}"
    if before is not None and _loss_rose(before, stats) and not _measured_better(before, stats):
        yield (
            f"the training loss rose from {before.loss_last:.3f} to {stats.loss_last:.3f} since the last cycle: "
            "lower training.learning_rate or training.lr_decay, or take fewer cycles"
        )


def _loss_rose(before: CycleStats, stats: CycleStats) -> bool:
    if before.loss_last is None or stats.loss_last is None:
        return False
    return stats.loss_last > LOSS_RISES_BY * before.loss_last


def _measured_better(before: CycleStats, stats: CycleStats) -> bool:
    """Return whether held-out tasks say that the cycle taught something, whatever its loss."""
    rates = by_cycle((before, stats))
    return len(rates) == 2 and rates[stats.cycle] > rates[before.cycle]
