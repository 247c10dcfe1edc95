"""Judge a file of completions: `halo-raft verify`. Needs no model, no torch and no GPU.

Verdicts are kept as they come in a folder beside the output, so that a run that was cut off goes on;
the output, one verdict a line in the order of the samples, appears whole when all are judged.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halo_raft import tasks
from halo_raft.cluster.connection import verification_workers
from halo_raft.cluster.jobs import found, lasting
from halo_raft.config import RaftConfig, ResourcesConfig, load
from halo_raft.errors import DataError, UsageError, VerificationError
from halo_raft.judging import (
    Answer,
    FailureLog,
    JudgingPolicy,
    Known,
    beyond_us,
    broken_tasks,
    judge_all,
    ledger_folder,
)
from halo_raft.pipelines.verify.samples import FORMATS, TaskIds, read_samples
from halo_raft.pipelines.verify.summary import Pace, Summary, show, summarise
from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.store import DAMAGES, HeldFolder, JsonlWriter, read_verdicts, reader_of, write_atomically
from halo_raft.terminal import console
from halo_raft.terminal.exits import parse, run_main
from halo_raft.terminal.logs import log_to
from halo_raft.terminal.parser import Parser
from halo_raft.terminal.progress import programs_tried, ticker

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be judged, looked over.

    Attributes:
        policy: By which it is judged.
        tasks: The tasks by id.
        resources: Where it is judged.
        fingerprint: What the kept verdicts are tied to.
    """

    policy: JudgingPolicy
    tasks: Mapping[str, Task]
    resources: ResourcesConfig
    answers: tuple[Answer, ...]
    fingerprint: dict[str, Any]
    output: Path

    @property
    def folder(self) -> Path:
        """Where verdicts are kept as they come, with the logs."""
        return _beside(self.output)

    @property
    def verdicts(self) -> Path:
        """The verdicts as they come."""
        return self.folder / "verdicts.jsonl"


