"""One side of `bench/driver.py`: a run in a folder, each part of what its driver does timed by itself.

Prints one JSON object: part -> CPU ms and wall ms of this process, and KiB by which it grew at most, all a sample.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import driver_parts

MB = 1 << 20


class Meter:
    """Time and memory of named parts of this process; a part inside another is not counted in that one."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = defaultdict(float)
        self.wall: dict[str, float] = defaultdict(float)
        self.grew: dict[str, float] = defaultdict(float)
        self._open: list[list[float]] = []

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure the block."""
        self._look()
        frame = [memory("VmRSS"), 0.0, 0.0, 0.0]
        self._open.append(frame)
        cpu, wall = time.process_time(), time.monotonic()
        try:
            yield
        finally:
            cpu, wall = time.process_time() - cpu, time.monotonic() - wall
            self._look()
            self._open.pop()
            self.cpu[name] += cpu - frame[1]
            self.wall[name] += wall - frame[2]
            self.grew[name] = max(self.grew[name], frame[3] - frame[0])
            if self._open:
                self._open[-1][1] += cpu
                self._open[-1][2] += wall

    def of(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, measured."""

        @wraps(function)
        def measured(*arguments: Any, **named: Any) -> Any:
            with self.part(name):
                return function(*arguments, **named)

        return measured

    def _look(self) -> None:
        """Note how large this process became since the last look, for all parts that are open."""
        peak = memory("VmHWM")
        for frame in self._open:
            frame[3] = max(frame[3], peak)
        Path("/proc/self/clear_refs").write_text("5")


def memory(name: str) -> float:
    """Return what the kernel says of this process' memory, bytes."""
    return 1024 * float(re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]


