"""One worker's training: model, LoRA, the Hugging Face `Trainer`, and the saved adapter.

Runs in a Ray Train worker, or in any process as the only worker. It imports torch, transformers and
peft at its top, so `finetune` imports it in the worker alone.

Precision. With bfloat16, frozen base weights are held in bfloat16 (as they are served), adapter
weights and the optimizer in float32, and matrices are multiplied under autocast: exact updates at
the speed of pure bfloat16.
"""

from __future__ import annotations

import contextlib
import json
import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from accelerate.utils import extract_model_from_parallel
from peft.helpers import disable_input_dtype_casting

from halo_raft.config.training import TrainingConfig
from halo_raft.precision import bfloat16_is_fast
from halo_raft.train.checkpoints import Checkpoints
from halo_raft.train.dataset import Dataset, load_dataset
from halo_raft.train.examples import TrainExample
from halo_raft.train.fitting import Fitting, fit
from halo_raft.train.job import TRAINING_FILE, FinetuneJob
from halo_raft.train.loading import load_model
from halo_raft.train.overfitting import HeldBackLoss
from halo_raft.train.saving import atomic_folder
from halo_raft.train.scaling import scale_adapter
from halo_raft.train.schedule import BatchShape, Schedule, schedule
from halo_raft.train.stalls import ended_where_it_stands_still
from halo_raft.train.trainer import Collator, Progress, TokenExactTrainer, summed_loss

log = logging.getLogger(__name__)

LOGGED_POINTS = 100
"""Length of the loss curve that logging aims at; a short training logs every step."""


def train(
    job: FinetuneJob,
    *,
    report: Callable[[str], None] = log.info,
    is_chief: bool = True,
    kept: Callable[[Path], None] = lambda folder: None,
) -> dict[str, Any]:
    """Train one adapter and, on the chief worker, save it.

    Args:
        job: What to train; the same on every worker.
        report: Gets a progress line every few seconds.
        is_chief: Whether this is the worker of rank 0, which saves and reports.
        kept: Called with the folder of checkpoints whenever one was written.

    Returns:
        The measured fields of `FinetuneResult`.

    Raises:
        DataError: No example can be trained on.
    """
    transformers.set_seed(job.seed)
    bf16 = bfloat16_is_fast() if job.training.bf16 is None else job.training.bf16
    report = report if is_chief else log.debug
    report(f"Loading {Path(job.base_model).name}...")
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        job.model or job.base_model, trust_remote_code=job.trust_remote_code
    )
    model = load_model(job, torch.bfloat16 if bf16 else torch.float32)
    settings = job.training
    data = load_dataset(job, _eos_token_ids(model, tokenizer))
    if settings.held_back and not data.held_back:
        report("  Nothing is held back: all examples answer one prompt")
    plan = schedule(len(data.examples), settings, job.workers)
    checkpoints = _checkpoints(job, plan, report, kept)
    progress, collator = Progress(report), Collator(_pad_token_id(tokenizer))
    watch = _watch(data.held_back, settings, collator.pad_token_id, bf16, report) if data.held_back else None
    scratch = contextlib.nullcontext(str(checkpoints.folder)) if checkpoints else tempfile.TemporaryDirectory()
    with (
        scratch as folder,
        checkpoints or contextlib.nullcontext(),
        disable_input_dtype_casting(model, active=bf16),  # autocast casts, once, where PEFT would cast back
        ended_where_it_stands_still(model, job.gpus_per_worker > 0, report),
    ):
        parts = Fitting(
            model=model,
            examples=data.examples,
            arguments=lambda shape: _arguments(job, plan, shape, folder),
            collator=collator,
            bf16=bf16,
            plus_ratio=job.lora.plus_ratio,
            progress=progress,
            checkpoints=checkpoints,
            watch=watch,
            report=report,
            workers=job.workers,
        )
        size = settings.per_device_train_batch_size
        trainer = fit(parts, BatchShape(size, size, plan.accumulation))
        if watch is not None:
            watch.restore_best(trainer.model)
        scaled = scale_adapter(trainer.model, settings.scales, watch, report) if settings.scales else ()
    measured = _measured(trainer, progress, data, watch, bf16)
    if scaled:
        measured |= {"scales": scaled, "held_back_loss": scaled[0].loss}
    weights = _whole_weights(trainer) if job.sharding == "fsdp" else None
    if is_chief:
        save_adapter(model, tokenizer, job, measured, weights)
        if checkpoints is not None:
            checkpoints.clear()
    return measured


def _checkpoints(
    job: FinetuneJob, plan: Schedule, report: Callable[[str], None], kept: Callable[[Path], None]
) -> Checkpoints | None:
    """Return what keeps checkpoints, None where they cannot be kept."""
    if job.sharding == "fsdp" and job.workers > 1:
        report("  Workers that share the model keep no checkpoints inside a training")
        return None
    return Checkpoints(job, plan.steps_per_epoch, kept)


