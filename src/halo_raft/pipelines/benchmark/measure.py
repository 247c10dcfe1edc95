"""Draw and judge samples of one model on every task, and write the result. Resumable at any sample."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from halo_raft import sandbox
from halo_raft.cluster.session import describe_devices
from halo_raft.config import RaftConfig
from halo_raft.engines import Adapter
from halo_raft.errors import DataError
from halo_raft.models import check_reachable
from halo_raft.pipelines.benchmark.result import BenchmarkResult, Files, measured, with_timing
from halo_raft.pipelines.raft.plan import Plan, prepare, tasks_by_id, verifier_options
from halo_raft.pipelines.versions import versions
from halo_raft.records import Sample, Sampling, Verdict
from halo_raft.sampling.flow import Judge, Stage
from halo_raft.sampling.session import Session, draft_samples
from halo_raft.store import read_records
from halo_raft.terminal import console


def benchmark(config: RaftConfig, ks: tuple[int, ...], files: Files) -> BenchmarkResult:
    """Draw and judge samples of every task, write the result, and return it.

    Args:
        config: Model, tasks, sampling and verifier, in RAFT's own settings; the tasks are those "to train on".
        ks: The k of pass@k; one above the number of samples gives NaN and a line that says so.
        files: Where to write; samples that are there already are not drawn again.

    Raises:
        HaloRaftError: Something a user can mend.
    """
    plan = look_over(config, files)
    stage = _stage(plan, files)
    _refuse_strangers(stage, files)
    try:
        files.result.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"--output: {files.result.parent} cannot be written ({error.strerror})") from None
    console.say(f"Generating samples... {len(plan.train.tasks)} prompts × {config.sampling.samples_per_prompt} samples")
    before = sum(1 for _ in read_records(files.verdicts, Verdict))
    with Session(plan, files.result.parent / "logs") as session:
        time = session.run(stage)
    timing = {
        "tokens_per_s": time.tokens_per_s,
        "wall_s": time.seconds,
        "timed_samples": len(stage.drafts) - before,
    }
    facts: dict[str, Any] = {**measured(files, ks), **with_timing(timing, files.result)}
    result = BenchmarkResult(
        model=config.model.name,
        adapter=str(config.model.checkpoint) if config.model.checkpoint else None,
        prompts=plan.train.name,
        prompts_sha256=plan.train.sha256,
        verifier=plan.verifiers[0],
        samples_per_prompt=config.sampling.samples_per_prompt,
        sampling=asdict(_sampling(config)),
        seed=config.seed,
        versions=versions(),
        device=describe_devices(config.resources),
        sandbox_tier=sandbox.probe().name,
        **facts,
    )
    result.save(files.result)
    return result


def look_over(config: RaftConfig, files: Files) -> Plan:
    """Check everything that a benchmark depends on, before anything expensive starts.

    Raises:
        HaloRaftError: Something is missing or contradicts; one line.
    """
    if files.result.is_dir():
        raise DataError(f"--output: {files.result} is a folder; name a JSON file")
    plan = prepare(config)
    check_reachable(config.model.name, config.model.checkpoint)
    return plan


def _sampling(config: RaftConfig) -> Sampling:
    fields = Sampling.__dataclass_fields__
    return Sampling(**{name: value for name, value in config.sampling.model_dump().items() if name in fields})


def _stage(plan: Plan, files: Files) -> Stage:
    config = plan.config
    by_id = tasks_by_id(plan.train)
    indices = range(config.sampling.samples_per_prompt)
    key = (plan.short_fingerprint, "benchmark")
    checkpoint = config.model.checkpoint
    return Stage(
        cycle=0,
        drafts=tuple(draft_samples(by_id.values(), indices, _sampling(config), config, key)),
        judge=Judge(plan.verifiers[0], verifier_options(config), by_id),
        model=config.model.name,
        adapter=Adapter(checkpoint.name, 1, str(checkpoint.absolute())) if checkpoint else None,
        samples_path=files.samples,
        verdicts_path=files.verdicts,
    )


def _refuse_strangers(stage: Stage, files: Files) -> None:
    """Keep samples of another model, of other tasks or settings out of the result."""
    wanted = {draft.request.sample_id for draft in stage.drafts}
    kept = {sample.sample_id for sample in read_records(files.samples, Sample)}
    kept |= {verdict.sample_id for verdict in read_records(files.verdicts, Verdict)}
    if not kept <= wanted:
        raise DataError(
            f"{files.samples}: holds samples of another benchmark (model, tasks, sampling or seed); remove it and "
            f"{files.verdicts.name}, or choose another --output"
        )