def prepare_folder(place: Path, samples: int, per_prompt: int) -> list[str]:
    """Write tasks and a stand-in for a model; return the settings of the run."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "model").mkdir(exist_ok=True)
    (place / "model" / "config.json").write_text("{}")
    for name, count in (("tasks", samples // per_prompt), ("heldout", 50)):
        rows = ({"task_id": f"{name}/{n}", "prompt": f"Write `{name}_{n}`.", "entry_point": f"{name}_{n}"}
                for n in range(count))  # fmt: skip
        (place / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [
        f"model.name={place / 'model'}",
        f"tasks.train={place / 'tasks.jsonl'}",
        f"tasks.heldout={place / 'heldout.jsonl'}",
        "tasks.show_tests=false",
        f"sampling.samples_per_prompt={per_prompt}",
        "engine.name=driver_parts:Instant",
        "verifier.name=driver_parts:Free",
        "heldout.samples=2",
        "heldout.greedy=false",
        f"tracking.dir={place / 'mlruns'}",
        f"output_dir={place / 'run'}",
        "cycles=1",
    ]


def stand_in_for_training(job: Any, report: Any) -> SimpleNamespace:
    """Leave what a training leaves, without one."""
    adapter = job.output_dir
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": job.base_model, "r": 4}))
    header = json.dumps({"w": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}).encode()
    (adapter / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"x" * 8)
    facts = {
        "loss_curve": [[1, 0.9, 1e-4], [2, 0.5, 1e-4]], "steps": 2, "epochs": 1.0, "examples": 4, "skipped_too_long": 0,
        "completion_tokens": 8, "trained_tokens": 12, "held_back": 0, "held_back_curve": [], "held_back_loss": None,
        "precision": "float32", "loop_seconds": 1.0, "tokens_per_s": 12.0,
    }  # fmt: skip
    (adapter / "training.json").write_text(json.dumps(facts))
    return SimpleNamespace(seconds=0.0)


def measured_run(place: Path, settings: list[str], meter: Meter) -> Any:
    """Do a run, its parts measured; return its plan."""
    from halo_raft.config import RaftConfig, load
    from halo_raft.pipelines.raft import command, cycle, rounds, tracked
    from halo_raft.pipelines.raft.plan import prepare
    from halo_raft.sampling import flow, session
    from halo_raft.sampling.session import Session

    cycle.finetune = stand_in_for_training
    cycle.check_prompts_fit = lambda plans: list(plans)
    run = cycle.RaftRun
    rounds.training_drafts = meter.of("drafts", rounds.training_drafts)
    session.outstanding = flow.outstanding = meter.of("what is outstanding", flow.outstanding)
    Session.run = meter.of("sampling and judging", Session.run)
    Session.judge = _streamed(meter, "second look", Session.judge)
    run._sample = meter.of("statistics", run._sample)
    run._select = meter.of("selection", run._select)
    run._measure = meter.of("held-out measurement", run._measure)
    cycle.write_card = meter.of("card", cycle.write_card)
    tracked.RunTracker.cycle_done = meter.of("MLflow and figures of a cycle", tracked.RunTracker.cycle_done)
    tracked.write_report = meter.of("report", tracked.write_report)
    run.finish = meter.of("end of the run", run.finish)
    plan = prepare(load(RaftConfig, None, settings))
    with run(plan) as raft:
        list(command.cycles(raft))
        raft.finish()
    return plan


def written_run(place: Path, settings: list[str], meter: Meter) -> Any:
    """Write what a run's engines and verifiers would have left, and do the rest of it in this process.

    No Ray and no other process: it looks at all programs itself, which is a part by itself.
    """
    from halo_raft.config import EngineConfig
    from halo_raft.engines import EngineSpec
    from halo_raft.records import Sample, Verdict
    from halo_raft.sampling import session
    from halo_raft.sampling.session import Session, StageTime
    from halo_raft.store import JsonlWriter

    engine = driver_parts.Instant(EngineSpec(model="", config=EngineConfig(name="driver_parts:Instant")))

    def play(self: Session, stage: Any, begin: Any = None) -> StageTime:
        left = session.outstanding(stage)
        with JsonlWriter(stage.samples_path) as samples, JsonlWriter(stage.verdicts_path) as verdicts:
            for start in range(0, len(left.missing), 64):
                drafts = left.missing[start : start + 64]
                with meter.part("engine and verifier"):
                    drawn = [_sample(stage, draft, engine._answer(draft.request), Sample) for draft in drafts]
                    found = [_verdict(sample, Verdict) for sample in drawn]
                with meter.part("files of samples and verdicts"):
                    samples.append(drawn)
                    verdicts.append(found)
        return StageTime(1.0, 1.0)

    def judge(self: Session, policy: Any, tasks: Any, answers: Any, *, remember: bool = True) -> Iterator[Any]:
        yield [_verdict(answer, Verdict) for answer in answers]

    def spread(self: Session, function: Any, jobs: Any) -> Iterator[Any]:
        return map(meter.of("programs looked at, Ray's workers otherwise", function), jobs)

    Session.run, Session.judge, Session.spread = play, judge, spread
    Session.start_ahead = lambda self: None
    Session.pool = SimpleNamespace(placement=SimpleNamespace(trainer_gpus=0), aside=contextlib.nullcontext)
    return measured_run(place, settings, meter)


def _sample(stage: Any, draft: Any, completion: Any, kind: Any) -> Any:
    return kind(
        sample_id=completion.sample_id, task_id=draft.task_id, cycle=stage.origin.cycle, index=draft.index,
        completion=completion.text, prompt_token_ids=completion.prompt_token_ids, token_ids=completion.token_ids,
        finish_reason=completion.finish_reason, model=stage.origin.model, adapter=None,
        sampling=draft.request.sampling.to_dict() | {"seed": draft.request.seed},
    )  # fmt: skip


def _verdict(answer: Any, kind: Any) -> Any:
    mark = int(answer.completion.partition("mark = ")[2].partition("\n")[0]) % 10
    passed = mark < driver_parts.PASSED
    return kind(
        sample_id=answer.sample_id, task_id=answer.task_id, kind="passed" if passed else "wrong", success=passed,
        reward=1.0 if passed else 0.3 if mark < driver_parts.PARTLY else 0.0, tests_passed=mark, tests_total=10,
        details="", integrity="user", tier="A", cpu_s=0.01, wall_s=0.02, verifier="driver_parts:Free",
        verifier_version="1",
    )  # fmt: skip


def _streamed(meter: Meter, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a generator function, its steps measured."""

    def measured(*arguments: Any, **named: Any) -> Iterator[Any]:
        steps, end = function(*arguments, **named), object()
        while True:
            with meter.part(name):
                step = next(steps, end)
            if step is end:
                return
            yield step

    return measured


