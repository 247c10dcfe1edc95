"""How far a run is, by what lies in its folder: while it runs, after a kill, and when it is done."""

from __future__ import annotations

import contextlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from halo_raft.errors import DataError
from halo_raft.records import CycleStats
from halo_raft.store import LineCount, RunFolder, begun_in, checked, read_yaml

_BLOCK = 1 << 20
"""Bytes that are looked through at a time."""


class Drawn(TypedDict, total=False):
    """What the sections `sampling:` and `heldout:` say of how many samples there will be."""

    samples_per_prompt: int
    samples: int
    greedy: bool


class Trials(TypedDict, total=False):
    """What the section `sweep:` says of how many trials there will be."""

    trials: int


class TaskNames(TypedDict, total=False):
    """What the section `tasks:` says of what is measured on."""

    heldout: str | None


class Settings(TypedDict, total=False):
    """What of a config tells how much there is to do."""

    cycles: int | list[Any]
    tasks: TaskNames
    sampling: Drawn
    heldout: Drawn
    sweep: Trials


class Plan(TypedDict, total=False):
    """What of a cycle's plan tells how much there is to do."""

    task_ids: list[str] | None
    samples: dict[str, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is.

    Attributes:
        kind: `raft`, `sft` or `sweep`.
        state: `running`, `stopped` (there is more to do), `failed` (and why) or `complete`.
        cycle, cycles: The one at work, 0 for the base model's measurement, and how many there will be; of a
            sweep, trials.
        stage: What is done now, or was when it stopped.
        done, total: Samples of the stage that are verified, or steps of a training; None where unknown.
        drawn: Those samples that are drawn, verified or not.
        passed: Those samples that passed.
        per_minute: Pace of the stage; None where it cannot be told.
        seconds_left: Until all cycles are done, at the pace so far; None where no cycle is complete.
        best_cycle, best: The best cycle so far, and its held-out pass@1 (its pass rate without held-out tasks).
        error: How the last attempt ended, where it failed.
        go_on: Command that does what is left, or uses what is there.
    """

    folder: str
    kind: str
    state: str
    cycle: int = 0
    cycles: int = 0
    stage: str = ""
    done: int | None = None
    total: int | None = None
    drawn: int | None = None
    passed: int | None = None
    per_minute: float | None = None
    seconds_left: float | None = None
    best_cycle: int | None = None
    best: float | None = None
    error: str = ""
    go_on: str = ""
    trials: tuple[Progress, ...] = ()


def progress_of(path: Path) -> Progress:
    """Look at a run folder.

    Raises:
        DataError: It is none, or a file in it is damaged.
    """
    folder = RunFolder(path)
    if (folder.path / "sweep.yaml").is_file():
        return _sweep(folder)
    if (run := folder.known()) is None:
        raise DataError(
            f"{path}: is no run folder (no run.json or sweep.yaml of one); give one that raft, sft or sweep wrote"
        )
    if "training tasks" in run["fingerprint"]:
        return _raft(folder, run)
    if "data" in run["fingerprint"]:
        return _sft(folder, run)
    raise DataError(f"{path}: is the folder of another command; give one that raft, sft or sweep wrote")


def _raft(folder: RunFolder, run: dict[str, Any]) -> Progress:
    settings = read_yaml(folder.path / "config.yaml", Settings)
    given = settings.get("cycles", 0)
    cycles = len(given) if isinstance(given, list) else given
    history = folder.history()
    done = {s.cycle for s in history if s.cycle == 0 or folder.is_trained(s.cycle)}
    current = next((n for n in range(cycles + 1) if n not in done), cycles)
    ended = run.get("ended") or {}
    complete = ended.get("how") == "FINISHED" or (current in done and (folder.path / "raft_statistics.json").is_file())
    best = _best([s for s in history if s.cycle in done and s.cycle])
    facts: dict[str, Any] = {
        "cycle": current,
        "cycles": cycles,
        "best_cycle": best and best[0],
        "best": best and best[1],
    }
    state = _state(folder, ended, complete)
    if complete and state == "complete":
        use = f"halo-raft benchmark run --model {folder.path / 'best'} --prompts {_measured_on(folder, settings)}"
        return _told(folder, "raft", state, run, use, **facts)
    facts |= _stage(folder, run, settings, current, history)
    facts["seconds_left"] = _seconds_left(facts, [s for s in history if s.cycle in done and s.cycle], cycles - current)
    return _told(folder, "raft", state, run, f"halo-raft raft train --output {folder.path}", **facts)


def _stage(
    folder: RunFolder, run: dict[str, Any], settings: Settings, cycle: int, history: list[CycleStats]
) -> dict[str, Any]:
    """Return what is done in a cycle that is not complete, and how far it is."""
    counts = run.get("task_counts") or {}
    if cycle == 0 or folder.is_trained(cycle):
        drawn = settings.get("heldout", {})
        each = drawn.get("samples", 0) + bool(drawn.get("greedy"))
        begun = folder.adapter_path(cycle) if cycle else folder.path / "run.json"
        total = counts["heldout"] * each if "heldout" in counts else None
        return {"stage": "measuring"} | _samples(folder, cycle, "heldout", total, begun, history)
    if folder.kept_path(cycle).is_file():
        return {"stage": "training"} | _steps(folder)
    plan = folder.read_as(f"cycle_{cycle}_plan.json", lambda row: checked(Plan, row)) or {}
    prompts = len(plan["task_ids"]) if plan.get("task_ids") is not None else counts.get("training")
    total = prompts * settings.get("sampling", {}).get("samples_per_prompt", 1) if prompts else None
    if allotted := plan.get("samples"):
        total = sum(allotted.values())
    begun = folder.path / f"cycle_{cycle}_plan.json"
    found = _samples(folder, cycle, "", total, begun, history)
    if not total or found["done"] < total:
        return {"stage": "generating and verifying"} | found
    further = any(settings.get("sampling", {}).get(name) for name in ("second_round", "repair", "hint"))
    return {"stage": "further rounds" if further else "selecting"} | found


def _samples(
    folder: RunFolder, cycle: int, stage: str, total: int | None, begun: Path, history: list[CycleStats]
) -> dict[str, Any]:
    """Count what is verified; the pace is this stage's, or an earlier cycle's where it was begun before this start."""
    path, done, passed = folder.verdicts_path(cycle, stage), 0, 0
    if path.is_file():
        with path.open("rb") as file:
            while block := file.read(_BLOCK) + file.readline():
                done += block.count(b"\n")
                passed += block.count(b'"success":true')
    pace = None
    if seconds := _seconds_between(folder.path / "run.json", begun, path):
        pace = 60 * done / seconds
    elif measured := [s for s in history if s.seconds.get("sample")]:
        pace = 60 * measured[-1].samples / measured[-1].seconds["sample"]
    drawn = LineCount(folder.samples_path(cycle, stage))()
    counts = {name: count if total is None else min(count, total) for name, count in (("done", done), ("drawn", drawn))}
    return {**counts, "total": total, "passed": passed, "per_minute": pace}


def _seconds_between(start: Path, begun: Path, last: Path) -> float | None:
    """Return the time from when a file was written to another's last line, None where the clock does not tell.

    It does not where the file was there before this start, or where the clock was set back meanwhile.
    """
    if not (begun.exists() and last.exists()):
        return None
    times = [path.stat().st_mtime for path in (start, begun, last)]
    return times[2] - times[1] if times == sorted(times) and times[2] > times[1] else None


def _steps(folder: RunFolder) -> dict[str, Any]:
    """Return the last step that a training reported."""
    logs = sorted(folder.path.glob(".ray_train/*/progress.log"), key=lambda path: path.stat().st_mtime)
    with contextlib.suppress(OSError):
        text = logs[-1].read_text(encoding="utf-8", errors="replace") if logs else ""
        if steps := re.findall(r"^step (\d+)/(\d+)", text, re.MULTILINE):
            return {"done": int(steps[-1][0]), "total": int(steps[-1][1])}
    return {}


def _seconds_left(facts: dict[str, Any], past: list[CycleStats], cycles: int) -> float | None:
    """Return the time for what is left: a whole cycle as long as those so far, this one less what is verified."""
    if not past:
        return None
    cycle = sum(sum(s.seconds.values()) for s in past) / len(past)
    share = facts["done"] / facts["total"] if facts.get("total") and facts.get("done") is not None else 0.0
    sampling = sum(s.seconds.get("sample", 0.0) for s in past) / len(past)
    spent = {"training": sampling, "measuring": cycle}.get(facts["stage"], share * sampling)
    return max(cycle - spent, 0.0) + cycles * cycle


def _measured_on(folder: RunFolder, settings: Settings) -> str:
    """Return what a run did not train on, as `--prompts` takes it."""
    own = folder.heldout_tasks_path
    return settings.get("tasks", {}).get("heldout") or (str(own) if own.is_file() else "TASKS_NOT_TRAINED_ON.jsonl")


def _best(trained: list[CycleStats]) -> tuple[int, float] | None:
    measured = {s.cycle: s.heldout.get("pass_at_1") or s.heldout.get("greedy") for s in trained}
    rates = {cycle: rate["mean"] for cycle, rate in measured.items() if rate} or {s.cycle: s.pass_rate for s in trained}
    if not rates:
        return None
    from halo_raft.evaluate import best_cycle  # with numpy, which takes longer to load than all of this

    best = best_cycle(rates)
    return None if best is None else (best, rates[best])


def _sft(folder: RunFolder, run: dict[str, Any]) -> Progress:
    ended, steps = run.get("ended") or {}, folder.read_as("sft_statistics.json", lambda row: int(row["steps"]))
    again = f"halo-raft sft train --config {folder.path / 'config.yaml'} --output {folder.path}"
    if steps is not None:
        use = f"halo-raft raft train --checkpoint {folder.path / 'final_model'} --prompts starter"
        return _told(folder, "sft", "complete", run, use, stage="training", done=steps, total=steps)
    return _told(folder, "sft", _state(folder, ended, False), run, again, stage="training", **_steps(folder))


def _sweep(folder: RunFolder) -> Progress:
    wanted = read_yaml(folder.path / "sweep.yaml", Settings).get("sweep", {}).get("trials", 0)
    paths = sorted(folder.path.glob("trial_*"), key=lambda path: (len(path.name), path.name))
    trials = tuple(progress_of(path) for path in paths if (path / "run.json").is_file())
    done = sum(trial.state == "complete" for trial in trials)
    state = "complete" if done >= wanted > 0 else _state(folder, {}, False)
    again = f"halo-raft sweep run --config {folder.path / 'sweep.yaml'}"
    return _told(folder, "sweep", state, {}, again, done=done, total=wanted, stage="trials", trials=trials)


def _told(folder: RunFolder, kind: str, state: str, run: dict[str, Any], go_on: str, **facts: Any) -> Progress:
    error = (run.get("ended") or {}).get("why", "") if state == "failed" else ""
    if (place := begun_in(run)) != Path.cwd():
        go_on = f"cd {shlex.quote(str(place))} && {go_on}"
    return Progress(folder=str(folder.path), kind=kind, state=state, error=error, go_on=go_on, **facts)


def _state(folder: RunFolder, ended: dict[str, Any], complete: bool) -> str:
    if folder.in_use():
        return "running"
    return "complete" if complete else "failed" if ended.get("how") == "FAILED" else "stopped"
