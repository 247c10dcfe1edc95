"""Measure a model, or an adapter on its base: pass@k with intervals, samples and verdicts kept beside the result."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halo_raft import evaluate
from halo_raft.config import RaftConfig, load
from halo_raft.config.flags import Flag, add_flags, read_flags
from halo_raft.engines import Adapter
from halo_raft.errors import DataError, UsageError
from halo_raft.pipelines import console
from halo_raft.pipelines.flow import Judge, Stage
from halo_raft.pipelines.plan import Plan, on_checkpoint_base, prepare, tasks_by_id, verifier_options
from halo_raft.pipelines.stages import Session, StageTime, draft_samples
from halo_raft.records import Sample, Sampling, Verdict
from halo_raft.store import read_records, write_atomically

SCHEMA_VERSION = 1

BENCHMARK_FLAGS = (
    Flag("--model", "model.name", "embedded, local or hub model, or an adapter folder"),
    Flag("--prompts", "tasks.train", "task source or JSONL file"),
    Flag("--verifier", "verifier.name", "verifier; the one that fits the tasks when not given"),
    Flag("--samples", "sampling.samples_per_prompt", "samples a task"),
    Flag("--temperature", "sampling.temperature", "sampling temperature; 0.2 when not given"),
    Flag("--max-new-tokens", "sampling.max_new_tokens", "length limit of a completion"),
    Flag("--limit", "tasks.limit", "use the first so many tasks only"),
    Flag("--engine", "engine.name", "vllm or transformers"),
    Flag("--seed", "seed", "seed of everything random"),
)


@dataclass(frozen=True, slots=True)
class Files:
    """Where a benchmark is kept: the result, and samples and verdicts beside it."""

    result: Path
    samples: Path
    verdicts: Path

    @classmethod
    def of(cls, output: Path) -> Files:
        """Name the files that belong to `output`."""
        beside = output.with_suffix("")
        return cls(output, Path(f"{beside}_samples.jsonl"), Path(f"{beside}_verified.jsonl"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `benchmark run` to a parser."""
    add_flags(parser, BENCHMARK_FLAGS)
    parser.add_argument("--k", default="1", help="comma-separated k of pass@k")
    parser.add_argument("--output", type=Path, default=Path("results/benchmark.json"), help="JSON file to write")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="any setting of RAFT, e.g. sampling.top_k=20")


def run(arguments: argparse.Namespace) -> int:
    """Run the command with parsed arguments; return the exit code."""
    flags = read_flags(arguments, BENCHMARK_FLAGS)
    if "model.name" in flags and (Path(flags["model.name"][1]) / "adapter_config.json").is_file():
        flags["model.checkpoint"] = flags.pop("model.name")
    flags["output_dir"] = ("--output", str(arguments.output.parent))
    defaults = ["sampling.temperature=0.2", "sampling.min_p=0", *_of_its_run(flags)]
    config = on_checkpoint_base(load(RaftConfig, None, [*defaults, *arguments.overrides], flags))
    result = benchmark(config, _ks(arguments.k, config.sampling.samples_per_prompt), Files.of(arguments.output))
    for k, rate in result["intervals"].items():
        console.say(f"pass@{k}: {rate['mean']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}]")
    console.say(f"Wrote {arguments.output}")
    return 0


