"""A tracker that writes plain files: for runs without MLflow.

Layout: `run.json` (id, name, status, tags), `params.json`, `metrics.jsonl`, `datasets.jsonl`,
`artifacts.jsonl` (where artifacts are: adapters stay in the run folder, nothing is copied),
`artifacts/` (texts, tables, figures) and a folder like it for each cycle.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from halo_raft.errors import ConfigError
from halo_raft.store import checked, read_as
from halo_raft.tracking.base import RunLog, Status, Tracker
from halo_raft.tracking.candidate import Candidate, refusal
from halo_raft.tracking.soft import WarnOnce, reason
from halo_raft.tracking.values import finite_metrics, flatten


class FileRunLog(RunLog):
    """Logs one run, or one cycle, into a folder that is made at the first write."""

    def __init__(self, folder: Path, soft: WarnOnce) -> None:
        self._folder = folder
        self._soft = soft

    def log_metrics(self, metrics: Mapping[str, float | None], step: int) -> None:
        """See `RunLog`."""
        with self._soft("write metrics"):
            if finite := finite_metrics(metrics):
                self._append("metrics.jsonl", {"step": step, "metrics": finite})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """See `RunLog`."""
        with self._soft("write parameters"):
            self._update("params.json", flatten(params))

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """See `RunLog`."""
        with self._soft("write tags"):
            known = self._read("run.json").get("tags", {})
            self._update("run.json", {"tags": known | {name: str(value) for name, value in tags.items()}})

    def log_dataset(self, name: str, path: str, sha256: str, context: str, rows: int | None = None) -> None:
        """See `RunLog`."""
        with self._soft("write a data set"):
            row = {"name": name, "path": path, "sha256": sha256, "context": context, "rows": rows}
            self._append("datasets.jsonl", row)

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """See `RunLog`."""
        with self._soft("write an artifact's place"):
            if not path.exists():
                raise FileNotFoundError(f"{path} does not exist")
            self._append("artifacts.jsonl", {"path": str(path.resolve()), "folder": folder})

    def log_artifacts(self, directory: Path, folder: str = "") -> None:
        """See `RunLog`."""
        self.log_artifact(directory, folder)

    def log_text(self, text: str, file: str) -> None:
        """See `RunLog`."""
        with self._soft("write a text"):
            self._artifact(file).write_text(text, encoding="utf-8")

    def log_table(self, rows: Sequence[Mapping[str, Any]], file: str) -> None:
        """See `RunLog`."""
        with self._soft("write a table"):
            self._artifact(file).write_text(json.dumps([dict(row) for row in rows], indent=1), encoding="utf-8")

    def log_figure(self, figure: Any, file: str) -> None:
        """See `RunLog`."""
        with self._soft("write a figure"):
            figure.savefig(self._artifact(file))

    def _artifact(self, file: str) -> Path:
        path = self._folder / "artifacts" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _append(self, file: str, row: Mapping[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / file).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")

    def _read(self, file: str) -> dict[str, Any]:
        row: dict[str, Any] = read_as(self._folder / file, lambda row: checked(dict[str, Any], row)) or {}
        return row

    def _update(self, file: str, values: Mapping[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**self._read(file), **values}, indent=1)
        # A run may be killed at any moment; a rename leaves the old file or the new one, never half.
        draft = self._folder / f".{file}.new"
        draft.write_text(text + "\n", encoding="utf-8")
        draft.replace(self._folder / file)


class FileTracker(FileRunLog, Tracker):
    """Tracks a run in the files of one folder; a resumed run goes on in the same files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, WarnOnce())

    def start(
        self, run_name: str, params: Mapping[str, Any], tags: Mapping[str, Any], run_id: str | None = None
    ) -> str:
        """See `Tracker`."""
        try:
            known = self._read("run.json")
            run_id = run_id or known.get("run_id") or uuid.uuid4().hex
            self._update("run.json", {"run_id": run_id, "run_name": run_name, "status": "RUNNING"})
        except OSError as error:
            raise ConfigError(
                f"tracking folder {self._folder} cannot be used: {reason(error)}; "
                f"choose another output folder or remove the file"
            ) from error
        self.log_params(params)
        self.set_tags(tags)
        return run_id

    @contextmanager
    def cycle(self, cycle: int) -> Iterator[RunLog]:
        """See `Tracker`."""
        yield FileRunLog(self._folder / f"cycle_{cycle}", self._soft)

    def register_model(
        self,
        name: str,
        artifact_folder: str,
        candidate: Candidate = Candidate(),  # noqa: B008
        tags: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> str | None:
        """See `Tracker`; plain files have no registry, so what there is to know becomes tags."""
        refused = refusal(candidate, None)
        place = {"model.not_champion": refused} if refused else {"model.champion": f"{name}: {artifact_folder}"}
        self.set_tags(place | {f"model.{tag}": value for tag, value in candidate.tags.items()})
        return None

    def finish(self, status: Status = "FINISHED") -> None:
        """See `Tracker`."""
        with self._soft("write the run's end"):
            self._update("run.json", {"status": status})
