"""Supervised fine-tuning: rows of questions and answers in, a LoRA adapter out.

Run as `python -m halo_raft.pipelines.sft --config configs/sft.yaml` or `halo-raft sft train`. RAFT goes on
from the result with `--checkpoint models/sft/final_model`.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from halo_raft import __version__, models, tracking
from halo_raft.cluster.connection import describe_devices, native_messages_to, ray_resources, refuse_quantized
from halo_raft.cluster.jobs import with_lasting_paths
from halo_raft.config import SftConfig, load, to_yaml
from halo_raft.config.flags import SFT_FLAGS, add_training_arguments, read_flags
from halo_raft.config.training import tied_settings
from halo_raft.errors import ConfigError, NoGpuError
from halo_raft.pipelines.checkpoint import on_checkpoint_base
from halo_raft.pipelines.sft.rows import SftData, load_data, source
from halo_raft.store import HeldFolder, check_writable, checked, has_weights, remove
from halo_raft.terminal import console
from halo_raft.terminal.exits import parse, run_main
from halo_raft.terminal.logs import log_to
from halo_raft.terminal.parser import Parser
from halo_raft.terminal.progress import steps_shown
from halo_raft.train import FinetuneJob, FinetuneResult, ModelCard, finetune, loss_ends, read_training, render_card
from halo_raft.train.encode import write_examples

FINAL = "final_model"
EXAMPLES = "train_examples.jsonl"
STATISTICS = "sft_statistics.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `sft train` to a parser."""
    add_training_arguments(parser, SFT_FLAGS, SftConfig)


def run(arguments: argparse.Namespace) -> int:
    """Run the command with parsed arguments; return the exit code."""
    settings = load(SftConfig, arguments.config, arguments.overrides, given_flags(arguments))
    config = on_checkpoint_base(with_lasting_paths(settings))
    if arguments.dry_run:
        return dry_run(config, fresh=arguments.fresh)
    train(config, fresh=arguments.fresh)
    return 0


def given_flags(arguments: argparse.Namespace) -> dict[str, tuple[str, Any]]:
    """Return the flags that were given; one that names a source takes the place of the file's other one."""
    flags = read_flags(arguments, SFT_FLAGS)
    for given, other in (("data.dataset", "data.train_file"), ("data.train_file", "data.dataset")):
        if given in flags and other not in flags:
            flags[other] = (flags[given][0], None)
    return flags


def dry_run(config: SftConfig, *, fresh: bool = False) -> int:
    """Print what a run would do; start and download nothing."""
    plan = [("model", f"{config.model.name} ({models.check(config.model.name)})")]
    folder = HeldFolder(config.training.output_dir)
    check_writable(folder.path, "training.output_dir")
    folder.check_ours()
    if config.data.train_file:
        data = load_data(config.data)
        if not fresh:
            fingerprint = _fingerprint(config, data)
            folder.check_begun(fingerprint, may_change=_may_change(folder, fingerprint))
        plan += [("data", f"{data.name}: {data.rows} rows, {len(data.turns)} answers to learn")]
    else:
        plan += [("data", f"{source(config.data)} (downloaded at the first run)")]
    plan += [
        ("devices", describe_devices(config.resources)),
        ("output", str((config.training.output_dir / FINAL).absolute())),
    ]
    console.say("# Resolved configuration")
    console.say(to_yaml(config))
    console.say("# Plan")
    console.pairs(plan)
    return 0


def train(config: SftConfig, *, fresh: bool = False) -> dict[str, Any]:
    """Train, unless that is done already, and return what `sft_statistics.json` says.

    Raises:
        HaloRaftError: Something a user can mend.
    """
    models.check_reachable(config.model.name, config.model.checkpoint)
    describe_devices(config.resources)
    refuse_quantized(config.training.quantize, config.resources)
    check_writable(config.training.output_dir, "training.output_dir")
    data = load_data(config.data)
    folder = HeldFolder(config.training.output_dir)
    try:
        fingerprint = _fingerprint(config, data)
        known = folder.open(fingerprint, fresh=fresh, may_change=_may_change(folder, fingerprint))
        with log_to(folder.path / "logs"):
            if has_weights(folder.path / FINAL) and (statistics := folder.read_as(STATISTICS, _finished)):
                console.say("SFT already complete, skipping...")
                return statistics
            return _train(config, data, folder, known)
    finally:
        folder.close()