@dataclass(frozen=True, slots=True)
class How:
    """How to judge it.

    Attributes:
        workers: Verification workers; 0 judges in this process; None chooses.
        fresh: Discard what an earlier run left.
        use_ledger: Take the verdicts of identical programs that were judged before.
        validate: Look at the tasks first.
    """

    workers: int | None = None
    fresh: bool = False
    use_ledger: bool = True
    validate: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `verify` to a parser."""
    parser.add_argument("--samples", type=found, required=True, help='JSONL file of {"task_id", "completion"}')
    parser.add_argument("--tasks", help="JSONL file or task source; humaneval for --format humaneval and evalplus")
    parser.add_argument(
        "--verifier", default="auto", help="verifier, my_module:MyVerifier, or auto: by each task's form (default auto)"
    )
    parser.add_argument("--output", type=lasting, required=True, help="JSONL file to write, a verdict a line")
    parser.add_argument("--format", choices=FORMATS, default="plain", help="form of the samples file")
    parser.add_argument("--workers", type=int, help="verification workers (default two a CPU); 0: in this process")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON, and nothing else")
    parser.add_argument("--fresh", action="store_true", help="discard what an earlier run left beside the output")
    parser.add_argument("--validate", action="store_true", help="first look whether the tasks' tests can be relied on")
    parser.add_argument("--no-ledger", action="store_true", help="judge identical programs, too, each by itself")
    parser.add_argument("--config", type=Path, help="YAML file with the sandbox and verifier settings")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="any setting, e.g. sandbox.cpu_s=2")


def run(arguments: argparse.Namespace) -> int:
    """Run the command with parsed arguments; return the exit code.

    Raises:
        VerificationError: Some samples could not be judged; what could be is written.
    """
    with console.stdout_for_the_result_alone(arguments.json):
        request = prepare(arguments)
        how = How(arguments.workers, arguments.fresh, not arguments.no_ledger, arguments.validate)
        summary = verify(request, how)
        if not arguments.json:
            show(summary)
    if arguments.json:
        console.console.print_json(json.dumps(summary.to_dict()))
    if summary.infra:
        raise VerificationError(
            f"{summary.infra} of {summary.samples} samples could not be judged (kind infra, see "
            f"{request.folder / 'logs'}); run the same command again to judge them once more"
        )
    return 0


def prepare(arguments: argparse.Namespace) -> Request:
    """Read and check everything before anything starts.

    Raises:
        HaloRaftError: Something is wrong; one line.
    """
    if arguments.workers is not None and arguments.workers < 0:
        raise UsageError(f"--workers {arguments.workers}: give a number from 0")
    if arguments.output.is_dir():
        raise DataError(f"--output: {arguments.output} is a folder; name a JSONL file")
    _refuse_to_write_over(arguments)
    config = load(RaftConfig, arguments.config, arguments.overrides)
    task_set = tasks.with_suite(tasks.load(_task_source(arguments, config)), config.verifier.test_file)
    name = arguments.verifier
    policy = JudgingPolicy.of(name, config.verifier, config.sandbox)
    verifier, by_id = policy.create(), task_set.by_id
    answers = read_samples(arguments.samples, arguments.format, TaskIds(by_id, task_set.name))
    asked = {answer.task_id: by_id[answer.task_id] for answer in answers}
    policy.check(asked.values())
    for task_id, reason in beyond_us(policy, asked).items():
        raise DataError(f"{tasks.place(task_set.name, task_id)}: task {task_id}: {reason}")
    settings = config.model_dump(mode="json", include={"verifier": True, "sandbox": True})
    settings["verifier"] = {k: v for k, v in settings["verifier"].items() if k not in ("name", "workers")}
    fingerprint = {
        "samples": hashlib.sha256(arguments.samples.read_bytes()).hexdigest(),
        "format": arguments.format,
        "tasks": task_set.sha256,
        "verifier": name,
        "verifier version": verifier.identity,
        **{f"{section} settings": value for section, value in settings.items()},
    }
    return Request(policy, by_id, config.resources, tuple(answers), fingerprint, arguments.output)


def _refuse_to_write_over(arguments: argparse.Namespace) -> None:
    """Keep the output off every file that the command reads, and off what no such command wrote.

    Raises:
        DataError: It is one of them, by whatever path, or holds no verdicts.
    """
    output = arguments.output
    for flag in ("samples", "tasks", "config"):
        read = getattr(arguments, flag)
        if read and output.exists() and Path(read).exists() and output.samefile(read):
            raise DataError(f"--output: {output} is the file of --{flag}; name another, it would be written over")
    if output.exists() and HeldFolder(_beside(output)).known() is None:
        with output.open("rb") as file:
            first = file.readline()
        try:
            _ = reader_of(Verdict)(first) if first else None
        except DAMAGES:
            raise DataError(f"--output: {output} holds no verdicts; name another, it would be written over") from None


def _beside(output: Path) -> Path:
    """Return the folder that verdicts are kept in as they come."""
    return output.with_suffix(".verify")


def verify(request: Request, how: How) -> Summary:
    """Judge what is not judged yet, write the output, and return what came out.

    Raises:
        DataError: The folder beside the output belongs to another request, or cannot be written.
    """
    folder = HeldFolder(request.folder)
    folder.open(request.fingerprint, fresh=how.fresh)
    with ExitStack() as stack:
        stack.callback(folder.close)
        stack.enter_context(log_to(folder.path / "logs"))
        if how.fresh:
            request.output.unlink(missing_ok=True)
        if (earlier := folder.path / "cycle_0_verified.jsonl").is_file():  # as versions up to 0.1 named it
            earlier.rename(request.verdicts)

        def workers(answers: int) -> int:
            logs = folder.path / "logs"
            return stack.enter_context(verification_workers(request.resources, answers, how.workers, logs))

        broken = _broken_tasks(request, workers) if how.validate else None
        verdicts, pace = _judge(request, workers, how.use_ledger)
        ordered = [verdicts[answer.sample_id] for answer in request.answers]
        write_atomically(request.output, "".join(v.to_json() + "\n" for v in ordered))
        return summarise(ordered, str(request.output), pace, broken)


def _broken_tasks(request: Request, workers: Callable[[int], int]) -> dict[str, str]:
    """Name the tasks of the samples whose tests cannot tell right from wrong."""
    asked = {answer.task_id: request.tasks[answer.task_id] for answer in request.answers}
    console.say(f"Validating {len(asked)} tasks...")
    broken = broken_tasks(request.policy, asked, workers=workers, show=programs_tried)
    console.listed(broken, "is broken")
    return broken


def _judge(request: Request, workers: Callable[[int], int], use_ledger: bool) -> tuple[dict[str, Verdict], Pace]:
    """Bring every answer to a verdict, with progress; what was our failure last time is judged again."""
    verdicts = read_verdicts(request.verdicts)
    settled = {v.sample_id for v in verdicts.values() if v.kind is not VerdictKind.INFRA}
    left = [a for a in request.answers if a.sample_id not in settled]
    total, done = len(request.answers), len(request.answers) - len(left)
    if done:
        console.say(f"Loading cached samples... {done} of {total} are verified")
    if not left:
        return verdicts, Pace(0, 0, 0.0)
    console.say(f"Verifying {len(left)} samples with {request.policy.verifier}...")
    failures = FailureLog()
    known = Known(request.policy, request.tasks, ledger_folder(), remember=use_ledger)
    started, copies = time.monotonic(), 0

    def start(answers: int) -> int:
        nonlocal started
        number = workers(answers)
        started = time.monotonic()
        return number

    with JsonlWriter(request.verdicts) as writer, ticker(total, done) as ticks:
        for new in judge_all(request.policy, request.tasks, left, known=known, workers=start):
            writer.append(new)
            verdicts |= {v.sample_id: v for v in new}
            failures.see(new)
            copies += sum(v.cached for v in new)
            ticks.advance(len(new), sum(v.success for v in new), 0)
    return verdicts, Pace(len(left) - copies, copies, time.monotonic() - started)


def _task_source(arguments: argparse.Namespace, config: RaftConfig) -> str:
    if arguments.tasks:
        return str(arguments.tasks)
    if arguments.format in ("humaneval", "evalplus"):
        return "humaneval"
    if arguments.config:
        return config.tasks.train
    raise UsageError("verify needs --tasks: a JSONL file with the tests, or a task source such as humaneval")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `python -m halo_raft.pipelines.verify`."""
    parser = Parser(prog="python -m halo_raft.pipelines.verify", description=__doc__.splitlines()[0])
    add_arguments(parser)
    return run_main(run, parse(parser, argv))
