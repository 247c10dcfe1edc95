"""What a cycle does, kept in the run folder: decided when the cycle begins, the same after a resume.

Settings of single cycles are not in the run's fingerprint, so that cycles may be added; a cycle that
has begun is tied to those that its samples depend on, and to all of them once its adapter is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from halo_raft.config import RaftConfig
from halo_raft.config.sampling import SamplingConfig
from halo_raft.curriculum import CyclePlan, PastCycle, plan_cycle, settings_of
from halo_raft.errors import DataError
from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.records import Verdict, VerdictKind
from halo_raft.store import RunFolder, record_of

DECIDED_LATER = ("task_ids", "samples", "partial_credit", "learning_rate")
"""Fields that follow from earlier cycles, or from settings that the fingerprint holds."""

NOT_OF_SAMPLES = ("reward_threshold", "keep_top_percent", "learning_rate")
"""Fields that samples do not depend on: they may change until the cycle's adapter is there."""


def begin_cycle(plan: RaftPlan, folder: RunFolder, cycle: int) -> CyclePlan:
    """Return what a cycle (from 1) does, and write it down if it begins now.

    Raises:
        DataError: It began under other settings.
    """
    if (begun := _begun(plan, folder, cycle)) is not None:
        if begun.to_dict() != folder.read_as(_file(cycle), dict):
            folder.write_json(_file(cycle), begun.to_dict())
        return begun
    past = [PastCycle.of(_first_round_of(plan, folder, n)) for n in _looked_at(plan.config, cycle)]
    begins = plan_cycle(plan.config, cycle, plan.policies[cycle - 1].verifier, plan.training.tasks.tasks, past)
    folder.write_json(_file(cycle), begins.to_dict())
    return begins


def check_begun_cycles(plan: RaftPlan, folder: RunFolder) -> None:
    """Check that no cycle that has begun would go on under other settings.

    Raises:
        DataError: One would; names the setting.
    """
    for cycle in range(1, plan.config.num_cycles + 1):
        _begun(plan, folder, cycle)


def begun_as(folder: RunFolder, cycle: int) -> CyclePlan | None:
    """Return what a cycle was to do when it began, None if it did not begin."""
    return folder.read_as(_file(cycle), record_of(CyclePlan))


def first_samples(plan: CyclePlan, sampling: SamplingConfig) -> int:
    """Return the most samples that a cycle draws of a prompt in its first round."""
    return max(plan.samples.values()) if plan.samples else sampling.samples_per_prompt


def first_round(folder: RunFolder, cycle: int, per_prompt: int) -> Iterator[Verdict]:
    """Yield the verdicts of the samples that every prompt gets; a further round's would bend the pass rate."""
    more = {s.sample_id for s in folder.stored(cycle) if s.index >= per_prompt}
    return (v for v in folder.each_verdict(cycle) if v.sample_id not in more)


def counted(verdicts: Iterable[Verdict]) -> tuple[Counter[str], Counter[str], int]:
    """Count verdicts by kind, and those that are no failure of ours by where the judge stood; how many passed."""
    kinds, integrity, passed = Counter[str](), Counter[str](), 0
    for verdict in verdicts:
        kinds[str(verdict.kind)] += 1
        if verdict.kind is not VerdictKind.INFRA:
            integrity[verdict.integrity] += 1
            passed += verdict.success
    return kinds, integrity, passed


def _first_round_of(plan: RaftPlan, folder: RunFolder, cycle: int) -> Iterator[Verdict]:
    begun, sampling = begun_as(folder, cycle), plan.config.sampling
    return first_round(folder, cycle, first_samples(begun, sampling) if begun else sampling.samples_per_prompt)


def _looked_at(config: RaftConfig, cycle: int) -> range:
    """Return the cycles before this one whose verdicts decide anything about it."""
    curriculum = config.curriculum
    strategies = ("complexity", "adaptive", "historical", "almost")
    all_of_them = curriculum.strategy in strategies or config.sampling.allot == "posterior"
    last = curriculum.reward_shaping == "adaptive"
    return range(1 if all_of_them else cycle - 1 if last and cycle > 1 else cycle, cycle)


def _begun(plan: RaftPlan, folder: RunFolder, cycle: int) -> CyclePlan | None:
    begun = begun_as(folder, cycle)
    if begun is None:
        return None
    row = begun.to_dict()
    now = settings_of(plan.config, cycle, plan.policies[cycle - 1].verifier).to_dict()
    if not folder.is_trained(cycle):
        row |= {name: now[name] for name in NOT_OF_SAMPLES}
    for name, value in now.items():
        if name not in DECIDED_LATER and row.get(name) != value:
            raise DataError(
                f"output_dir: {folder.path} has begun cycle {cycle} with another {name} "
                f"({row.get(name)}, now {value}); "
                "set it back, use --fresh to discard the run, or another --output"
            )
    return CyclePlan.from_dict(row)


def _file(cycle: int) -> str:
    return f"cycle_{cycle}_plan.json"
