r"""Does it learn? Arms of training over seeds, on tasks that nothing was chosen on: runs, tables and plots.

Without a plan two arms: RAFT, and its control, which keeps as many samples at random: what RAFT gains over it, the
verifier has earned.

    python bench/learning.py --train ../shared/data/mbpp_train_full.jsonl --heldout ../shared/data/mbpp_dev.jsonl \
        --also humaneval --seeds 0 1 --note bench/learning_note.md --output bench/results/learning.md

A plan names more of them, such as SFT and RAFT that begins from it (`learning_plan.py` says what it may hold):

    python bench/learning.py --plan bench/plans/recipes.yaml --train TASKS --references TASKS_WITH_ANSWERS \
        --heldout DEV --also TEST humaneval --minutes 150

Each arm and seed is an ordinary run in a folder of its own. The same command goes on where the last one stopped;
with `--minutes` it stops by itself. Figures are kept in `--records`: an arm that has them is not run again, even where
its run folder is gone. `--only ARM SEED` runs one, `--estimate` says what all of it takes and runs nothing. Any setting
may follow as `key=value`. The C++ study, on small tasks of our own:

    python bench/learning.py --train bench/cpp/train.jsonl --heldout bench/cpp/heldout.jsonl --seeds 0 \
        --work models/learning-cpp --output bench/results/learning_cpp.md --note bench/cpp/note.md \
        verifier=gcc run_after_compile=true \
        sampling.samples_per_prompt=4 sampling.max_new_tokens=200 cycles=2 heldout.greedy=false training.min_steps=12
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import Any

from halo_raft.errors import HaloRaftError, UsageError
from learning_estimate import Rates, estimate
from learning_plan import HERE, Plan, check_apart, read_plan, words
from learning_report import Found, write_report
from learning_run import Study, check_settings, run
from learning_slice import Slice, TimeIsUpError

TWO_ARMS = {
    "arms": {"raft": {}, "control": {"settings": {"ablate": "verifier"}}},
    "compare": [("raft", "control")],
    "measure": "all",
}
"""What is compared where no plan is given."""
IN_PLAN = ("config", "train", "references", "heldout", "also", "seeds", "samples")
"""Flags that take the place of what a plan says; `heldout` is its `choose`, and `also` its `report`."""


def arguments_of(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, metavar="FILE", help="YAML file with the arms")
    parser.add_argument("--config", type=Path, help="settings of RAFT that all arms share (bench/learning.yaml)")
    parser.add_argument("--train", help="tasks to train on")
    parser.add_argument("--references", metavar="FILE", help="the answers of these tasks, for arms of SFT")
    parser.add_argument("--heldout", help="tasks that cycles and recipes are chosen on")
    parser.add_argument("--also", nargs="*", metavar="TASKS", help="task sets to report on: nothing is chosen there")
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--samples", type=int, help="samples a task of each measurement (8)")
    parser.add_argument("--model", help="in place of the default one")
    parser.add_argument("--only", nargs=2, action="append", metavar=("ARM", "SEED"), help="run this one alone")
    parser.add_argument("--minutes", type=float, help="stop after so many, to go on another time")
    parser.add_argument("--work", type=Path, default=Path("models/learning"), help="folder of the runs")
    parser.add_argument("--records", type=Path, help="folder of the figures (records/ in that of the runs)")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "learning.md")
    parser.add_argument("--note", type=Path, metavar="FILE", help="what a reader must know of the tasks, in Markdown")
    parser.add_argument("--report-only", action="store_true", help="write the report of what is there")
    parser.add_argument("--estimate", action="store_true", help="say what it takes: tokens, hours, memory")
    Rates.add_flags(parser)
    arguments, arguments.settings = parser.parse_known_args(argv)
    if wrong := [word for word in arguments.settings if "=" not in word or word.startswith("-")]:
        parser.error(f"unrecognized arguments: {' '.join(wrong)}")
    if arguments.note and not arguments.note.is_file():
        parser.error(f"--note: {arguments.note} is no file")
    return arguments


def study_of(arguments: argparse.Namespace) -> Study:
    """Return the study that a command line asks for.

    Raises:
        HaloRaftError: The plan is wrong, or its task sets are not apart; one line.
    """
    named = {"heldout": "choose", "also": "report"}
    given: dict[str, Any] = {
        named.get(flag, flag): value for flag in IN_PLAN if (value := getattr(arguments, flag)) is not None
    }
    plan = read_plan(arguments.plan, given, TWO_ARMS)
    settings = [*(words({"model.name": arguments.model}) if arguments.model else []), *arguments.settings]
    return Study(plan, arguments.work, arguments.records or arguments.work / "records", tuple(settings))


def pairs_of(plan: Plan, only: list[list[str]] | None) -> list[tuple[str, int]]:
    """Return the arms and seeds to run, a seed after the other: one that is whole has a report.

    Raises:
        UsageError: `--only` names what the plan has not.
    """
    every = [(arm, seed) for seed in plan.seeds for arm in plan.order]
    wanted = [(arm, int(seed) if seed.isdecimal() else -1) for arm, seed in only or []]
    if strange := [pair for pair in wanted if pair not in every]:
        seeds = ", ".join(map(str, plan.seeds))
        raise UsageError(
            f"--only: there is no {strange[0][0]} with that seed; arms: {', '.join(plan.arms)}; seeds: {seeds}"
        )
    return wanted or every


def main(argv: list[str] | None = None) -> int:
    """Run what is asked for, and return the exit code."""
    arguments = arguments_of(argv)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # on the way out a command is stopped
    try:
        study = study_of(arguments)
        pairs = pairs_of(study.plan, arguments.only)
        check_settings(study, [] if arguments.report_only else pairs)
        check_apart(study.plan)
        if arguments.estimate:
            print("\n".join(estimate(study, pairs, Rates.of(arguments))))
            return 0
        if not arguments.report_only:
            run(study, Slice(arguments.minutes), pairs)
    except KeyboardInterrupt:
        return 130
    except TimeIsUpError:
        print("Time is up; the same command goes on from here")
    except HaloRaftError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return report(study, arguments)


def report(study: Study, arguments: argparse.Namespace) -> int:
    """Write the report of all figures that are there."""
    every = [(arm, seed) for seed in study.plan.seeds for arm in study.plan.arms]
    runs = [found for arm, seed in every if (found := study.found(arm, seed))]
    print(f"{len(runs)} of {len(every)} arms and seeds are there")
    if not runs:
        return 0
    note = arguments.note.read_text(encoding="utf-8") if arguments.note else ""
    once = [word for word in sys.argv if word != "--report-only"]
    write_report(arguments.output, Found.of(study.plan, runs), command=once, note=note)
    print(f"Wrote {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
