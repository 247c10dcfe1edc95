"""Draw and judge samples of one model on every task, and write the result. Resumable at any sample."""

from __future__ import annotations

from dataclasses import asdict
from itertools import chain
from typing import Any

from halo_raft import models
from halo_raft.cluster.connection import describe_devices
from halo_raft.config import RaftConfig
from halo_raft.engines import Adapter
from halo_raft.errors import DataError
from halo_raft.judging import JudgingPolicy, beyond_us, without
from halo_raft.pipelines.benchmark.result import BenchmarkResult, Files, measured, with_timing
from halo_raft.pipelines.benchmark.tracked import known_run, log_result, tracked
from halo_raft.pipelines.plans import check_parts, fit_for, load_tasks, sampling_plan
from halo_raft.pipelines.raft import spoken
from halo_raft.records import Verdict, stable_hash
from halo_raft.sampling import Origin, SamplingPlan, Session, Stage, check_prompts_fit, draft_samples
from halo_raft.store import last_verdicts, read_records, stored_samples
from halo_raft.terminal import console
from halo_raft.terminal.progress import stage_progress
from halo_raft.tracking.versions import versions


def benchmark(config: RaftConfig, ks: tuple[int, ...], files: Files) -> BenchmarkResult:
    """Draw and judge samples of every task, write the result, and return it.

    Args:
        config: Model, `tasks.train` as what is measured on, sampling and verifier, in RAFT's own settings.
        ks: The k of pass@k; one above the number of samples gives NaN and a line that says so.
        files: Where to write; samples that are there already are not drawn again.

    Raises:
        HaloRaftError: Something a user can mend.
    """
    console.say("Reading tasks...")
    plan = look_over(config, files)
    stage = _stage(plan, config, files)
    _refuse_strangers(stage, files)
    try:
        files.result.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"--output: {files.result.parent} cannot be written ({error.strerror})") from None
    name = f"benchmark: {config.model.checkpoint or config.model.name} on {plan.tasks.name}"
    with tracked(config.tracking, files.result, name, known_run(files.result)) as run:
        result = _measured(config, plan, stage, ks, files, run.run_id if run else None)
        if run:
            log_result(run.log, result, files)
    return result


def _measured(
    config: RaftConfig, plan: SamplingPlan, stage: Stage, ks: tuple[int, ...], files: Files, run_id: str | None
) -> BenchmarkResult:
    """Draw and judge what is missing, and write the result."""
    before = sum(1 for _ in last_verdicts(files.verdicts))
    logs = files.result.parent / "logs"
    with Session(plan.compute, logs, stage_progress, lambda: check_prompts_fit([plan])) as session:
        time = session.run(stage, lambda: spoken.generating(len(stage.tasks), plan.samples_per_prompt))
    timing = {
        "tokens_per_s": time.tokens_per_s,
        "wall_s": time.seconds,
        "timed_samples": len(stage.drafts) - before,
    }
    facts: dict[str, Any] = {**measured(files, ks), **with_timing(timing, files.result)}
    result = BenchmarkResult(
        model=config.model.name,
        adapter=str(config.model.checkpoint) if config.model.checkpoint else None,
        prompts=plan.tasks.name,
        prompts_sha256=plan.tasks.sha256,
        verifier=plan.policy.verifier,
        samples_per_prompt=plan.samples_per_prompt,
        sampling=asdict(plan.sampling),
        seed=config.seed,
        wording=asdict(plan.wording),
        tracking_run_id=run_id,
        versions=versions(),
        device=describe_devices(config.resources),
        **facts,
    )
    result.save(files.result)
    return result


def look_over(config: RaftConfig, files: Files) -> SamplingPlan:
    """Check everything that a benchmark depends on, before anything expensive starts.

    Raises:
        HaloRaftError: Something is missing or contradicts; one line.
    """
    if files.result.is_dir():
        raise DataError(f"--output: {files.result} is a folder; name a JSON file")
    check_parts(config)
    task_set = load_tasks(config.tasks.train, config.tasks.limit, config.verifier)
    policy = JudgingPolicy.of(config.verifier.name or task_set.verifier, config.verifier, config.sandbox)
    task_set = fit_for(task_set, [policy.verifier], config.tasks)
    policy.check(task_set.tasks)
    beyond = beyond_us(policy, task_set.by_id)
    console.listed(beyond, "is left out")
    task_set = without(task_set, beyond)
    plan = sampling_plan(config, task_set, policy)
    models.check_reachable(config.model.name, config.model.checkpoint)
    return plan


def _stage(plan: SamplingPlan, config: RaftConfig, files: Files) -> Stage:
    checkpoint = config.model.checkpoint
    adapter = Adapter(checkpoint.name, 1, str(checkpoint.absolute())) if checkpoint else None
    drawn_by = stable_hash(
        models.fingerprint(config.model.name),
        models.fingerprint(str(checkpoint)) if checkpoint else None,
        plan.tasks.sha256,
        asdict(plan.wording),
        plan.policy.verifier,
        config.verifier.model_dump(mode="json", exclude={"workers"}),
        config.sandbox.model_dump(mode="json"),
        config.seed,
    )
    indices = range(plan.samples_per_prompt)
    key = (drawn_by, asdict(plan.sampling), "benchmark")
    drafts = draft_samples(plan.tasks.tasks, indices, plan.sampling, plan.wording, key)
    return plan.stage(Origin(0, config.model.name, adapter), drafts, files.samples, files.verdicts)


def _refuse_strangers(stage: Stage, files: Files) -> None:
    """Keep samples of another model, of other tasks or settings out of the result."""
    wanted = {draft.request.sample_id for draft in stage.drafts}
    drawn = (sample.sample_id for sample in stored_samples(files.samples))
    judged = (verdict.sample_id for verdict in read_records(files.verdicts, Verdict))
    if not wanted.issuperset(chain(drawn, judged)):
        raise DataError(
            f"{files.samples}: holds samples of another benchmark (model, tasks, sampling, seed or version); "
            f"remove it and {files.verdicts.name}, or choose another --output"
        )