def save_adapter(
    model: peft.PeftModel,
    tokenizer: Any,
    job: FinetuneJob,
    measured: dict[str, Any],
    weights: dict[str, torch.Tensor] | None = None,
) -> None:
    """Save adapter, tokenizer, chat template and `TRAINING_FILE` to `job.output_dir`, all or nothing.

    Args:
        model: The trained model.
        tokenizer: The base's.
        job: Where to.
        measured: What `TRAINING_FILE` says.
        weights: The model's state where its workers share it; its own when not given.
    """
    for config in model.peft_config.values():
        config.base_model_name_or_path = job.base_model
    with atomic_folder(job.output_dir) as folder:
        # the vocabulary is the base's own, and asking whether it grew would ask the hub
        model.save_pretrained(folder, state_dict=weights, save_embedding_layers=False)
        tokenizer.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # PEFT's card has blanks where ours has figures
        (folder / TRAINING_FILE).write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


def _watch(
    held_back: Sequence[TrainExample],
    settings: TrainingConfig,
    pad_token_id: int,
    bf16: bool,
    report: Callable[[str], None],
) -> HeldBackLoss:
    """Have the loss on held-back examples watched."""

    def loss_of(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.autocast(batch["labels"].device.type, torch.bfloat16, enabled=bf16):
            return summed_loss(extract_model_from_parallel(model), batch)

    return HeldBackLoss(
        held_back,
        batch_size=settings.per_device_train_batch_size,
        pad_token_id=pad_token_id,
        patience=settings.early_stopping_patience,
        loss_of=loss_of,
        report=report,
    )


def _whole_weights(trainer: TokenExactTrainer) -> dict[str, torch.Tensor]:
    """Gather the model's state from the workers that share it; every worker has to call this."""
    return trainer.accelerator.get_state_dict(trainer.model_wrapped)


def _arguments(job: FinetuneJob, plan: Schedule, shape: BatchShape, folder: str) -> transformers.TrainingArguments:
    settings = job.training
    return transformers.TrainingArguments(
        output_dir=folder,
        num_train_epochs=plan.epochs,
        per_device_train_batch_size=shape.micro,
        gradient_accumulation_steps=shape.accumulation,
        learning_rate=job.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=min(settings.warmup_steps, plan.steps // 2),  # a short training must reach its rate
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        **_sharding(job),
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        dataloader_num_workers=settings.dataloader_num_workers,
        dataloader_pin_memory=settings.dataloader_pin_memory,
        # accelerate joins Ray's process group on CPU only when told, and then even a group of one
        use_cpu=job.workers > 1 and not job.gpus_per_worker,
        ddp_find_unused_parameters=False,
        remove_unused_columns=False,
        label_names=["labels"],
        seed=job.seed,
        logging_steps=max(1, plan.steps // LOGGED_POINTS),
        logging_first_step=True,
        logging_nan_inf_filter=False,
        include_num_input_tokens_seen="non_padding",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def _sharding(job: FinetuneJob) -> dict[str, Any]:
    """Return the arguments that share the model among the workers, layer by layer."""
    if job.sharding == "ddp" or job.workers == 1:
        return {}
    return {"fsdp": True, "fsdp_config": {"version": 2, "auto_wrap_policy": "TRANSFORMER_BASED_WRAP"}}


def _eos_token_ids(model: peft.PeftModel, tokenizer: Any) -> list[int]:
    """Return the ids that end a completion, the tokenizer's own first."""
    listed = model.generation_config.eos_token_id if model.generation_config is not None else None
    ids = [tokenizer.eos_token_id, *(listed if isinstance(listed, list) else [listed])]
    return list(dict.fromkeys(i for i in ids if i is not None))


def _pad_token_id(tokenizer: Any) -> int:
    """Return any valid id: padding has mask 0 and no label, so it changes nothing."""
    return tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0


def _measured(
    trainer: TokenExactTrainer, progress: Progress, data: Dataset, watch: HeldBackLoss | None, bf16: bool
) -> dict[str, Any]:
    tokens = int(trainer.state.num_input_tokens_seen)
    return {
        "loss_curve": tuple(progress.curve),
        "steps": trainer.state.global_step,
        "epochs": float(trainer.state.epoch),
        "examples": len(trainer.train_dataset),
        "mixed_in": data.mixed_in,
        "held_back": len(data.held_back),
        "held_back_curve": tuple(watch.curve) if watch else (),
        "held_back_loss": watch.best.loss if watch else None,
        "scales": (),
        "skipped_too_long": data.skipped_too_long,
        "completion_tokens": sum(len(e.completion_token_ids) for e in trainer.train_dataset),
        "trained_tokens": tokens,
        "precision": "bfloat16" if bf16 else "float32",
        "loop_seconds": progress.seconds,
        "tokens_per_s": tokens / progress.seconds,
    }
