"""The run folder: what is on disk, what is done, what is left.

Records are appended to JSONL files and flushed one by one; a line that was torn by a crash is cut
off when the file is opened again. Everything else is written beside its final place and appears by
rename. A run is tied to what it was started with by a fingerprint. One process may hold a run folder at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from halo_raft.errors import DataError
from halo_raft.records import CycleStats, Record, Sample, Verdict

R = TypeVar("R", bound=Record)

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
    ".ray_train",
)
"""What a run leaves in its folder, as patterns; `--fresh` removes these and nothing else."""


class JsonlWriter:
    """Appends records to a JSONL file. Opening it cuts off a torn last line.

    A record is in the kernel's hands when `append` returns: the death of the process loses none.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut_torn_line(path)
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def append(self, records: Iterable[Record]) -> None:
        """Write records, one a line, and flush."""
        self._file.write("".join(record.to_json() + "\n" for record in records))
        self._file.flush()

    def close(self) -> None:
        """Flush to the disk and close."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class RunFolder:
    """The files of one RAFT run, by the guide's names.

    Stages of a cycle are named by what they draw: `` (training samples) and `heldout`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None

    # --- the run as a whole

    def open(
        self, fingerprint: Mapping[str, Any], *, fresh: bool = False, may_change: Collection[str] = ()
    ) -> dict[str, Any]:
        """Create the folder or continue in it, and lock it.

        Args:
            fingerprint: What a run must not change: model, tasks, verifier, sampling, ...
            fresh: Throw away what an earlier run left here.
            may_change: Keys of the fingerprint that nothing in the folder depends on yet.

        Returns:
            `run.json` as it stands: `fingerprint` and whatever the pipeline stored beside it.

        Raises:
            DataError: Not writable, in use, or started with another fingerprint.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / ".lock").open("w")
        except OSError as error:
            raise DataError(f"output_dir: {self.path} cannot be written ({error.strerror}); choose another") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataError(
                f"output_dir: {self.path} is in use by another run; wait for it or choose another"
            ) from None
        if fresh:
            self._clear()
        known = self.read_json("run.json")
        if known is None:
            known = {"fingerprint": dict(fingerprint)}
            self.write_json("run.json", known)
        now = json.loads(json.dumps(fingerprint))
        tied = {key: value for key, value in known["fingerprint"].items() if key not in may_change}
        if changed := _differences(tied, {key: value for key, value in now.items() if key not in may_change}):
            raise DataError(
                f"output_dir: {self.path} holds a run that was started with {'; '.join(changed)}; "
                "use --fresh to discard it, or another --output"
            )
        if now != known["fingerprint"]:
            known["fingerprint"] = now
            self.write_json("run.json", known)
        return known

    def in_use(self) -> bool:
        """Return whether another process holds the folder."""
        try:
            with (self.path / ".lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def close(self) -> None:
        """Release the lock."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def _clear(self) -> None:
        """Remove an earlier run's files, and nothing that no run of ours wrote."""
        for pattern in OURS:
            for path in self.path.glob(pattern):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    # --- files of a cycle

    def samples_path(self, cycle: int, stage: str = "") -> Path:
        """Return the path of a stage's samples."""
        return self.path / f"cycle_{cycle}_{stage + '_' if stage else ''}samples.jsonl"

    def verdicts_path(self, cycle: int, stage: str = "") -> Path:
        """Return the path of a stage's verdicts."""
        return self.path / f"cycle_{cycle}_{stage + '_' if stage else ''}verified.jsonl"

    def kept_path(self, cycle: int) -> Path:
        """Return the path of the samples that a cycle trains on."""
        return self.path / f"cycle_{cycle}_kept.jsonl"

    def adapter_path(self, cycle: int) -> Path:
        """Return the folder of a cycle's adapter."""
        return self.path / f"cycle_{cycle}_final"

    def has_adapter(self) -> bool:
        """Return whether any cycle has been trained."""
        return any(self.path.glob("cycle_*_final"))

    def samples(self, cycle: int, stage: str = "") -> list[Sample]:
        """Read a stage's samples so far."""
        return list(read_records(self.samples_path(cycle, stage), Sample))

    def verdicts(self, cycle: int, stage: str = "") -> list[Verdict]:
        """Read a stage's verdicts so far."""
        return list(read_records(self.verdicts_path(cycle, stage), Verdict))

    def stats(self, cycle: int) -> CycleStats | None:
        """Return what a finished cycle did, None if it is not finished."""
        row = self.read_json(f"cycle_{cycle}_stats.json")
        return None if row is None else CycleStats.from_dict(row)

    def write_kept(self, cycle: int, kept: Iterable[Sample]) -> None:
        """Write the selected samples, whole or not at all."""
        write_atomically(self.kept_path(cycle), "".join(s.to_json() + "\n" for s in kept))

    def kept(self, cycle: int) -> list[Sample] | None:
        """Return the selected samples, None if the selection was not made yet."""
        return list(read_records(self.kept_path(cycle), Sample)) if self.kept_path(cycle).is_file() else None

    def point_best(self, cycle: int) -> None:
        """Let `best` point at a cycle's adapter."""
        scratch = self.path / ".best"
        scratch.unlink(missing_ok=True)
        scratch.symlink_to(self.adapter_path(cycle).name)
        scratch.rename(self.path / "best")

    # --- plain files

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file atomically."""
        write_atomically(self.path / name, json.dumps(value, indent=2) + "\n")

    def read_json(self, name: str) -> Any:
        """Return a JSON file's content, None if it is not there."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def write_text(self, name: str, text: str) -> None:
        """Write a text file atomically."""
        write_atomically(self.path / name, text)


def read_records(path: Path, record: type[R]) -> Iterator[R]:
    """Yield the records of a JSONL file that is there or not; a torn last line is left out.

    Raises:
        DataError: A line other than the last is damaged.
    """
    if not path.is_file():
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                yield record.from_dict(json.loads(line))
            except (ValueError, TypeError) as error:
                raise DataError(f"{path}:{number}: is damaged ({error}); remove the line to go on without it") from None


def write_atomically(path: Path, text: str) -> None:
    """Write a text file beside its place and rename it there: readers see the old one or the new one."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}-", delete=False, encoding="utf-8"
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
        except BaseException:
            os.unlink(file.name)
            raise
    os.replace(file.name, path)


def _cut_torn_line(path: Path) -> None:
    """Cut a file back to its last newline."""
    if not path.is_file():
        return
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 65536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                file.truncate(start + newline + 1)
                return
            end = start
        file.truncate(0)


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Name the keys whose values differ, with both values where they are short."""
    keys = [key for key in (*old, *(k for k in new if k not in old)) if old.get(key) != new.get(key)]
    return [f"another {key} ({_short(old.get(key))}, now {_short(new.get(key))})" for key in keys]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 48 else text[:45] + "..."