def _may_change(folder: HeldFolder, fingerprint: dict[str, Any]) -> tuple[str, ...]:
    """Return the keys of the fingerprint that nothing in the folder depends on: all of them until it is trained."""
    return () if has_weights(folder.path / FINAL) else tuple(fingerprint)


def _finished(row: dict[str, Any]) -> dict[str, Any]:
    """Check what `sft_statistics.json` says.

    Raises:
        TypeError, KeyError: It says something else.
    """
    facts: dict[str, Any] = checked(FinetuneResult, row)
    return facts | {"steps": facts["steps"]}


@dataclass(frozen=True, slots=True)
class _Workers:
    """Who trains: how many, and with how many GPUs each."""

    count: int
    gpus: float


def _train(config: SftConfig, data: SftData, folder: HeldFolder, known: dict[str, Any]) -> dict[str, Any]:
    console.heading("SUPERVISED FINE-TUNING")
    folder.write_text("config.yaml", to_yaml(config))
    base = models.resolve(config.model.name)
    console.say(f"Reading rows... {data.rows} rows, {len(data.turns)} answers to learn")
    encoded = write_examples(
        data.turns,
        models.load_tokenizer(config.model.name, trust_remote_code=config.model.trust_remote_code),
        folder.path / EXAMPLES,
        max_length=config.data.max_seq_length,
        skip_too_long=config.data.skip_too_long,
        system_prompt=config.data.system_prompt,
    )
    if encoded.skipped_too_long:
        console.say(f"  Left out as too long: {encoded.skipped_too_long}")
    if config.tracking.mlflow:
        console.say("Opening MLflow...")
    tracker = tracking.create(config.tracking, folder.path)
    run_id = tracker.start(
        run_name=config.tracking.run_name or folder.path.name,
        params=config.model_dump(mode="json"),
        tags={"halo_raft.version": __version__, "halo_raft.run_folder": str(folder.path), "halo_raft.arm": "sft"},
        run_id=known.get("tracking_run_id"),
    )
    folder.write_json("run.json", known | {"tracking_run_id": run_id, "halo_raft_version": __version__, "ended": None})
    try:
        tracker.log_dataset(data.name, data.name, data.sha256, "training")
        statistics = _finetuned(config, base, data, folder)
        _track(tracker, folder, statistics)
    except BaseException as error:
        how = tracking.status_after(error)
        with contextlib.suppress(OSError):
            folder.note_end(how, str(error))
        tracker.finish(how)
        raise
    tracker.finish()
    folder.write_json(STATISTICS, statistics)  # last: where it is, nothing is left to do
    _say_what_is_there(config, folder, statistics)
    return statistics


def _finetuned(config: SftConfig, base: str, data: SftData, folder: HeldFolder) -> dict[str, Any]:
    """Train in Ray, unless the adapter is there, write its card and return its statistics."""
    final = folder.path / FINAL
    if not has_weights(final):
        if final.exists():
            console.say(f"{console.shown(final)} has no weights, or damaged ones: it is trained again")
            remove(final)
        with (
            native_messages_to(folder.path / "logs" / "ray.log"),
            ray_resources(config.resources) as resources,
        ):
            console.say("Training...")
            with steps_shown() as report:
                finetune(_job(config, base, folder, _workers(config, resources)), report)
    facts = read_training(final)
    first, last = loss_ends(facts["loss_curve"])
    statistics = {"data": data.name, "rows": data.rows, "loss_first": first, "loss_last": last, **facts}
    card = ModelCard(
        title=f"{folder.path.name}: supervised fine-tuning",
        base_model=base,
        summary="A LoRA adapter made by supervised fine-tuning with halo-raft.",
        metrics=[{key: statistics[key] for key in ("loss_first", "loss_last", "held_back_loss", "steps", "examples")}],
        data={data.name: data.sha256},
        config=config.model_dump(mode="json"),
    )
    folder.write_text(f"{FINAL}/README.md", render_card(card))
    return statistics


