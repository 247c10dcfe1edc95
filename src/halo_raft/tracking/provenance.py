"""Where a run came from: who, which command, which commit; and the text at the top of its page."""

from __future__ import annotations

import getpass
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

NOTE_TAG = "mlflow.note.content"
_NOTE_LINES = (
    ("Model", "model.name"),
    ("Adapter to start from", "model.checkpoint"),
    ("Training tasks", "tasks.train"),
    ("Held-out tasks", "tasks.heldout"),
    ("Training file", "data.train_file"),
    ("Verifier", "verifier.name"),
    ("Cycles", "cycles"),
    ("Samples per prompt", "sampling.samples_per_prompt"),
    ("Temperature", "sampling.temperature"),
    ("Seed", "seed"),
    ("Run folder", "output_dir"),
)


def source_tags() -> dict[str, str]:
    """Return MLflow's own tags for user, command and git commit; the commit only inside a checkout."""
    tags = {"mlflow.source.name": Path(sys.argv[0]).name or "python", "mlflow.source.type": "LOCAL"}
    try:
        tags["mlflow.user"] = getpass.getuser()
    except (KeyError, OSError):  # A container's user need not have a name.
        tags["mlflow.user"] = "unknown"
    return tags | _git_tags()


def git_commit() -> str | None:
    """Return the commit of the checkout that the working directory is in, None outside of one."""
    return _git("rev-parse", "HEAD") or None


def _git_tags() -> dict[str, str]:
    commit = git_commit()
    if not commit:
        return {}
    tags = {"mlflow.source.git.commit": commit}
    branch = _git("rev-parse", "--abbrev-ref", "HEAD")
    if branch:
        tags["mlflow.source.git.branch"] = branch
    changes = _git("status", "--porcelain", "--untracked-files=no")
    if changes is not None:
        tags["mlflow.source.git.dirty"] = str(bool(changes)).lower()
    return tags


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


UNITS = (
    "Units: `heldout/*`, `pass_rate`, `prompts_solved`, `unique_ratio` and `threshold` are shares from 0 to 1; "
    "`seconds/*` are seconds; `loss*`, `validation_loss` and `loss/*` are nats a completion token; `*tokens_per_s` "
    "are tokens a second; `verdicts/*`, `selection/*`, `integrity/*`, `samples`, `kept*` and the rest are counts."
)


def run_note(params: Mapping[str, str]) -> str:
    """Return the run's description in Markdown, from its flat settings; settings it lacks are left out."""
    kind = "Supervised fine-tuning" if "data.train_file" in params else "Reward-ranked fine-tuning (RAFT)"
    lines = [f"- **{label}**: {params[key]}" for label, key in _NOTE_LINES if params.get(key, "None") != "None"]
    reading = "Step N of a metric is cycle N; step 0 is the base model. Each cycle has a child run with its loss curve."
    return "\n".join([f"{kind} of a code model.", "", *lines, "", reading, "", UNITS])
