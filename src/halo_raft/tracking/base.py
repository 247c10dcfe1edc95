"""What the pipelines ask of a tracker. MLflow and plain files are behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

from halo_raft.tracking.candidate import Candidate

Status = Literal["FINISHED", "FAILED", "KILLED"]


def status_after(error: BaseException | None) -> Status:
    """Return how a run ended by an exception: what a stop interrupts may fail in its turn on the way out."""
    if error is None:
        return "FINISHED"
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        if not isinstance(error, Exception):
            return "KILLED"
        seen.append(error)
        error = error.__cause__ or error.__context__
    return "FAILED"


class RunLog(ABC):
    """Logs to one run. No method raises: what cannot be logged is warned about once."""

    @abstractmethod
    def log_metrics(self, metrics: Mapping[str, float | None], step: int) -> None:
        """Log numbers at a step. None and non-finite values are left out; `pass@1` becomes `pass_at_1`."""

    @abstractmethod
    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log settings; nested ones become `sampling.temperature`."""

    @abstractmethod
    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags, replacing those of the same name."""

    @abstractmethod
    def log_dataset(self, name: str, path: str, sha256: str, context: str, rows: int | None = None) -> None:
        """Log a data set of so many rows that the run read; `context` says as what (`training`, `heldout`)."""

    @abstractmethod
    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Log one file, into `folder` of the run's artifacts."""

    @abstractmethod
    def log_artifacts(self, directory: Path, folder: str = "") -> None:
        """Log everything in a directory, into `folder` of the run's artifacts."""

    @abstractmethod
    def log_text(self, text: str, file: str) -> None:
        """Log `text` as the artifact `file`."""

    @abstractmethod
    def log_table(self, rows: Sequence[Mapping[str, Any]], file: str) -> None:
        """Log rows with the same keys as the table artifact `file` (ends in `.json`)."""

    @abstractmethod
    def log_figure(self, figure: Any, file: str) -> None:
        """Log a matplotlib figure as the image artifact `file` (ends in `.png`)."""


class Tracker(RunLog):
    """One tracked run with a child run a cycle; metrics of the run itself use `step=cycle`."""

    def warm_up(self) -> None:
        """Begin to set up in the background; `start` waits for it and reports its errors."""

    @abstractmethod
    def start(
        self, run_name: str, params: Mapping[str, Any], tags: Mapping[str, Any], run_id: str | None = None
    ) -> str:
        """Open a run, or continue `run_id`, and return its id.

        Raises:
            ConfigError: The place where runs are logged cannot be used.
        """

    @abstractmethod
    def cycle(self, cycle: int) -> AbstractContextManager[RunLog]:
        """Open the child run of a cycle, the same one again after a resume, and close it at the end."""

    @abstractmethod
    def register_model(
        self,
        name: str,
        artifact_folder: str,
        candidate: Candidate = Candidate(),  # noqa: B008
        tags: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> str | None:
        """Register a logged artifact folder as a model version; return its number, None if it has none.

        It becomes the champion unless `refusal` says why not, and says so; `candidate` is what that looks at.
        """

    def end_child(self, run_id: str, tags: Mapping[str, Any], status: Status | None = None) -> None:
        """Set tags of a child run that another process logged, and end it unless `status` is None.

        Where a run has no children of other processes, nothing is done.
        """

    def sync(self, run_id: str) -> tuple[int, int]:
        """Bring what could not be logged; return how many calls were taken now, and how many are still kept.

        Raises:
            ConfigError: The place where runs are logged cannot be used, or no longer has the run.
        """
        return 0, 0

    @abstractmethod
    def finish(self, status: Status = "FINISHED") -> None:
        """Close the run."""
