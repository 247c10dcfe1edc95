"""In place of `halo-raft` in a study: writes what runs and benchmarks leave, and trains and generates nothing.

What passes is made up: of 4 samples a task, as many as the cycle's number, one more where a run begins from SFT,
and one for the base model and the control arm. `STAND_IN_LOG` names a file that gets each command; with
`STAND_IN_WAITS` a command waits for ever, as one does that is told to stop.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from halo_raft import tasks
from halo_raft.config import RaftConfig, load, to_yaml
from halo_raft.config.sft import SftConfig
from halo_raft.records import CycleStats, Sample, Task, Verdict, VerdictKind
from halo_raft.store import RunFolder, write_atomically

SAMPLES = 4
TOKENS = 10
"""Of a completion."""


def drawn(of: Iterable[Task], cycle: int, indices: Iterable[int]) -> list[Sample]:
    """Make up samples; every second one is another program."""
    return [
        Sample(
            sample_id=f"{cycle}/{task.task_id}/{index}", task_id=task.task_id, cycle=cycle, index=index,
            completion=f"def f():\n    return {index % 2}", prompt_token_ids=[1], token_ids=[1] * TOKENS,
            finish_reason="stop", model="m", sampling={},
        )
        for task in of
        for index in indices
    ]  # fmt: skip


def judged(samples: Iterable[Sample], passed: int) -> list[Verdict]:
    """Let the first so many of a task pass; the greedy one (-1) always: it must not be counted."""
    return [
        Verdict(
            sample_id=s.sample_id, task_id=s.task_id, success=s.index < passed, reward=float(s.index < passed),
            kind=VerdictKind.PASSED if s.index < passed else VerdictKind.WRONG, tests_passed=0, tests_total=1,
            details="", integrity="outside", tier="A", cpu_s=0, wall_s=0, verifier="v", verifier_version="1",
        )
        for s in samples
    ]  # fmt: skip


def write(samples: Path, verdicts: Path, of: Iterable[Task], cycle: int, passed: int) -> None:
    made = drawn(of, cycle, range(-1, SAMPLES))
    write_atomically(samples, "".join(s.to_json() + "\n" for s in made))
    write_atomically(verdicts, "".join(v.to_json() + "\n" for v in judged(made, passed)))


def write_run(config: RaftConfig, passes: dict[int, int]) -> None:
    """Leave what a run does whose cycle c passes `passes[c]` of the samples of each task."""
    folder = RunFolder(config.output_dir)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write_text("config.yaml", to_yaml(config))
    heldout, trained = tasks.load(str(config.tasks.heldout)).tasks, tasks.load(config.tasks.train).tasks
    for cycle, passed in passes.items():
        write(folder.samples_path(cycle, "heldout"), folder.verdicts_path(cycle, "heldout"), heldout, cycle, passed)
        rate = {"pass_at_1": {"mean": passed / SAMPLES}}
        stats = CycleStats(cycle=cycle, heldout=rate, kept=7, kept_prompts=5, train_tokens=100 if cycle else 0)
        if cycle:
            some = drawn(trained[:3], cycle, range(config.sampling.samples_per_prompt))
            write_atomically(folder.samples_path(cycle), "".join(s.to_json() + "\n" for s in some))
            write_adapter(folder.adapter_path(cycle))
        folder.write_json(f"cycle_{cycle}_stats.json", stats.to_dict())
    folder.point_best(max((c for c in passes if c), key=lambda c: (passes[c], -c)))


def write_adapter(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    base = {"base_model_name_or_path": "builtin:smollm2-135m", "r": 8}
    (folder / "adapter_config.json").write_text(json.dumps(base))


def raft(words: list[str]) -> None:
    settings = [word for word in words if "=" in word]
    config = load(RaftConfig, words[words.index("--config") + 1], settings)
    more = 1 if config.model.checkpoint else 0
    write_run(config, {n: 1 if not n or config.ablate else n + more for n in range(config.num_cycles + 1)})


def sft(words: list[str]) -> None:
    config = load(SftConfig, None, words)
    folder = config.training.output_dir
    write_adapter(folder / "final_model")
    facts = {"rows": 5, "examples": 5, "steps": 6, "trained_tokens": 50, "tokens_per_s": 1.0, "loop_seconds": 60.0}
    (folder / "sft_statistics.json").write_text(json.dumps(facts))


def benchmark(words: list[str]) -> None:
    model, prompts, output = (words[words.index(flag) + 1] for flag in ("--model", "--prompts", "--output"))
    name = Path(model).name
    passed = 2 if name == "final_model" else int(name.split("_")[1]) if name.startswith("cycle_") else 1
    beside = Path(output).with_suffix("")
    files = [Path(f"{beside}_{kind}.jsonl") for kind in ("samples", "verified")]
    write(*files, tasks.load(prompts).tasks, 0, passed)
    write_atomically(Path(output), "{}")


def main(words: list[str]) -> None:
    with Path(os.environ["STAND_IN_LOG"]).open("a") as log:
        log.write(" ".join(words) + "\n")
    if os.environ.get("STAND_IN_WAITS"):
        signal.pause()
    {"raft": raft, "sft": sft, "benchmark": benchmark}[words[0]](words[2:])


if __name__ == "__main__":
    main(sys.argv[1:])
