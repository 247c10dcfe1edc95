"""A folder that one process holds at a time, tied by a fingerprint to what it was begun with."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypedDict, TypeVar

from halo_raft.errors import DataError
from halo_raft.store.jsonl import write_atomically
from halo_raft.store.mismatch import changed_keys, described, stages_touched
from halo_raft.store.reading import A_COPY, ANEW, checked, read_as

log = logging.getLogger(__name__)
T = TypeVar("T")

_TORN = re.compile(r"\.(run\.json|config\.yaml|cycle_\w+\.jsonl?|\w+_statistics\.json)-\w{8}")
"""What `write_atomically` leaves where it is killed."""

RAFT, SFT = "a RAFT run", "a supervised fine-tuning"

A_COPY_OR_ANOTHER = f"{A_COPY}, or choose another --output"

REDONE_FROM = {"selection": "select", "training": "train"}
"""First stage that a change touches -> what `--from-stage` calls it."""

OURS = (
    "cycle_*",
    ".cycle_*",
    "run.json",
    "config.yaml",
    "raft_statistics.json",
    "sft_statistics.json",
    "train_examples.jsonl",
    "final_model",
    ".final_model*",
    "best",
    "logs",
    "tracking",
    "report",
    "verdicts.jsonl",
    ".ray_train",
)
"""What a run leaves in its folder, as patterns: `--fresh` removes these alone, and only where a run is."""


class Ended(TypedDict, total=False):
    """How the last command of a run ended: `FINISHED`, `FAILED` or `KILLED`, and why."""

    how: str
    why: str


class RunFacts(TypedDict, total=False):
    """What `run.json` says, as far as it is read back; relative paths of its settings are those of `begun_in`."""

    fingerprint: dict[str, Any]
    begun_in: str
    tracking_run_id: str | None
    ended: Ended | None
    task_counts: dict[str, int]
    broken_tasks: dict[str, dict[str, str]]
    versions: dict[str, str]


class HeldFolder:
    """A folder of results: locked while it is open, tied to a fingerprint, cleared by `--fresh`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None

    @property
    def ray_files(self) -> Path:
        """Where Ray Train keeps files of its own while it runs."""
        return self.path / ".ray_train"

    def open(
        self,
        fingerprint: Mapping[str, Any],
        *,
        fresh: bool = False,
        may_change: Collection[str] = (),
        forget: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Create the folder or continue in it, and lock it.

        Args:
            fingerprint: What a run must not change: model, tasks, verifier, sampling, ...
            fresh: Throw away what an earlier run left here.
            may_change: Keys of the fingerprint that nothing in the folder depends on yet, or after `forget`.
            forget: Removes what depends on them; called when nothing else is against going on.

        Returns:
            `run.json` as it stands: `fingerprint` and whatever the pipeline stored beside it.

        Raises:
            DataError: Not writable, in use, or started with another fingerprint.
        """
        self.check_ours()
        self.hold()
        for path in self.path.iterdir():
            if _TORN.fullmatch(path.name):
                path.unlink()
        known = self.known(mend=A_COPY_OR_ANOTHER)
        if fresh and known is not None:
            self._clear()
            known = None
        if known is None:
            known = {"fingerprint": dict(fingerprint), "begun_in": str(Path.cwd())}
            self.write_json("run.json", known)
        now = json.loads(json.dumps(fingerprint))
        changed = self._changed(known["fingerprint"], now, may_change)
        forget()
        if changed:
            texts = described(known["fingerprint"], now, changed)
            log.info(
                "Changed since it was begun: %s; what is there does not depend on it and is kept", "; ".join(texts)
            )
            known["fingerprint"] = now
            self.write_json("run.json", known)
        return known

    def check_begun(self, fingerprint: Mapping[str, Any], *, may_change: Collection[str] = ()) -> None:
        """Check that `open` would not refuse to go on here; changes nothing.

        Raises:
            DataError: It was started with another fingerprint.
        """
        if (known := self.known(mend=A_COPY_OR_ANOTHER)) is not None:
            self._changed(known["fingerprint"], json.loads(json.dumps(fingerprint)), may_change)

    def _changed(self, old: Mapping[str, Any], new: Mapping[str, Any], may_change: Collection[str]) -> list[str]:
        """Return the keys whose values differ.

        Raises:
            DataError: One of them must not.
        """
        changed = changed_keys(old, new)
        if refused := [key for key in changed if key not in may_change]:
            raise DataError(self._refusal(old, new, refused))
        return changed

    def _refusal(self, old: Mapping[str, Any], new: Mapping[str, Any], keys: list[str]) -> str:
        """Say in one line what was changed, what depends on it, and the ways out."""
        if (was := _made_by(old)) != (wanted := _made_by(new)):
            return f"output_dir: {self.path} holds {was}, and this is {wanted}; choose another --output" + (
                ", and start from its adapter with --checkpoint" if (was, wanted) == (SFT, RAFT) else ""
            )
        text = f"output_dir: {self.path} was begun with other settings: {'; '.join(described(old, new, keys))}"
        if wanted == RAFT:
            stages = stages_touched(keys)
            text += f" (which changes {', '.join(stages)})"
            if stages[0] in REDONE_FROM:
                text += (
                    f"; use --from-stage {REDONE_FROM[stages[0]]} to keep the samples and verdicts of the base model "
                    "and the first cycle and do the rest again"
                )
        return f"{text}; set it back, use --fresh to discard all of it, or another --output"

    def check_ours(self) -> None:
        """Check that nothing is here that a run would write over and that no run wrote.

        Raises:
            DataError: Something is; names it.
        """
        if self.known(mend=A_COPY_OR_ANOTHER) is None and (strange := ", ".join(sorted(p.name for p in self._ours()))):
            raise DataError(
                f"output_dir: {self.path} holds {strange}, which no run of ours wrote; choose another --output"
            )

    def hold(self) -> None:
        """Make the folder where it is missing, lock it, and remove what a killed training kept there for itself.

        Raises:
            DataError: Not writable, or in use.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / ".lock").open("a")
        except OSError as error:
            raise DataError(f"output_dir: {self.path} cannot be written ({error.strerror}); choose another") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f"output_dir: {self.path} is in use by another run; wait for it or choose another"
            ) from None
        except OSError as error:
            raise DataError(
                f"output_dir: {self.path} is on a file system without locks ({error.strerror}), where two runs could "
                "write over each other; choose a folder on a local disk"
            ) from None
        for left in self.ray_files.glob("*"):
            shutil.rmtree(left, ignore_errors=True)

    def note_end(self, how: str, why: str) -> None:
        """Note in `run.json` how the command that is at its end ended; the next one that starts forgets it."""
        if (known := self.known()) is not None:
            self.write_json("run.json", known | {"ended": {"how": how, "why": why}})

    def in_use(self) -> bool:
        """Return whether another process holds the folder."""
        try:
            with (self.path / ".lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # there is none, or a file system without locks, where no run of ours can be
            return False
        return False

    def close(self) -> None:
        """Release the lock."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def known(self, *, mend: str = A_COPY) -> dict[str, Any] | None:
        """Return `run.json` where it is there and a run's of ours, else None.

        Raises:
            DataError: It is damaged.
        """

        def run(row: Any) -> Any:
            ours = isinstance(row, dict) and isinstance(row.get("fingerprint"), dict)
            return checked(RunFacts, row) if ours else None

        facts: dict[str, Any] | None = self.read_as("run.json", run, mend=mend)
        return facts

    def _ours(self) -> Iterator[Path]:
        """Yield what is here under a name that a run gives."""
        for pattern in OURS:
            yield from self.path.glob(pattern)

    def _clear(self) -> None:
        """Remove an earlier run's files, and nothing that no run of ours wrote."""
        for path in list(self._ours()):  # at once: a link whose target is gone is not found
            remove(path)

    # --- plain files

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file atomically."""
        write_atomically(self.path / name, json.dumps(value, indent=2) + "\n")

    def read_as(self, name: str, make: Callable[[Any], T], *, mend: str = ANEW) -> T | None:
        """Return what is made of a JSON file's content, None if it is not there.

        Raises:
            DataError: It is damaged, or not what was written there.
        """
        return read_as(self.path / name, make, mend=mend)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file atomically."""
        write_atomically(self.path / name, text)


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def begun_in(run: Mapping[str, Any]) -> Path:
    """Return where the command stood that began a run, whose settings have their relative paths from there.

    Args:
        run: What `run.json` says; where it does not say it, or the place is gone, this is where we stand.
    """
    place = Path(run.get("begun_in") or Path.cwd())
    return place if place.is_dir() else Path.cwd()


def check_writable(folder: Path, key: str) -> None:
    """Check that `folder` is, or can be made, a folder that this user may write in; makes nothing.

    Raises:
        DataError: It cannot; names the setting `key`.
    """
    existing = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise DataError(f"{key}: {folder} cannot be written; choose another folder with --output")


def _made_by(fingerprint: Mapping[str, Any]) -> str:
    return RAFT if "training tasks" in fingerprint else SFT if "data" in fingerprint else "a run"
