"""What a RAFT run says: the guide's cycle blocks, the table at the end, and what to do next."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from halo_raft.evaluate import Difference, chance_text, difference_text, p_text, rate_text
from halo_raft.records import HINT, REPAIR, CycleStats, PassRate, VerdictKind
from halo_raft.select import Selection
from halo_raft.terminal.console import say, shown, table


def generating(prompts: int, samples: int, total: int | None = None) -> None:
    """Print that so many samples of each prompt are drawn, or up to so many, and `total` together."""
    if total is None or total == prompts * samples:
        say(f"Generating samples... {prompts} prompts × {samples} samples")
    else:
        say(f"Generating samples... {total} samples of {prompts} prompts, at most {samples} of one")


def verified(kinds: Mapping[str, int], passed: int, judged: int) -> None:
    """Print how many samples passed, and the kinds of the others."""
    share = passed / judged if judged else 0.0
    say(f"  Passed: {passed} ({share:.1%})")
    failed = {kind: n for kind, n in kinds.items() if n and kind not in (VerdictKind.PASSED, VerdictKind.INFRA)}
    detail = ", ".join(f"{kind} {n}" for kind, n in sorted(failed.items(), key=lambda item: -item[1]))
    say(f"  Failed: {judged - passed}" + (f" ({detail})" if detail else ""))
    if infra := kinds.get(VerdictKind.INFRA, 0):
        say(f"  Not judged: {infra} (the sandbox or verifier failed, see logs/raft.log; left out of everything)")


def further(name: str, prompts: int, samples: int, left_out: Mapping[str, int]) -> None:
    """Print that prompts without a winner are asked again, and why others are not."""
    what = {"repair": "Repair round", "hint": "With the reference in view"}[name]
    say(f"{what}... {prompts} prompts without a winner × {samples} samples")
    if without := counts(left_out):
        say(f"  Prompts left out: {without}")


def further_passed(drawn: Mapping[str, int]) -> None:
    """Print what came of it."""
    say(f"  Passed: {drawn['passed']} of {drawn['samples']}, of {drawn['solved']} prompts")


def selected(selection: Selection, share: float) -> None:
    """Print how many samples are kept, and what each step removed."""
    kept = f"  Kept: {len(selection.kept)} samples"
    at_random = "not_drawn" in selection.removed
    say(f"{kept} (at random)" if at_random else f"{kept} (top {share:.0%} above threshold {selection.threshold:g})")
    if selection.kept:
        say(f"  From {selection.prompts} prompts and cycle {', '.join(map(str, selection.cycles))}")
    aided = Counter(sample.round for sample in selection.kept if sample.round)
    if of_them := counts(
        {"repaired": aided[REPAIR], "hinted": aided[HINT], "copies_of_the_reference": len(selection.copied)}
    ):
        say(f"  Of them: {of_them}")
    now = {step: n - selection.earlier.get(step, 0) for step, n in selection.removed.items()}
    say(f"  Left out: {counts(now) or 'none'}")
    if before := counts(selection.earlier):
        say(f"  Left out of earlier cycles' samples: {before}")


def counts(steps: Mapping[str, int]) -> str:
    """Return `duplicate 3, over prompt cap 2`; nothing where no step removed any."""
    return ", ".join(f"{step.replace('_', ' ')} {n}" for step, n in steps.items() if n)


def trained(stats: CycleStats) -> None:
    """Print how the loss moved, and what of the kept samples was not trained on."""
    if stats.too_long:
        say(f"  Left out as too long: {stats.too_long} of {stats.kept} samples (training.max_seq_length)")
    if stats.base_samples:
        say(f"  With {stats.base_samples} answers of the first model, right or wrong (training.base_share)")
    if stats.adapter_scale != 1:
        say(f"  {stats.adapter_scale:g} of the adapter is kept (training.scales)")
    if stats.loss_first is not None and stats.loss_last is not None:
        held_back = "" if stats.loss_held_back is None else f", {stats.loss_held_back:.3f} on what was held back"
        steps = f"{stats.train_steps} steps, {stats.train_tokens_per_s:,.0f} tokens/s"
        say(f"  Loss: {stats.loss_first:.3f} → {stats.loss_last:.3f} ({steps}){held_back}")


def diagnosed(stats: CycleStats) -> None:
    """Print why a cycle taught little or nothing."""
    for line in stats.diagnosis:
        say(f"  WARNING: {line}")


def gain(best: int, difference: Difference) -> None:
    """Print how the best cycle compares with the base model."""
    say(gain_text(best, difference))
    say(f"  {chance_text(difference).capitalize()}")


def gain_text(best: int, difference: Difference) -> str:
    """Return how a cycle compares with the base model as one line."""
    return f"Cycle {best} against the base model: held-out pass@1 {difference_text(difference)}, {p_text(difference)}"


def next_steps(folder: Path, ui_command: str, heldout: str | None) -> None:
    """Print where the adapter is and what to do with it."""
    say()
    say(f"The best adapter is {shown(folder / 'best')} -> {(folder / 'best').readlink()}")
    if (page := folder / "report" / "report.html").is_file():
        say(f"The report is {shown(page)}")
    say("Next:")
    if ui_command:
        say(f"  {ui_command}")
    program = "halo-raft" if shutil.which("halo-raft") else f"{sys.executable} -m halo_raft.cli"
    prompts = heldout or "TASKS_NOT_TRAINED_ON.jsonl"
    say(f"  {program} benchmark run --model {shown(folder / 'best')} --prompts {prompts}")


def heldout_line(stats: CycleStats) -> str:
    """Return the held-out results of a cycle as one line."""
    return "Held-out: " + ", ".join(f"{name} {_rate(stats, name)}" for name in stats.heldout)


def summary(history: Sequence[CycleStats], best: int | None) -> None:
    """Print the table of all cycles; cycle 0 is the base model."""
    titles = ("Cycle", "Pass rate", "Kept", "Held-out pass@1 [95%]", "Greedy", "Loss", "Time")
    table(titles, [_row(stats, stats.cycle == best) for stats in history], left=("Cycle",))


def _row(stats: CycleStats, is_best: bool) -> tuple[str, ...]:
    base, losses = stats.cycle == 0, (stats.loss_first, stats.loss_last)
    return (
        ("base" if base else str(stats.cycle)) + (" (best)" if is_best else ""),
        "-" if base else f"{stats.pass_rate:.1%}",
        "-" if base else str(stats.kept),
        _rate(stats, "pass_at_1"),
        _rate(stats, "greedy"),
        "-" if None in losses else " → ".join(f"{loss:.3f}" for loss in losses),
        f"{sum(stats.seconds.values()):.0f} s",
    )


def _rate(stats: CycleStats, name: str) -> str:
    rate = stats.heldout.get(name)
    return rate_text(PassRate.from_dict(rate)) if rate else "-"
