"""Small runs on real parts, who computes in them, and what is left when the plug is pulled.

The model is a tiny random one and draws each answer by its own seed, so that a run that was killed has to end with
the very samples, kept sets and weights of one that was not.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from halo_raft.records import Sample
from halo_raft.store import read_records

from ..tiny_model import make_tiny_model

PARTS = """
import hashlib, os, time
from dataclasses import replace
from halo_raft.engines.transformers import TransformersEngine
from halo_raft.verifiers.base import Verifier, VerifyResult

class Lucky(Verifier):
    def verify(self, code):
        time.sleep(0.03)
        passed = hashlib.sha256(code.strip().encode()).hexdigest() < "8"
        return VerifyResult(success=passed, reward=float(passed))

class Seeded(TransformersEngine):
    def stream(self, requests):
        for request in requests:
            for completions in super().stream([request]):
                time.sleep(0.03)
                with open(os.environ["FAULTS_GENERATED"], "a") as file:
                    file.write(request.sample_id + "\\n")
                yield [replace(c, finish_reason="stop") for c in completions]
"""
"""An engine that draws one answer at a time and notes it, and a verifier that goes by the answer's hash."""

RAFT: dict[str, Any] = {
    "tasks": {"train": "tasks.jsonl", "heldout": "heldout.jsonl"},
    "sampling": {"samples_per_prompt": 4, "max_new_tokens": 12, "temperature": 1.0},
    "engine": {"name": "parts:Seeded", "max_model_len": 512},
    "verifier": {"name": "parts:Lucky"},
    "selection": {"reward_threshold": 0.5, "keep_top_percent": 1.0},
    "training": {
        "learning_rate": 1e-3, "num_train_epochs": 2, "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 1, "checkpoint_steps": 1, "bf16": False,
    },
    "heldout": {"samples": 2, "greedy": False},
    "lora": {"r": 4, "alpha": 8},
    "stop": {"patience": 0},
    "cycles": 1,
}  # fmt: skip
SFT: dict[str, Any] = {
    "data": {"train_file": "rows.jsonl", "max_seq_length": 256, "validation_split": 0.2},
    "training": RAFT["training"] | {"num_train_epochs": 4},
    "lora": RAFT["lora"],
}
SWEEP: dict[str, Any] = RAFT | {
    "sweep": {"trials": 2, "sampler": "grid", "space": {"learning_rate": [1e-3, 3e-3]}},
}
COMMANDS = {"raft": ("raft", "train"), "sft": ("sft", "train"), "sweep": ("sweep", "run")}

TASKS, HELDOUT_TASKS = 8, 3
SAMPLES, HELDOUT_SAMPLES = TASKS * 4, HELDOUT_TASKS * 2
"""Of each cycle."""

IN_FLIGHT = 16 + 1 + 1
"""Samples that may be on their way to the disk: a batch that fills, and what the engine and the sink hold."""


