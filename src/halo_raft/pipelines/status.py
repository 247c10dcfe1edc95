"""`halo-raft status`, `clean` and `sync`: what a run folder holds, making room, and what MLflow still has to get."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from halo_raft.errors import DataError, UsageError
from halo_raft.pipelines.progress import Progress, progress_of
from halo_raft.store import A_COPY, RunFolder, begun_in, damaged, read_yaml, remove
from halo_raft.terminal import console

FOLDER = "folder that a run, a fine-tuning or a sweep wrote: its --output"
_OF_A_CYCLE = re.compile(
    r"cycle_(\d+)_(plan\.json|selected\.json|stats\.json|(kept|base)\.jsonl|((heldout|recheck)_)?(samples|verified)\.jsonl"
    r"|final)|\.cycle_(\d+)_final-[\w-]+"
)
"""What a run writes for a cycle; a file of the user's with a name like that is not touched."""

_OF_A_RUN = (
    *("run.json", "config.yaml", "raft_statistics.json", "sft_statistics.json", "train_examples.jsonl"),
    *("tasks_heldout.jsonl", "sweep_keys.json", "sweep_reused.json"),
    *("final_model", "best", "logs/raft.log", "logs/ray.log", "tracking", "report", ".ray_train"),
)


def add_commands(commands: Any) -> None:
    """Add `status`, `sync` and `clean` to the commands."""
    status_command = commands.add_parser("status", help="how far a run, a sweep or a fine-tuning is")
    status_command.add_argument("folder", type=Path, metavar="RUN_DIR", help=FOLDER)
    status_command.add_argument("--json", action="store_true", help="print it as JSON")
    status_command.set_defaults(run=status)
    sync_command = commands.add_parser("sync", help="bring to MLflow what it did not take while a run went on")
    sync_command.add_argument("folder", type=Path, metavar="RUN_DIR", help=FOLDER)
    sync_command.set_defaults(run=sync)
    clean_command = commands.add_parser("clean", help="remove what a run left, or some of it")
    clean_command.add_argument("folder", type=Path, metavar="RUN_DIR", help=FOLDER)
    which = clean_command.add_mutually_exclusive_group()
    which.add_argument("--cycle", type=int, metavar="N", help="this cycle's files alone")
    which.add_argument("--keep-best", action="store_true", help="the adapters of all cycles but the best one")
    clean_command.add_argument("--yes", action="store_true", help="do not ask")
    clean_command.set_defaults(run=clean)


def sync(arguments: argparse.Namespace) -> int:
    """Bring to MLflow what it did not take while a run went on; return 1 where some is still kept.

    Raises:
        DataError: It is no run folder, or in use.
        ConfigError: MLflow cannot be used.
    """
    from halo_raft import tracking
    from halo_raft.config import load_file

    folder = RunFolder(arguments.folder)
    if (known := folder.known()) is None:
        raise DataError(_no_run_folder(arguments.folder))
    if not known.get("tracking_run_id"):
        raise DataError(f"{arguments.folder}: run.json names no tracked run; give a folder that raft or sft wrote")
    config = folder.path / "config.yaml"
    if not read_yaml(config, dict[str, Any]):
        raise damaged(config, "nothing is there", A_COPY)
    folder.hold()
    try:
        settings = load_file(config).tracking
        there = begun_in(known) / settings.dir  # as the run had it, wherever this command stands
        tracker = tracking.create(settings.model_copy(update={"dir": there}), folder.path)
        sent, left = tracker.sync(known["tracking_run_id"])
    finally:
        folder.close()
    console.say(f"{sent} calls brought to MLflow, {left} still kept in {console.shown(folder.path)}/tracking")
    return 1 if left else 0


