"""A log into a part of a run: the same run, under names of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from halo_raft.tracking.base import RunLog


class PrefixedLog(RunLog):
    """Logs to another log; names of metrics, parameters, tags and files begin with `prefix/`.

    Args:
        log: Where to log.
        prefix: Name of the part, without the slash.
    """

    def __init__(self, log: RunLog, prefix: str) -> None:
        self._log = log
        self._prefix = prefix

    def log_metrics(self, metrics: Mapping[str, float | None], step: int) -> None:
        """See `RunLog`."""
        self._log.log_metrics(self._named(metrics), step)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """See `RunLog`."""
        self._log.log_params(self._named(params))

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """See `RunLog`."""
        self._log.set_tags(self._named(tags))

    def log_dataset(self, *args: Any, **kwargs: Any) -> None:
        """See `RunLog`; a data set keeps its name."""
        self._log.log_dataset(*args, **kwargs)

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """See `RunLog`."""
        self._log.log_artifact(path, self._place(folder))

    def log_artifacts(self, directory: Path, folder: str = "") -> None:
        """See `RunLog`."""
        self._log.log_artifacts(directory, self._place(folder))

    def log_text(self, text: str, file: str) -> None:
        """See `RunLog`."""
        self._log.log_text(text, self._place(file))

    def log_table(self, rows: Sequence[Mapping[str, Any]], file: str) -> None:
        """See `RunLog`."""
        self._log.log_table(rows, self._place(file))

    def log_figure(self, figure: Any, file: str) -> None:
        """See `RunLog`."""
        self._log.log_figure(figure, self._place(file))

    def _place(self, file: str) -> str:
        return f"{self._prefix}/{file}".rstrip("/")

    def _named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {self._place(name): value for name, value in values.items()}
