"""`data validate`: what is wrong with files of tasks, each finding with its line, said as it is found."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from halo_raft import models, prompts, tasks
from halo_raft.config import RaftConfig
from halo_raft.errors import DataError
from halo_raft.judging import beyond_us, modes
from halo_raft.pipelines.data.findings import Findings
from halo_raft.pipelines.data.rows import Placed, placed_tasks
from halo_raft.pipelines.data.trying import policy_for, try_tasks
from halo_raft.pipelines.data.writing import refuse_to_write_over, write_rows
from halo_raft.records import Task
from halo_raft.tasks.likeness import Measured, alike, words_of
from halo_raft.tasks.public.catalogue import files_of
from halo_raft.terminal import console
from halo_raft.verifiers.base import OUTSIDE

MOST_TRIED = 1000
"""References of so many tasks are tried for their mode."""
TEMPLATE_TOKENS = 8
"""What a chat template puts around each message, about."""
RUNS = 3
"""Each reference runs so often: tests that do not always say the same cannot be trained on."""


def run(arguments: argparse.Namespace) -> int:
    """Check files; the exit code is 3 where something is an error."""
    findings = Findings()
    with console.stdout_for_the_result_alone(arguments.json):
        reports = _check(arguments, findings)
    if arguments.json:
        errors, warnings = findings.errors, len(findings.all) - findings.errors
        print(json.dumps({"schema_version": 1, "files": reports, "errors": errors, "warnings": warnings,
                          "findings": findings.as_json()}, indent=2))  # fmt: skip
    return DataError.exit_code if findings.errors else 0


def _check(arguments: argparse.Namespace, findings: Findings) -> list[dict[str, Any]]:
    """Look at all files, and write what is left; returns what each holds."""
    if arguments.fix:
        refuse_to_write_over("--fix", [arguments.fix], [*arguments.files, *arguments.against])
    measured = [_measured(spec) for spec in arguments.against]
    public = _public_benchmarks()
    reports, kept = [], []
    for file in arguments.files:
        placed = list(_readable(file, findings))
        if not placed and not findings.all:
            raise DataError(f"{file}: holds no tasks; give at least one row with a prompt")
        _look_at_rows(file, placed, findings)
        _overlaps(file, placed, measured, public, findings)
        reports.append(_report(file, placed, arguments, findings))
        bad = findings.lines(file)
        kept += [row for row in placed if row.line not in bad]
        if arguments.preview and placed:
            _preview(placed[0].task)
    findings.say_rest()
    if arguments.fix:
        written = write_rows(arguments.fix, [row.json for row in kept])
        console.say(f"Wrote {written} rows without findings to {arguments.fix}")
    console.say(f"{findings.errors} errors, {len(findings.all) - findings.errors} warnings")
    return reports


def _readable(file: str, findings: Findings) -> list[Placed]:
    return list(placed_tasks(file, lambda line, reason: findings.add(file, line, None, "schema", reason)))


def _measured(spec: str) -> Measured:
    return Measured(spec, tasks.load(spec).tasks)


def _public_benchmarks() -> list[Measured]:
    """Return what nobody should train on: HumanEval, and MBPP's test split where it was prepared here."""
    found = [_measured("humaneval")]
    prepared = files_of("mbpp", "test").tasks
    if prepared.is_file():
        return [*found, Measured("mbpp:test", tasks.load(str(prepared)).tasks)]
    console.say(f"MBPP's test split is not compared with: {prepared} is not there "
                "(halo-raft data prepare --dataset mbpp:test)")  # fmt: skip
    return found


def _look_at_rows(file: str, placed: Sequence[Placed], findings: Findings) -> None:
    """Find what rows alone show: ids and prompts that occur twice, tasks that are alike, prompts that do not fit."""
    ids: dict[str, int] = {}
    asked: dict[str, int] = {}
    for here in placed:
        task = here.task
        first = ids.setdefault(task.task_id, here.line)
        same = asked.setdefault(words_of(task.prompt), here.line)
        if first != here.line:
            findings.add(file, here.line, task.task_id, "duplicate_id", f"its id is that of line {first}")
        elif same != here.line:
            findings.add(file, here.line, task.task_id, "duplicate", f"its prompt is that of line {same}")
    known = findings.lines(file)
    for pair in sorted(alike([here.task for here in placed]), key=lambda pair: pair.later):
        later, earlier = placed[pair.later], placed[pair.earlier]
        if later.line not in known:
            message = f"{pair.how} task {earlier.task.task_id} of line {earlier.line}"
            findings.add(file, later.line, later.task.task_id, "near_duplicate", message)
    _too_long(file, placed, findings)