def status(arguments: argparse.Namespace) -> int:
    """Print how far a run is."""
    found = progress_of(arguments.folder)
    if arguments.json:
        print(json.dumps(asdict(found), indent=2))
        return 0
    console.say(f"{console.shown(Path(found.folder))}: {found.state}")
    console.pairs(_lines(found))
    for trial in found.trials:
        console.say(f"  {Path(trial.folder).name}: {trial.state}, cycle {trial.cycle} of {trial.cycles}")
    console.say("Next, when it runs no more:" if found.state == "running" else "Next:")
    console.say(f"  {found.go_on}")
    return 0


def _lines(found: Progress) -> Iterator[tuple[str, str]]:
    """Yield topic and text of what is known."""
    if found.cycles:
        yield "cycle", f"{found.cycle} of {found.cycles}" if found.cycle else "base model"
    if found.stage:
        yield "stage", found.stage + _counts(found)
    if found.per_minute:
        yield "pace", f"{found.per_minute:.0f} samples a minute"
    if found.seconds_left is not None:
        minutes = round(found.seconds_left / 60)
        yield "left", f"about {minutes // 60} h {minutes % 60:02} min at the pace so far"
    if found.best_cycle is not None:
        yield "best so far", f"cycle {found.best_cycle}, {found.best:.1%}"
    if found.error:
        yield "last error", found.error


def _counts(found: Progress) -> str:
    """Return how far a stage is: of samples how many are drawn, verified and passed, else how many steps are done."""
    if found.done is None:
        return ""
    done = f"{found.done:,}" + (f" of {found.total:,}" if found.total else "")
    if found.drawn is None:
        return f", {done}"
    passed = f" ({found.passed:,} passed)" if found.passed else ""
    return f", {found.drawn:,} drawn, {done} verified{passed}"


def clean(arguments: argparse.Namespace) -> int:
    """Remove what a run of ours wrote, after it was asked.

    Raises:
        DataError: It is no run folder, it is in use, or nothing there is to be removed.
        UsageError: Nobody can be asked.
    """
    folder = RunFolder(arguments.folder)
    if folder.known(mend="remove the folder by hand") is None:
        raise DataError(_no_run_folder(arguments.folder))
    folder.hold()
    try:
        found = list(_to_remove(folder, arguments.cycle, arguments.keep_best))
        if not found:
            raise DataError(f"{arguments.folder}: holds nothing of that; nothing is removed")
        console.say(f"To remove from {console.shown(folder.path)}, {_megabytes(found):,.1f} MB:")
        for path in found:
            console.say(f"  {path.relative_to(folder.path)}")
        if arguments.yes or _agreed():
            for path in found:
                remove(path)
            console.say(f"Removed {len(found)} files and folders")
        else:
            console.say("Nothing is removed")
    finally:
        folder.close()
    return 0


def _no_run_folder(path: Path) -> str:
    return f"{path}: is no run folder (it has no run.json of one); give one that raft, sft or sweep wrote"


def _to_remove(folder: RunFolder, cycle: int | None, keep_best: bool) -> Iterator[Path]:
    """Yield what is to go, links before what they point at."""
    best = folder.path / "best"
    kept = best.readlink().name if best.is_symlink() else None
    if keep_best and kept is None:
        raise DataError(f"{folder.path}: no cycle of it is the best one yet; let it finish one (nothing is removed)")
    if cycle is not None and kept == folder.adapter_path(cycle).name:
        yield best
    for path in sorted(folder.path.iterdir()):
        if (name := _OF_A_CYCLE.fullmatch(path.name)) is None:
            continue
        if keep_best and (not path.name.endswith("_final") or path.name == kept):
            continue
        if cycle is None or cycle == int(name[1] or name[6]):
            yield path
    if cycle is None and not keep_best:
        yield from (path for name in _OF_A_RUN if (path := folder.path / name).exists() or path.is_symlink())


def _megabytes(paths: list[Path]) -> float:
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.lstat().st_size for file in files if not file.is_dir()) / 1e6


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise UsageError("clean: nobody is there to be asked; give --yes")
    return input("Remove it? [y/N] ").strip().lower() in ("y", "yes")
