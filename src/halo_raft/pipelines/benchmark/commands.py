"""The flags of `benchmark run`, `eval`, `compare`, `full` and `export`, and what each command does."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from halo_raft import tasks
from halo_raft.cluster.jobs import found, lasting, with_lasting_paths
from halo_raft.config import RaftConfig, load, to_yaml
from halo_raft.config.flags import RAFT_FLAGS, add_flags, read_flags
from halo_raft.errors import DataError, UsageError
from halo_raft.judging import JudgingPolicy
from halo_raft.pipelines.benchmark.measure import benchmark, look_over
from halo_raft.pipelines.benchmark.result import BenchmarkResult, Files
from halo_raft.pipelines.benchmark.settings import (
    COMMON_FLAGS,
    MODEL,
    RUN_FLAGS,
    discard,
    eval_config,
    read_ks,
    run_config,
)
from halo_raft.pipelines.checkpoint import on_checkpoint_base
from halo_raft.pipelines.plans import check_parts, fit_for, load_tasks, sampling_plan
from halo_raft.pipelines.raft.describe import (
    describe,
    describe_judging,
    describe_model,
    describe_prompts,
    download_note,
)
from halo_raft.store import write_atomically
from halo_raft.terminal import console

GREEDY = {"sampling.temperature": "0, and 0.2 for more than one sample", "sampling.samples_per_prompt": "1"}
FORM_NAMES = ("humaneval", "evalplus")
KS = "comma-separated k of pass@k (default 1, and 5 and 10 where there are so many samples)"


def add_commands(group: Any) -> None:
    """Add the benchmark commands to a group of subcommands."""
    run = _command(group, "run", measure, "pass@k of a model or adapter on tasks")
    add_flags(run, RUN_FLAGS, RaftConfig, {"sampling.temperature": "0.2"})
    _add_measuring(run, Path("results/benchmark.json"))
    run.set_defaults(config_of=run_config)

    evaluation = _command(group, "eval", measure, "pass@1 on a known benchmark, greedily")
    evaluation.add_argument("--benchmark", required=True, metavar="NAME", help="humaneval, mbpp, starter, ...")
    add_flags(evaluation, COMMON_FLAGS, RaftConfig, GREEDY)
    _add_measuring(evaluation, Path("results/eval.json"))
    evaluation.set_defaults(config_of=eval_config)

    comparison = _command(group, "compare", compare, "whether results, or models, really differ")
    comparison.add_argument("inputs", nargs="+", metavar="RESULT_OR_MODEL", help="result files or models, base first")
    add_flags(comparison, [f for f in RUN_FLAGS if f is not MODEL], RaftConfig, {"sampling.temperature": "0.2"})
    comparison.add_argument("--k", type=int, default=1, help="k of the pass@k that is compared")
    comparison.add_argument("--output", type=lasting, default="results/comparison.json", help="JSON file to write")
    comparison.add_argument("--dry-run", action="store_true", help="say what would be compared, and stop")

    full = _command(group, "full", run_full, "base model, RAFT run, trained model and report")
    full.add_argument("--config", type=Path, help="YAML file with the settings")
    add_flags(full, RAFT_FLAGS, RaftConfig, {"output_dir": "results/full_benchmark"})
    full.add_argument("--samples", type=int, default=8, help="samples a held-out task, before and after")
    full.add_argument("--k", help=KS)
    _add_fresh_and_dry(full)

    export = _command(group, "export", run_export, "samples of a result in another tool's form")
    export.add_argument("result", type=found, help="result file of `benchmark run` or `eval`")
    export.add_argument("--format", choices=FORM_NAMES, default="humaneval", help="whose form (default humaneval)")
    export.add_argument("--output", type=lasting, required=True, help="JSONL file to write")


def _command(group: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run, overrides=[])
    return parser


def _add_measuring(parser: argparse.ArgumentParser, output: Path) -> None:
    parser.add_argument("--k", help=KS)
    parser.add_argument("--output", type=lasting, default=str(output), help=f"JSON file to write (default {output})")
    _add_fresh_and_dry(parser)


def _add_fresh_and_dry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fresh", action="store_true", help="discard what an earlier run of this command left")
    parser.add_argument("--dry-run", action="store_true", help="print the resolved config and the plan, and stop")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="any setting of RAFT, e.g. sampling.top_k=20")


def measure(arguments: argparse.Namespace) -> int:
    """Run `benchmark run` or `benchmark eval`."""
    config: RaftConfig = arguments.config_of(arguments)
    files = Files.of(arguments.output)
    ks = read_ks(arguments.k, config.sampling.samples_per_prompt)
    if arguments.dry_run:
        return dry_run(config, files)
    if arguments.fresh:
        discard(files.result, files.samples, files.verdicts)
    say_result(benchmark(config, ks, files))
    console.say(f"Wrote {console.shown(arguments.output)}")
    return 0


def dry_run(config: RaftConfig, files: Files) -> int:
    """Print what a measurement would do; start and download nothing."""
    check_parts(config)
    described = tasks.describe(config.tasks.train)
    count = min(described.tasks, config.tasks.limit or described.tasks)
    policy = JudgingPolicy.of(config.verifier.name or described.verifier, config.verifier, config.sandbox)
    policy.check()
    plan = [
        *describe_model(config),
        ("tasks", f"{config.tasks.train}: {count} prompts{download_note(described)}"),
        *describe_judging(config, [policy.verifier]),
    ]
    if not described.downloads:
        task_set = load_tasks(config.tasks.train, config.tasks.limit, config.verifier)
        task_set = fit_for(task_set, [policy.verifier], config.tasks)
        plan += describe_prompts([sampling_plan(config, task_set, policy)])
    drawn = f"{config.sampling.samples_per_prompt} a task at temperature {config.sampling.temperature:g}"
    console.say("# Resolved configuration")
    console.say(to_yaml(config))
    console.say("# Plan")
    console.pairs([*plan, ("samples", drawn), ("output", str(files.result.absolute()))])
    return 0


def say_result(result: BenchmarkResult) -> None:
    """Print a result; a rate that does not exist is named with the reason."""
    for k, rate in result.intervals.items():
        judged, left_out = int(rate["tasks"]), len(result.tasks) - int(rate["tasks"])
        if not judged:
            console.say(f"pass@{k}: not measured; it needs {k} judged samples a task, raise --samples")
            continue
        note = f"; {left_out} tasks with fewer than {k} judged samples are left out" if left_out else ""
        console.say(f"pass@{k}: {rate['mean']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}] ({judged} tasks{note})")
    console.say(f"verdicts: {', '.join(f'{kind} {n}' for kind, n in sorted(result.kinds.items()))}")
    if sizes := result.lengths:
        console.say(
            f"tokens: {sizes['mean']:.0f} a completion (p95 {sizes['p95']:.0f}), {sizes['truncated']:.0f} cut off; "
            f"{result.tokens_per_s:.0f} tokens/s, {result.wall_s:.0f} s"
        )


def compare(arguments: argparse.Namespace) -> int:
    """Run `benchmark compare`; models are measured first, beside the output."""
    from halo_raft.pipelines.benchmark import compare as comparing
    from halo_raft.pipelines.benchmark.page import comparison_view
    from halo_raft.pipelines.benchmark.tracked import RUN_ID, known_run, log_comparison, tracked
    from halo_raft.report import comparison_page

    if arguments.k < 1:
        raise UsageError(f"--k {arguments.k}: must be at least 1")
    inputs = [word for word in arguments.inputs if "=" not in word or Path(word).exists()]
    arguments.overrides = [*arguments.overrides, *(word for word in arguments.inputs if word not in inputs)]
    if len(inputs) < 2:
        raise UsageError("benchmark compare needs at least two results or models, the base first")
    paths = [found(word) if word.endswith(".json") else _measured_model(word, arguments) for word in inputs]
    if arguments.dry_run:
        console.say(f"Would compare pass@{arguments.k} of {', '.join(map(str, paths))}")
        return 0
    results, comparisons = comparing.compare(paths, arguments.k)
    comparing.say(results, comparisons, arguments.k)
    page, k = arguments.output.with_suffix(".html"), arguments.k
    settings = with_lasting_paths(load(RaftConfig, None, arguments.overrides)).tracking
    name = f"compare: {' · '.join(path.stem for path in paths)}"
    with tracked(settings, arguments.output, name, known_run(arguments.output)) as run:
        try:
            page.parent.mkdir(parents=True, exist_ok=True)
            row = comparing.as_json(paths, comparisons, k) | ({RUN_ID: run.run_id} if run else {})
            write_atomically(arguments.output, json.dumps(row, indent=2) + "\n")
            write_atomically(page, comparison_page(comparison_view(paths, results, comparisons, k)))
        except OSError as error:
            raise DataError(f"--output: {arguments.output} cannot be written ({error.strerror})") from None
        if run:
            log_comparison(run.log, paths, results, comparisons, k, [arguments.output, page])
    console.say(f"Wrote {console.shown(arguments.output)} and {console.shown(page)} (completions side by side)")
    return 0


def _measured_model(name: str, arguments: argparse.Namespace) -> Path:
    """Measure a model that was named instead of a result, unless it is measured already."""
    if arguments.prompts is None:
        raise UsageError(f"benchmark compare: {name} is no .json result; to measure models, name tasks with --prompts")
    one = argparse.Namespace(**{**vars(arguments), "model": name})
    config = run_config(one)
    ks = read_ks(str(arguments.k), config.sampling.samples_per_prompt)
    files = Files.of(arguments.output.parent / f"{re.sub(r'[^A-Za-z0-9.]+', '-', name).strip('-')}.json")
    if arguments.dry_run:
        look_over(config, files)
        return files.result
    console.heading(name)
    say_result(benchmark(config, tuple({*read_ks(None, config.sampling.samples_per_prompt), *ks}), files))
    return files.result


def run_full(arguments: argparse.Namespace) -> int:
    """Run `benchmark full`."""
    from halo_raft.pipelines.benchmark.full import Layout, full, measuring, with_heldout

    if arguments.samples < 1:
        raise UsageError(f"--samples {arguments.samples}: must be at least 1")
    flags = read_flags(arguments, RAFT_FLAGS)
    folder = lasting(flags.pop("output_dir", ("", "results/full_benchmark"))[1])
    layout = Layout(folder)
    flags["output_dir"] = ("--output", str(layout.raft))
    config = on_checkpoint_base(with_lasting_paths(load(RaftConfig, arguments.config, arguments.overrides, flags)))
    ks = read_ks(arguments.k, arguments.samples)
    if arguments.dry_run:
        plan = list(describe(config))
        console.say("# Resolved configuration")
        console.say(to_yaml(config))
        console.say("# Plan")
        console.pairs([*plan, ("measured", f"{arguments.samples} samples a held-out task, before and after")])
        return 0
    config = with_heldout(config, folder)
    look_over(measuring(config, arguments.samples, folder), layout.base)
    return full(config, arguments.samples, ks, layout, fresh=arguments.fresh)


def run_export(arguments: argparse.Namespace) -> int:
    """Run `benchmark export`."""
    from halo_raft.pipelines.benchmark.export import export

    count = export(arguments.result, arguments.format, arguments.output)
    console.say(f"Wrote {count} samples to {console.shown(arguments.output)}")
    return 0