def _too_long(file: str, placed: Sequence[Placed], findings: Findings) -> None:
    """Find prompts that leave no room for an answer of the default length in the default context."""
    config = RaftConfig()
    room = config.engine.max_model_len - config.sampling.max_new_tokens
    suspects = [p for p in placed if sum(len(m["content"].encode()) for m in prompts.messages(p.task)) > room]
    if not suspects:
        return  # no token is shorter than a byte
    try:
        from tokenizers import Tokenizer  # without transformers, which takes seconds to import

        tokenizer = Tokenizer.from_file(str(Path(models.resolve(config.model.name)) / "tokenizer.json"))
    except Exception as error:  # tokenizers raises Exception itself
        console.log.warning("token lengths are not known: %s", error)
        return
    for here in suspects:
        texts = [message["content"] for message in prompts.messages(here.task)]
        length = sum(len(tokenizer.encode(text).ids) + TEMPLATE_TOKENS for text in texts)
        if length > room:
            message = f"its prompt has {length} tokens, and {room} leave room for an answer (engine.max_model_len)"
            findings.add(file, here.line, here.task.task_id, "too_long", message)


def _overlaps(
    file: str, placed: Sequence[Placed], against: Sequence[Measured], public: Sequence[Measured], findings: Findings
) -> None:
    for kind, sets in (("overlap", against), ("overlap_benchmark", public)):
        for measured in sets:
            for here in placed:
                if shared := measured.overlap(here.task):
                    findings.add(file, here.line, here.task.task_id, kind, shared)


def _report(file: str, placed: Sequence[Placed], arguments: argparse.Namespace, findings: Findings) -> dict[str, Any]:
    """Run what can be run, and say what the file holds."""
    unique = {here.task.task_id: here for here in reversed(placed)}
    sound = [here.task for here in reversed(unique.values())]
    languages = Counter(task.language for task in sound)
    verifiers = Counter(arguments.verifier or task.judged_by for task in sound)
    with_tests = sum(task.has_tests for task in sound)
    report: dict[str, Any] = {"file": file, "tasks": len(placed), "with_tests": with_tests,
                              "languages": dict(languages), "verifiers": dict(verifiers)}  # fmt: skip
    console.say(f"{file}: {len(placed)} tasks, {with_tests} with tests")
    for topic, counts in (("languages: ", languages), ("verifier:  ", verifiers)):
        if counts:
            console.say(f"  {topic}{', '.join(f'{name} {n}' for name, n in counts.most_common())}")
    if with_tests and not arguments.quick:
        policy = policy_for(arguments.verifier)

        def found(kind: str, task_id: str, reason: str) -> None:
            findings.add(file, unique[task_id].line, task_id, kind, reason)

        testless = [task for task in sound if not task.has_tests]
        for task_id, reason in beyond_us(policy, {task.task_id: task for task in testless}).items():
            found("no_tests", task_id, reason)
        tried = try_tasks(policy, sound, runs=RUNS, found=found)
        report |= {"sound": tried.sound, "broken": len(tried.broken), "beyond_us": len(tried.beyond)}
        limits = f", {len(tried.beyond)} beyond what we can judge" if tried.beyond else ""
        console.say(f"  tests:     {tried.sound} tasks are sound, {len(tried.broken)} broken{limits}")
        unclear = tried.broken.keys() | tried.beyond.keys()
        _say_modes(policy, [task for task in sound if task.has_tests and task.task_id not in unclear])
    return report


def _preview(first: Task) -> None:
    console.say(f"  first task: {first.task_id}")
    for message in prompts.messages(first):
        console.say(f"\n[{message['role']}]\n{message['content']}")


def _say_modes(policy: Any, sound: Sequence[Task]) -> None:
    """Say how many tasks are judged outside of the program's process, and name the others with the reason."""
    found = modes(policy, sound[:MOST_TRIED])
    if not found:
        return
    counts = Counter(mode.name for mode in found.values())
    first = f" (of the first {MOST_TRIED})" if len(sound) > MOST_TRIED else ""
    console.say(f"  modes:     {', '.join(f'{name} {n}' for name, n in counts.most_common())}{first}")
    beside = {task_id: mode.reason for task_id, mode in found.items() if mode.name != OUTSIDE}
    console.listed(beside, "is judged in the program's process")