def ledger(plan: Any, place: Path, samples: int, meter: Meter) -> None:
    """File verdicts of programs and look them up again."""
    from halo_raft.judging.answer import Answer, Judged
    from halo_raft.judging.known import Known
    from halo_raft.records import Verdict

    task = next(iter(plan.training.tasks.by_id))
    tasks, policy = plan.training.tasks.by_id, plan.policies[0]
    rows = [Answer(f"{n:016x}", task, "", f"{n:032x}") for n in range(samples)]
    verdict = {
        "task_id": task, "kind": "passed", "success": True, "reward": 1.0, "tests_passed": 3, "tests_total": 3,
        "details": "3/3 passed", "integrity": "outside", "tier": "A", "cpu_s": 0.01, "wall_s": 0.02, "verifier": "v",
        "verifier_version": "1",
    }  # fmt: skip
    known = Known(policy, tasks, place / "ledger")
    station = policy.station().identity
    with meter.part("ledger: 16 programs filed at a time"):
        for start in range(0, samples, 16):
            some = rows[start : start + 16]
            known.learn([Judged(row.key, Verdict(sample_id=row.sample_id, **verdict), station) for row in some])
    del known
    with meter.part("ledger: opened and looked up"):
        known = Known(policy, tasks, place / "ledger")
        found = sum(len(known.offer(rows[start : start + 16]).settled) for start in range(0, samples, 16))
    assert found == samples, f"{found} of {samples} are known"


def afterwards(plan: Any, place: Path, meter: Meter) -> None:
    """Look at the run as others do when it is over."""
    from halo_raft.pipelines.progress import progress_of
    from halo_raft.pipelines.raft.cycle_plan import begin_cycle
    from halo_raft.pipelines.raft.stages import training_drafts, training_stage
    from halo_raft.report.write import write_report
    from halo_raft.sampling.flow import outstanding
    from halo_raft.store import RunFolder

    folder = RunFolder(place / "run")
    with meter.part("status"):
        progress_of(folder.path)
    with meter.part("resume: drafts"):
        begun, first = begin_cycle(plan, folder, 1), range(plan.config.sampling.samples_per_prompt)
        drafts = training_drafts(plan, begun, plan.training.tasks.by_id, first)
        stage = training_stage(plan, folder, begun, drafts)
    with meter.part("resume: reading"):
        assert not len(inspect.unwrap(outstanding)(stage))
    with meter.part("report, read anew"):
        write_report([folder.path], place / "report")


def main() -> None:
    """Measure one side and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("place", type=Path)
    parser.add_argument("samples", type=int)
    parser.add_argument("--per-prompt", type=int, default=100)
    parser.add_argument("--written", action="store_true")
    arguments = parser.parse_args()
    samples, meter = arguments.samples, Meter()
    with contextlib.redirect_stdout(open(os.devnull, "w")):
        run = written_run if arguments.written else measured_run
        plan = run(arguments.place, prepare_folder(arguments.place, samples, arguments.per_prompt), meter)
    most = memory("VmHWM")
    afterwards(plan, arguments.place, meter)
    ledger(plan, arguments.place, samples, meter)
    parts = {
        name: {
            "cpu_ms": round(1000 * cpu / samples, 5),
            "wall_ms": round(1000 * meter.wall[name] / samples, 5),
            "kib": round(max(0.0, meter.grew[name]) / 1024 / samples, 4),
        }
        for name, cpu in meter.cpu.items()
    }
    kept = sum(1 for _ in (arguments.place / "run" / "cycle_1_kept.jsonl").open())
    print(json.dumps({"samples": samples, "kept": kept, "rss_mb": most / MB, "parts": parts}))


if __name__ == "__main__":
    main()