def _job(config: SftConfig, base: str, folder: HeldFolder, workers: _Workers) -> FinetuneJob:
    watched = {"held_back": config.data.validation_split, "max_seq_length": config.data.max_seq_length}
    return FinetuneJob(
        base_model=base,
        model=models.absolute(config.model.name),
        example_files=(folder.path / EXAMPLES,),
        output_dir=folder.path / FINAL,
        storage_dir=folder.ray_files,
        lora=config.lora,
        training=config.training.model_copy(update=watched),
        learning_rate=config.training.learning_rate,
        init_adapter=config.model.checkpoint,
        seed=config.seed,
        trust_remote_code=config.model.trust_remote_code,
        workers=workers.count,
        gpus_per_worker=workers.gpus,
        sharding=config.resources.trainer.strategy,
        run_name="sft",
    )


def _workers(config: SftConfig, resources: dict[str, float]) -> _Workers:
    """Give each worker a GPU, or where there is none a CPU.

    Raises:
        ConfigError: There are fewer than workers; Ray would wait for ever.
        NoGpuError: A GPU is required and there is none.
    """
    wanted, gpus = config.resources.trainer.num_workers, resources.get("GPU", 0)
    if config.resources.require_gpu and gpus < 1:
        raise NoGpuError("resources.require_gpu: the Ray cluster has no GPU; set it to false to run on the CPU")
    room = gpus if gpus >= 1 else resources.get("CPU", 0)
    if wanted > room:
        raise ConfigError(f"resources.trainer.num_workers: {wanted} do not fit on the {room:g} devices there are")
    return _Workers(wanted, 1 if gpus >= 1 else 0)


def _track(tracker: tracking.Tracker, folder: HeldFolder, statistics: dict[str, Any]) -> None:
    for step, loss, learning_rate in statistics["loss_curve"]:
        tracker.log_metrics({"loss": loss, "learning_rate": learning_rate}, step)
    for step, loss, _ in statistics["held_back_curve"]:
        tracker.log_metrics({"validation_loss": loss}, step)
    tracker.log_metrics({"train/tokens_per_s": statistics["tokens_per_s"]}, 0)  # one number: drawn as a bar
    tracker.log_artifacts(folder.path / FINAL, FINAL)


def _say_what_is_there(config: SftConfig, folder: HeldFolder, statistics: dict[str, Any]) -> None:
    validation = statistics["held_back_loss"]
    watched = "" if validation is None else f", {validation:.3f} on the validation rows"
    steps = f"{statistics['steps']} steps, {statistics['tokens_per_s']:,.0f} tokens/s"
    console.say(f"  Loss: {statistics['loss_first']:.3f} → {statistics['loss_last']:.3f} ({steps}){watched}")
    final = console.shown(folder.path / FINAL)
    console.say(f"Saving model to {final}/")
    console.say()
    console.say("Next:")
    if command := tracking.ui_command(config.tracking):
        console.say(f"  {command}")
    console.say(f"  halo-raft raft train --checkpoint {final} --prompts starter")


def _fingerprint(config: SftConfig, data: SftData) -> dict[str, Any]:
    """Return what the output folder is tied to."""
    checkpoint = config.model.checkpoint
    asked = {"prompt_formats"} if config.data.prompt_formats == ("text",) else set()  # as earlier versions asked
    training = {name: value for name, value in tied_settings(config.training).items() if name != "output_dir"}
    return {
        "model": models.fingerprint(config.model.name),
        "checkpoint": models.fingerprint(str(checkpoint)) if checkpoint else None,
        "data": data.sha256,
        "data settings": config.data.model_dump(mode="json", exclude={"train_file", "dataset", "limit", *asked}),
        "lora settings": tied_settings(config.lora),
        "training settings": training,
        "seed": config.seed,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `python -m halo_raft.pipelines.sft`."""
    parser = Parser(prog="python -m halo_raft.pipelines.sft", description=__doc__.splitlines()[0])
    add_arguments(parser)
    return run_main(run, parse(parser, argv))
