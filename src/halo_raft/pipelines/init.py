"""`halo-raft init`: a folder with a configuration, tasks, completions and a verifier to start from."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from halo_raft.config.loading import SHIPPED
from halo_raft.errors import DataError
from halo_raft.terminal import console


def add_command(commands: Any) -> None:
    """Add `init` to the commands."""
    parser = commands.add_parser("init", help="write a configuration, tasks and a verifier to start from")
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to write them to")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Copy what comes with us into the folder, and say what to do with it.

    Raises:
        DataError: One of the files is there already, or the folder cannot be written.
    """
    folder: Path = arguments.folder
    files = sorted(file for file in (SHIPPED / "start").iterdir() if file.is_file())
    if there := next((folder / file.name for file in files if (folder / file.name).exists()), None):
        raise DataError(f"{there} is there already; name another folder, or move it away")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(file, folder / file.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be written ({error.strerror}); name another folder") from None
    console.say(f"Wrote {', '.join(file.name for file in files)} to {folder}")
    console.say(f"Next: cd {folder}")
    console.say("  halo-raft data validate tasks.jsonl")
    console.say("  halo-raft verify --tasks tasks.jsonl --samples samples.jsonl --output verdicts.jsonl")
    console.say("  halo-raft raft train --config raft.yaml --dry-run")
    return 0