class World:
    """A folder with a model, tasks, and the settings of each command.

    Args:
        place: An empty folder.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.temporary = place / "tmp"
        self.temporary.mkdir()
        (place / "parts.py").write_text(PARTS)
        for name, count in (("tasks", TASKS), ("heldout", HELDOUT_TASKS)):
            rows = [{"task_id": f"{name}{n}", "prompt": f"w{n + 3} w{n + 40} of {name} ."} for n in range(count)]
            (place / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        rows = [{"prompt": f"w{n + 3} w{n + 9} .", "completion": f"w{n + 20} w{n + 31} w7"} for n in range(24)]
        (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        model = {"model": {"name": make_tiny_model(place / "model")}}
        for name, settings in (("raft", RAFT), ("sft", SFT), ("sweep", SWEEP)):
            (place / f"{name}.yaml").write_text(yaml.safe_dump(settings | model))

    def command(self, kind: str, output: str, extra: tuple[str, ...] = (), **how: Any) -> Command:
        """Start a command that writes to a folder of this world; `extra` are settings, `how` is for `Popen`."""
        return Command(self, kind, self.place / output, extra, **how)


class Command:
    """A command in a session of its own, and all processes that it started."""

    def __init__(self, world: World, kind: str, output: Path, extra: tuple[str, ...], **how: Any) -> None:
        self.output, self.mark, self.temporary = output, uuid.uuid4().hex, world.temporary
        self.generated = output.with_suffix(".generated")
        settings = [f"tracking.dir={output}.mlruns", *extra]
        words = [*COMMANDS[kind], "--config", f"{kind}.yaml", "--output", str(output), *settings]
        environment = os.environ | {
            "PYTHONPATH": str(world.place),
            "FAULTS_MARK": self.mark,
            "FAULTS_GENERATED": str(self.generated),
            "TMPDIR": str(world.temporary),
            "HALO_RAFT_LEDGER": "off",
            "HF_HUB_OFFLINE": "1",
            "RAY_raylet_start_wait_time_s": "400",  # on a machine that is busy
            "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false",
            **how.pop("env", {}),
        }
        self.said = output.with_suffix(f".{self.mark[:6]}.log")
        with self.said.open("wb") as log:
            streams = {"stdout": log, "stderr": subprocess.STDOUT} | how
            self.process = subprocess.Popen(
                [sys.executable, "-m", "halo_raft.cli", *words],
                cwd=world.place, env=environment, start_new_session=True, **streams,
            )  # fmt: skip

    def processes(self, title: str = "") -> list[int]:
        """Return the processes of this command that are alive, or those whose title holds a text."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._is_ours(entry) and title.encode() in _read(entry / "cmdline"):
                found.append(int(entry.name))
        return found

    def _is_ours(self, entry: Path) -> bool:
        if f"FAULTS_MARK={self.mark}".encode() not in _read(entry / "environ").split(b"\0"):
            return False
        return b") Z " not in _read(entry / "stat")

    def text(self) -> str:
        """Return what it said."""
        return self.said.read_text(errors="replace")

    def wait_until(self, happened: Callable[[], Any]) -> bool:
        """Return whether something happened before the command was over."""
        while not happened():
            if self.process.poll() is not None:
                return False
            time.sleep(0.01)
        return True

    def seconds_until_gone(self, since: float, patience: float = 120.0) -> float:
        """Wait until no process is left; return how long that took.

        Raises:
            AssertionError: Some are still there after `patience` seconds.
        """
        while left := self.processes():
            if time.monotonic() - since > patience:
                names = [_read(Path(f"/proc/{pid}/cmdline")).replace(b"\0", b" ")[:80] for pid in left]
                raise AssertionError(f"still there after {patience:g} s: {names}\n{self.text()[-3000:]}")
            self.process.poll()  # or it stays as a zombie
            time.sleep(0.05)
        self.process.wait()
        return time.monotonic() - since

    def left_in_temporary(self) -> list[str]:
        """Return the temporary files and folders that it left; Ray names its own after the process that starts it.

        Torch's cache of what it compiled, and the folder of Ray's sessions itself, are there for the next command.
        """
        sessions = [path for place in (Path("/tmp"), self.temporary) for path in place.glob("ray/session_*")]
        own = [path for path in sessions if path.is_dir() and path.name.endswith(f"_{self.process.pid}")]
        others = [path for path in self.temporary.iterdir() if not path.name.startswith(("ray", "torchinductor_"))]
        return [str(path) for path in (*own, *others)]

    def lost(self) -> int:
        """Return how many samples were generated that are on no disk."""
        if not self.generated.is_file():
            return 0
        there = {s.sample_id for path in self.output.rglob("cycle_*samples.jsonl") for s in read_records(path, Sample)}
        return len(set(self.generated.read_text().split()) - there)


TITLES = {
    "engine": "ray::EngineActor",
    "verifier": "ray::MapWorker(MapBatches(Verify))",
    "generator": "ray::MapWorker(MapBatches(Generate))",
    "sink": "ray::SampleSink",
    "trainer": "ray::RayTrainWorker",
    "trial": "ray::Trial",
}
"""Who computes -> how Ray calls its process while it works."""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


# --- what happens in a run, by what lies in its folder


def count(path: Path) -> int:
    """Return the lines of a file."""
    return _read(path).count(b"\n")


def moments(kind: str, output: Path) -> dict[str, Callable[[], int]]:
    """Return, for each stage of a command in their order, what counts how far it is: a number that only grows."""
    if kind == "sft":
        done = output / "sft_statistics.json"
        return _of_training("", output / "final_model", "") | {"tracking": lambda: int(done.exists())}
    if kind == "raft":
        return _of_run("", output)
    return _of_run("trial 0 ", output / "trial_0") | _of_run("trial 1 ", output / "trial_1")


def _of_run(name: str, run: Path) -> dict[str, Callable[[], int]]:
    found: dict[str, Callable[[], int]] = {}
    for cycle in range(RAFT["cycles"] + 1):
        files = {stage: run / f"cycle_{cycle}_{stage}.jsonl" for stage in ("samples", "verified", "heldout_samples")}
        if cycle:
            selected, card = run / f"cycle_{cycle}_selected.json", run / f"cycle_{cycle}_final/README.md"
            found[f"{name}generation {cycle}"] = partial(count, files["samples"])
            found[f"{name}verification {cycle}"] = partial(count, files["verified"])
            found[f"{name}selection {cycle}"] = partial(_is_there, selected)
            found |= _of_training(name, run / f"cycle_{cycle}_final", f" {cycle}")
        found[f"{name}evaluation {cycle}"] = partial(count, files["heldout_samples"])
        if cycle:
            found[f"{name}tracking {cycle}"] = partial(_is_there, card)
    return found


def _is_there(path: Path) -> int:
    return int(path.exists())


def _of_training(name: str, adapter: Path, cycle: str) -> dict[str, Callable[[], int]]:
    checkpoints = adapter.with_name(f".{adapter.name}-checkpoints")

    def step() -> int:
        steps = [int(path.name.rpartition("-")[2]) for path in checkpoints.glob("checkpoint-*")]
        return 1000 if adapter.exists() else max(steps, default=0)

    def saving() -> int:
        return int(adapter.exists() or any(p != checkpoints for p in adapter.parent.glob(f".{adapter.name}-*")))

    return {f"{name}training{cycle}": step, f"{name}saving{cycle}": saving}


STOPS = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}
