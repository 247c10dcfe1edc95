"""The model card of a cycle's adapter."""

from __future__ import annotations

from collections.abc import Iterator

from halo_raft import evaluate, models
from halo_raft.pipelines.raft import heldout, spoken
from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.records import CycleStats
from halo_raft.report.tables import main_table
from halo_raft.store import RunFolder
from halo_raft.tracking.versions import versions
from halo_raft.train import ModelCard, render_card


def _aided(stats: CycleStats) -> Iterator[str]:
    """Yield what the model did not find by itself of what it was trained on."""
    if repaired := stats.repair.get("kept"):
        yield f"Of {stats.kept} samples that it was trained on, {repaired} are repairs of a failed answer."
    if hinted := stats.hint.get("kept"):
        copied = stats.hint.get("copied", 0)
        yield (
            f"{hinted} of {stats.kept} samples were drawn with the reference solution in view, and learnt without it; "
            f"{copied} of them are the reference itself, which is supervised fine-tuning on it."
        )


def write_card(plan: RaftPlan, folder: RunFolder, stats: CycleStats) -> None:
    """Write the card into the cycle's adapter folder, with the results of all cycles so far."""
    history = [s for n in range(stats.cycle) if (s := folder.stats(n)) is not None] + [stats]
    best = evaluate.best_cycle(heldout.by_cycle(s for s in history if s.cycle))
    gain = heldout.gain(folder, [s.cycle for s in history if s.cycle], best) if best else None
    data = {task_set.name: task_set.sha256 for task_set in plan.task_sets.values()}
    card = ModelCard(
        title=f"{folder.path.name}: cycle {stats.cycle}",
        base_model=models.resolve(plan.config.model.name),
        summary=" ".join(["A LoRA adapter made by reward-ranked fine-tuning (RAFT) with halo-raft.", *_aided(stats)]),
        cycle=stats.cycle,
        metrics=main_table(history),
        results_note=f"{spoken.gain_text(best, gain)}: {evaluate.chance_text(gain)}." if best and gain else "",
        data=data,
        config=plan.config.model_dump(mode="json"),
        created_with=versions(),
    )
    folder.write_text(f"{folder.adapter_path(stats.cycle).name}/README.md", render_card(card))
