"""The result of `halo-raft verify` in numbers, as a table and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from halo_raft import evaluate
from halo_raft.records import PassRate, Record, Verdict, VerdictKind
from halo_raft.terminal import console

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Record):
    """What came out.

    Attributes:
        samples: All samples; `infra` of them could not be judged and are in no rate.
        pass_rate: Share of the judged samples that passed.
        tasks: Tasks with a judged sample; `tasks_solved` of them have one that passed.
        pass_at_1: Mean over tasks of the share that passed, with its 95% interval; null where nothing was judged.
        tiers, integrity: Judged samples by sandbox tier, and by where the judge stood.
        judged_now: Samples that this run judged. With `known` and `on_disk` it makes all `samples`.
        known: Samples that this run gave the verdict of an identical program.
        on_disk: Samples that an earlier start of the same command had brought to a verdict.
        seconds: Wall time of judging, the start of Ray left out.
        broken_tasks: Tasks that failed validation, with the reason; None when nobody asked.
    """

    schema_version: int = SCHEMA_VERSION
    output: str
    verifier: str
    verifier_version: str
    samples: int
    passed: int
    infra: int
    pass_rate: float
    tasks: int
    tasks_solved: int
    pass_at_1: dict[str, float | None] | None
    kinds: dict[str, int]
    tiers: dict[str, int]
    integrity: dict[str, int]
    judged_now: int
    known: int
    on_disk: int
    seconds: float
    samples_per_s: float
    broken_tasks: dict[str, str] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Pace:
    """How many samples this run judged, how many it knew by identical programs, and in what time (s)."""

    judged: int
    known: int
    seconds: float


def summarise(
    verdicts: Sequence[Verdict], output: str, pace: Pace, broken_tasks: dict[str, str] | None = None
) -> Summary:
    """Count verdicts; there is at least one."""
    judged = [v for v in verdicts if v.kind is not VerdictKind.INFRA]
    passed = sum(v.success for v in judged)
    outcomes = evaluate.tally(verdicts)
    rate: PassRate | None = evaluate.pass_at_k_rate(outcomes, 1) if outcomes.tasks else None
    return Summary(
        output=output,
        verifier=", ".join(dict.fromkeys(v.verifier for v in verdicts)),
        verifier_version=", ".join(dict.fromkeys(v.verifier_version for v in verdicts)),
        samples=len(verdicts),
        passed=passed,
        infra=len(verdicts) - len(judged),
        pass_rate=passed / len(judged) if judged else 0.0,
        tasks=len(outcomes.tasks),
        tasks_solved=sum(task.passed > 0 for task in outcomes.tasks),
        pass_at_1={name: _number(getattr(rate, name)) for name in ("mean", "low", "high")} if rate else None,
        kinds=_counts(str(v.kind) for v in verdicts),
        tiers=_counts(v.tier for v in judged),
        integrity=_counts(v.integrity for v in judged),
        judged_now=pace.judged,
        known=pace.known,
        on_disk=len(verdicts) - pace.judged - pace.known,
        seconds=round(pace.seconds, 3),
        samples_per_s=round(pace.judged / pace.seconds, 2) if pace.seconds else 0.0,
        broken_tasks=broken_tasks,
    )


def _number(value: float) -> float | None:
    """Return what JSON has a number for."""
    return None if math.isnan(value) else value


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def show(summary: Summary) -> None:
    """Print a summary as tables."""
    rows = [(kind, str(count), f"{count / summary.samples:.1%}") for kind, count in summary.kinds.items()]
    console.table(("Verdict", "Samples", "Share"), rows, left=("Verdict",))
    console.pairs(_facts(summary))


def _facts(summary: Summary) -> Iterable[tuple[str, str]]:
    judged = summary.samples - summary.infra
    yield "passed", f"{summary.passed} of {judged} samples ({summary.pass_rate:.1%})"
    if rate := summary.pass_at_1:
        mean, low, high = rate["mean"] or 0.0, rate["low"], rate["high"]
        shown = f"{mean:.1%}" if low is None or high is None else f"{mean:.1%} [{low * 100:.1f}, {high * 100:.1f}]"
        yield "by task", f"pass@1 {shown}; {summary.tasks_solved} of {summary.tasks} tasks solved"
    if summary.infra:
        yield "not judged", f"{summary.infra} (our failure, in no rate; the log says why)"
    if summary.known:
        yield "known", f"{summary.known} are copies of an identical program's verdict"
    if summary.on_disk:
        yield "on disk", f"{summary.on_disk} had a verdict from an earlier start"
    if summary.judged_now:
        speed = f"{summary.samples_per_s:.1f} samples/s" if summary.seconds else ""
        yield "speed", f"{speed} ({summary.judged_now} in {summary.seconds:.1f} s)"
    yield "verifier", f"{summary.verifier} (version {summary.verifier_version})"
    yield "sandbox", f"tier {', '.join(summary.tiers) or 'none'}; judged {', '.join(summary.integrity) or 'nothing'}"
    yield "written", summary.output
