r"""Does it learn? RAFT beside its control arm, over seeds, on held-out tasks: runs, tables and plots.

Each arm and seed is an ordinary RAFT run in a folder of its own, each further task set an ordinary
benchmark of its cycles; run the same command again and it goes on where it stopped. The control arm
keeps as many samples at random: what RAFT gains over it, the verifier has earned. Both begin with the
same samples of the base model.

    python bench/learning.py --train ../shared/data/mbpp_train_full.jsonl --heldout ../shared/data/mbpp_dev.jsonl \
        --also humaneval --seeds 0 1 --note bench/learning_note.md --output bench/results/learning.md

Any setting may follow as `key=value`. The C++ study, on small tasks of our own:

    python bench/learning.py --train bench/cpp/train.jsonl --heldout bench/cpp/heldout.jsonl --seeds 0 \
        --work models/learning-cpp --output bench/results/learning_cpp.md --note bench/cpp/note.md \
        verifier=gcc run_after_compile=true \
        sampling.samples_per_prompt=4 sampling.max_new_tokens=200 cycles=2 heldout.greedy=false training.min_steps=12
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from halo_raft.config import RaftConfig, load
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.sweep.reuse import take_over
from halo_raft.store import RunFolder
from learning_report import Measured, measure, write_report

ARMS = {"raft": (), "control": ("ablate=verifier",)}
"""Name of each arm -> the settings that make it."""
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Study:
    """What is compared on what.

    Attributes:
        also: Task sets beside the held-out one that every cycle is measured on.
        samples: Samples a task on those.
        work: Where the runs are kept.
        settings: `key=value` for every run.
    """

    config: Path
    train: str
    heldout: str
    also: tuple[str, ...]
    seeds: tuple[int, ...]
    samples: int
    work: Path
    settings: tuple[str, ...]


def run_arm(study: Study, arm: str, seed: int) -> Path:
    """Run one arm with one seed, or what is left of it, and return its folder."""
    folder = study.work / f"{arm}-seed{seed}"
    settings = [
        *(f"tasks.train={study.train}", f"tasks.heldout={study.heldout}", f"heldout.samples={study.samples}"),
        *(f"seed={seed}", f"output_dir={folder}", *ARMS[arm], *study.settings),
    ]
    share(load(RaftConfig, study.config, settings), study.work.glob(f"*-seed{seed}"))
    call(["raft", "train", "--config", str(study.config), *settings])
    return folder


def share(config: RaftConfig, arms: Iterable[Path]) -> None:
    """Give a run what another arm drew of the base model: the arms differ only in what they keep of it."""
    plan, folder = prepare(config), RunFolder(config.output_dir)
    folder.open(plan.fingerprint.to_dict())
    try:
        for part in take_over(plan, folder, arms):
            print(f"Taken over from {part.source}: {part.samples} samples of {part.name}", flush=True)
    finally:
        folder.close()


def run_also(study: Study, folder: Path, seed: int) -> None:
    """Measure the base model and every cycle of a run on the further task sets."""
    run = load(RaftConfig, folder / "config.yaml")
    for tasks in study.also:
        name = Path(tasks).stem.replace(":", "-")
        for adapter in sorted(folder.glob("cycle_*_final")):
            benchmark(study, run, str(adapter), tasks, folder / f"{adapter.name}_{name}.json", seed)
        benchmark(study, run, run.model.name, tasks, study.work / f"base-seed{seed}_{name}.json", seed)


def benchmark(study: Study, run: RaftConfig, model: str, tasks: str, output: Path, seed: int) -> None:
    """Measure a model as the run measured itself."""
    ks = ",".join(map(str, dict.fromkeys((1, study.samples))))
    command = ["benchmark", "run", "--model", model, "--prompts", tasks, "--samples", str(study.samples), "--k", ks]
    settings = [
        f"sampling.temperature={run.heldout.temperature}",
        f"sampling.max_new_tokens={run.sampling.max_new_tokens}",
        f"sampling.stop={json.dumps(run.sampling.stop)}",
        f"engine.max_model_len={run.engine.max_model_len}",
        f"engine.max_num_seqs={json.dumps(run.engine.max_num_seqs)}",
        f"tasks.show_tests={json.dumps(run.tasks.show_tests)}",
        "tracking.mlflow=false",  # the study's own files have it all
        *(
            word
            for word in study.settings
            if word.startswith(("verifier", "run_after_compile", "engine.", "resources."))
        ),
    ]
    call([*command, "--seed", str(seed), "--output", str(output), *settings])


def call(command: Sequence[str]) -> None:
    """Run a command of ours in a process of its own; end with its exit code where it fails."""
    print("$ halo-raft", *command, flush=True)
    if code := subprocess.run([sys.executable, "-m", "halo_raft.cli", *command], check=False).returncode:
        raise SystemExit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=HERE / "learning.yaml")
    parser.add_argument("--train", default="starter")
    parser.add_argument("--heldout", default="starter:heldout")
    parser.add_argument("--also", nargs="*", default=[], metavar="TASKS", help="further task sets to measure on")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--samples", type=int, default=8, help="samples a task of each measurement")
    parser.add_argument("--work", type=Path, default=Path("models/learning"), help="folder of the runs")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "learning.md")
    parser.add_argument("--note", type=Path, metavar="FILE", help="what a reader must know of the tasks, in Markdown")
    parser.add_argument("--report-only", action="store_true", help="write the report of the runs that are there")
    arguments, settings = parser.parse_known_args()
    if wrong := [word for word in settings if "=" not in word or word.startswith("-")]:
        parser.error(f"unrecognized arguments: {' '.join(wrong)}")
    if arguments.note and not arguments.note.is_file():
        parser.error(f"--note: {arguments.note} is no file")
    study = Study(
        arguments.config, arguments.train, arguments.heldout, tuple(arguments.also), tuple(arguments.seeds),
        arguments.samples, arguments.work, tuple(settings),
    )  # fmt: skip
    arms = [(arm, seed) for seed in study.seeds for arm in ARMS]
    if not arguments.report_only:
        folders = [(run_arm(study, arm, seed), seed) for arm, seed in arms]
        for folder, seed in folders:
            run_also(study, folder, seed)
    runs: list[Measured] = [measure(study.work, arm, seed, study.also) for arm, seed in arms]
    write_report(
        arguments.output,
        runs,
        train=study.train,
        heldout=study.heldout,
        note=arguments.note.read_text(encoding="utf-8") if arguments.note else "",
        command=[word for word in sys.argv if word != "--report-only"],
    )
    print(f"Wrote {arguments.output}")


if __name__ == "__main__":
    main()