def benchmark(config: RaftConfig, ks: tuple[int, ...], files: Files) -> dict[str, Any]:
    """Draw and judge samples of every task, write the result, and return it.

    Args:
        config: Model, tasks, sampling and verifier, in RAFT's own settings; the tasks are those "to train on".
        ks: The k of pass@k, none above the number of samples a task.
        files: Where to write; samples that are there already are not drawn again.

    Raises:
        HaloRaftError: Something a user can mend.
    """
    if files.result.is_dir():
        raise DataError(f"--output: {files.result} is a folder; name a JSON file")
    plan = prepare(config)
    stage = _stage(plan, files)
    _refuse_strangers(stage, files)
    try:
        files.result.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"--output: {files.result.parent} cannot be written ({error.strerror})") from None
    console.say(f"Generating samples... {len(plan.train.tasks)} prompts × {config.sampling.samples_per_prompt} samples")
    with Session(config, files.result.parent / "logs") as session:
        time = session.run(stage)
    result = _result(plan, ks, list(read_records(files.verdicts, Verdict)), time)
    if not time.seconds and files.result.is_file():  # nothing was drawn now: keep what was measured then
        before = json.loads(files.result.read_text(encoding="utf-8"))
        result |= {key: before[key] for key in ("tokens_per_s", "wall_s") if key in before}
    write_atomically(files.result, json.dumps(result, indent=2) + "\n")
    return result


def _of_its_run(flags: Mapping[str, tuple[str, Any]]) -> list[str]:
    """Return the settings that an adapter in a run folder was measured with there, so that numbers compare."""
    if "model.checkpoint" not in flags:
        return []
    path = Path(flags["model.checkpoint"][1]).resolve().parent / "config.yaml"
    if not path.is_file():
        return []
    run = load(RaftConfig, path)
    return [
        f"sampling.max_new_tokens={run.sampling.max_new_tokens}",
        f"sampling.stop={json.dumps(run.sampling.stop)}",
        f"engine.max_model_len={run.engine.max_model_len}",
        f"tasks.system_prompt={json.dumps(run.tasks.system_prompt)}",
        f"tasks.show_tests={json.dumps(run.tasks.show_tests)}",
    ]


def _stage(plan: Plan, files: Files) -> Stage:
    config = plan.config
    fields = Sampling.__dataclass_fields__
    sampling = Sampling(**{k: v for k, v in config.sampling.model_dump().items() if k in fields})
    by_id = tasks_by_id(plan.train)
    indices = range(config.sampling.samples_per_prompt)
    key = (plan.short_fingerprint, "benchmark")
    checkpoint = config.model.checkpoint
    return Stage(
        cycle=0,
        drafts=tuple(draft_samples(by_id.values(), indices, sampling, config, key)),
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
            f"{files.samples}: holds samples of another benchmark; remove it and {files.verdicts.name}, "
            "or choose another --output"
        )


def _result(plan: Plan, ks: tuple[int, ...], verdicts: list[Verdict], time: StageTime) -> dict[str, Any]:
    config, outcomes = plan.config, evaluate.tally(verdicts)
    rates = {str(k): evaluate.pass_at_k_rate(outcomes, k) for k in ks}
    return {
        "schema_version": SCHEMA_VERSION,
        "model": config.model.name,
        "adapter": str(config.model.checkpoint) if config.model.checkpoint else None,
        "prompts": plan.train.name,
        "prompts_sha256": plan.train.sha256,
        "verifier": plan.verifiers[0],
        "samples_per_prompt": config.sampling.samples_per_prompt,
        "sampling": config.sampling.model_dump(mode="json"),
        "seed": config.seed,
        "pass_at_k": {k: rate.mean for k, rate in rates.items()},
        "intervals": {k: rate.to_dict() for k, rate in rates.items()},
        "kinds": dict(Counter(str(v.kind) for v in verdicts)),
        "infra_samples": outcomes.infra_samples,
        "tokens_per_s": time.tokens_per_s,
        "wall_s": time.seconds,
        "tasks": [{"task_id": t.task_id, "samples": t.samples, "passed": t.passed} for t in outcomes.tasks],
    }


def _ks(text: str, samples: int) -> tuple[int, ...]:
    """Read `1,5,10`.

    Raises:
        UsageError: Not numbers, or one is above the number of samples: pass@k is not defined then.
    """
    try:
        ks = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--k {text}: give whole numbers separated by commas, such as 1,5,10") from None
    if min(ks) < 1 or max(ks) > samples:
        raise UsageError(
            f"--k {text}: each k must be from 1 to the number of samples a task, {samples}; raise --samples"
        )
    return ks
