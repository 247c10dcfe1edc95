"""The training stage of a cycle: kept samples in, the cycle's adapter on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from halo_raft import models
from halo_raft.pipelines.raft.cycle_plan import begin_cycle
from halo_raft.pipelines.raft.plan import RaftPlan
from halo_raft.records import CycleStats, stable_hash
from halo_raft.store import RunFolder, write_atomically
from halo_raft.train import FinetuneJob, loss_ends


def finetune_job(plan: RaftPlan, folder: RunFolder, cycle: int, *, gpus: float) -> FinetuneJob:
    """Return the fine-tuning of a cycle."""
    config = plan.config
    previous = folder.adapter_path(cycle - 1) if cycle > 1 and config.training.init_from == "previous" else None
    start = previous or config.model.checkpoint
    return FinetuneJob(
        base_model=models.resolve(config.model.name),
        model=models.absolute(config.model.name),
        example_files=(folder.kept_path(cycle),),
        mixed_in=write_base(plan, folder, cycle),
        output_dir=folder.adapter_path(cycle),
        storage_dir=folder.ray_files,
        lora=config.lora,
        training=config.training,
        learning_rate=begin_cycle(plan, folder, cycle).learning_rate,
        init_adapter=start.absolute() if start else None,
        seed=config.seed + cycle,
        held_back_seed=config.seed,
        trust_remote_code=config.model.trust_remote_code,
        workers=config.resources.trainer.num_workers,
        gpus_per_worker=gpus,
        sharding=config.resources.trainer.strategy,
        run_name=f"{plan.fingerprint.short}-cycle-{cycle}",
    )


def write_base(plan: RaftPlan, folder: RunFolder, cycle: int) -> tuple[Path, ...]:
    """Write the answers of the run's first model that a cycle trains on beside what it kept, and return the file.

    Drawn at random among those of cycle 1's first round that are whole, passed or not, but for the kept ones: the
    same ones after a resume. None where `training.base_share` asks for none, or all that was drawn was kept.
    """
    config = plan.config
    if not config.training.base_share:
        return ()
    rows = [sample.sample_id for sample in folder.each_kept(cycle)]  # a repair may be two
    kept = set(rows)
    count = round(len(rows) * config.training.base_share / (1 - config.training.base_share))
    drawn = [
        sample
        for sample in folder.stored(1)
        if sample.index < config.sampling.samples_per_prompt and not sample.truncated and sample.sample_id not in kept
    ]
    drawn.sort(key=lambda sample: stable_hash(config.seed, cycle, sample.sample_id))
    if not drawn or not count:
        return ()
    write_atomically(folder.base_path(cycle), (sample.line() for sample in drawn[:count]))
    return (folder.base_path(cycle),)


def with_training(stats: CycleStats, facts: dict[str, Any]) -> CycleStats:
    """Return the statistics with what the training did."""
    first, last = loss_ends(facts["loss_curve"])
    return replace(
        stats,
        loss_first=first,
        loss_last=last,
        trained=facts["examples"],
        base_samples=facts["mixed_in"],
        adapter_scale=facts["scales"][0].scale if facts["scales"] else 1.0,
        too_long=facts["skipped_too_long"],
        held_back=facts["held_back"],
        train_steps=facts["steps"],
        train_tokens=facts["trained_tokens"],
        train_tokens_per_s=facts["tokens_per_s"],
        loss_held_back=facts.get("held_back_loss"),
        seconds={"train": facts["loop_seconds"], **stats.seconds},
    )
