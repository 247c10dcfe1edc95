"""Logging to one MLflow run, by its id: no global active run, so no stray runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from halo_raft.tracking.base import RunLog
from halo_raft.tracking.soft import AwayError, WarnOnce
from halo_raft.tracking.unsent import Unsent
from halo_raft.tracking.values import MAX_TAG, batches, cut, finite_metrics, flatten

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_MAX_PARAMS = 100
_MAX_METRICS = 1000
_DIGEST_LENGTH = 16


class MlflowRunLog(RunLog):
    """Logs to the run it was attached to.

    A resumed run may log again what it logged before it was cut off. MLflow would refuse changed
    parameters and store metrics twice, so what is there already is read back first.
    """

    def __init__(self, soft: WarnOnce, unsent: Unsent | None = None, cycle: int = 0) -> None:
        self._soft = soft
        self._unsent = unsent
        self._cycle = cycle
        self._client: MlflowClient | None = None
        self.run_id = ""
        self._params: dict[str, str] = {}
        self._history: dict[str, dict[int, float] | None] = {}

    def attach(self, client: MlflowClient, run: Run) -> None:
        """Log to `run` from now on."""
        self._client = client
        self.run_id = run.info.run_id
        self._params = dict(run.data.params)
        self._history = dict.fromkeys(run.data.metrics)

    @property
    def _open(self) -> MlflowClient:
        if self._client is None:
            raise RuntimeError("the run is not open")
        if self._unsent is not None and self._unsent.is_away:
            raise AwayError("MLflow did not answer just now")
        return self._client

    def _kept(self, method: str, *arguments: Any) -> Callable[[], None]:
        """Return what keeps a call that fails."""

        def keep() -> None:
            if self._unsent is not None:
                self._unsent.keep(self._cycle, method, arguments)

        return keep

    def log_metrics(self, metrics: Mapping[str, float | None], step: int) -> None:
        """See `RunLog`."""
        with self._soft("log metrics", self._kept("log_metrics", metrics, step)):
            from mlflow.entities import Metric

            now = int(time.time() * 1000)
            new = [
                Metric(name, value, now, step)
                for name, value in finite_metrics(metrics).items()
                if self._logged_before(name).get(step) != value
            ]
            for batch in batches(new, _MAX_METRICS):
                self._open.log_batch(self.run_id, metrics=batch)

    def _logged_before(self, name: str) -> dict[int, float]:
        """Return value by step of a metric as it was when this process opened the run."""
        if name not in self._history:
            return {}
        known = self._history[name]
        if known is None:
            known = {point.step: point.value for point in self._open.get_metric_history(self.run_id, name)}
            self._history[name] = known
        return known

    def log_params(self, params: Mapping[str, Any]) -> None:
        """See `RunLog`; a setting that a resumed run changed becomes the tag `resumed.<name>`."""
        with self._soft("log parameters", self._kept("log_params", params)):
            from mlflow.entities import Param

            flat = flatten(params)
            new = [Param(name, value) for name, value in flat.items() if name not in self._params]
            for batch in batches(new, _MAX_PARAMS):
                self._open.log_batch(self.run_id, params=batch)
            changed = {f"resumed.{n}": value for n, value in flat.items() if self._params.get(n, value) != value}
            self._params |= {param.key: param.value for param in new}
            self.set_tags(changed)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """See `RunLog`."""
        with self._soft("set tags", self._kept("set_tags", tags)):
            from mlflow.entities import RunTag

            rows = [RunTag(name, cut(str(value), MAX_TAG)) for name, value in tags.items()]
            for batch in batches(rows, _MAX_PARAMS):
                self._open.log_batch(self.run_id, tags=batch)

    def log_dataset(self, name: str, path: str, sha256: str, context: str, rows: int | None = None) -> None:
        """See `RunLog`; the digest is the first 16 digits of the hash, a tag holds it whole."""
        with self._soft("log a data set", self._kept("log_dataset", name, path, sha256, context, rows)):
            from mlflow.entities import Dataset, DatasetInput, InputTag

            profile = json.dumps({"num_rows": rows}) if rows is not None else None
            source = json.dumps({"uri": str(path)})
            dataset = Dataset(name, sha256[:_DIGEST_LENGTH], "local", source, profile=profile)
            tags = [InputTag("mlflow.data.context", context), InputTag("sha256", sha256)]
            self._open.log_inputs(self.run_id, [DatasetInput(dataset, tags)])

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """See `RunLog`."""
        with self._soft("log an artifact", self._kept("log_artifact", path, folder)):
            self._open.log_artifact(self.run_id, str(path), folder or None)

    def log_artifacts(self, directory: Path, folder: str = "") -> None:
        """See `RunLog`."""
        with self._soft("log artifacts", self._kept("log_artifacts", directory, folder)):
            # MLflow logs a folder that does not exist as if it were empty.
            if not directory.is_dir():
                raise FileNotFoundError(f"{directory} is no folder")
            self._open.log_artifacts(self.run_id, str(directory), folder or None)

    def log_text(self, text: str, file: str) -> None:
        """See `RunLog`."""
        with self._soft("log a text", self._kept("log_text", text, file)):
            self._open.log_text(self.run_id, text, file)

    def log_table(self, rows: Sequence[Mapping[str, Any]], file: str) -> None:
        """See `RunLog`; a table that is there already stays, since MLflow would append to it."""
        with self._soft("log a table", self._kept("log_table", rows, file)):
            folder = file.rpartition("/")[0]
            there = self._open.list_artifacts(self.run_id, folder or None)
            if rows and all(entry.path != file for entry in there):
                columns = {key: [row.get(key) for row in rows] for key in rows[0]}
                self._open.log_table(self.run_id, columns, file)

    def log_figure(self, figure: Any, file: str) -> None:
        """See `RunLog`."""
        with self._soft("log a figure"):
            self._open.log_figure(self.run_id, figure, file)
