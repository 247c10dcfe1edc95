"""A RAFT run in MLflow: one parent run with a child a cycle, and the best adapter in the registry."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from halo_raft.errors import ConfigError
from halo_raft.tracking.base import RunLog, Status, Tracker, status_after
from halo_raft.tracking.candidate import CHAMPION, Candidate, refusal
from halo_raft.tracking.location import Location
from halo_raft.tracking.mlflow_client import Connection, connect
from halo_raft.tracking.mlflow_run import MlflowRunLog
from halo_raft.tracking.prefixed import PrefixedLog
from halo_raft.tracking.provenance import NOTE_TAG, run_note, source_tags
from halo_raft.tracking.soft import Strict, WarnOnce, reason
from halo_raft.tracking.unsent import Unsent
from halo_raft.tracking.values import MAX_TAG, cut, flatten

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)

CYCLE_TAG = "cycle"
NOT_CHAMPION = "not_champion"
REGISTERED_NOTE = (
    "LoRA adapters of one base model made by halo-raft, one version a run: its best cycle. The alias `champion` is the "
    "best of those that were measured on the same held-out tasks; the tag `not_champion` says of others why not."
)
_PARENT_TAG = "mlflow.parentRunId"


class MlflowTracker(MlflowRunLog, Tracker):
    """Tracks a run in MLflow.

    Args:
        location: Where to log.
        experiment: Name of the experiment, created where it is missing.
        parent_run: Run that this one is a child of. MLflow shows one level of children, so cycles get none then.
        unsent: Keeps what MLflow does not take; it is brought by the next start, or by `sync`.
    """

    def __init__(
        self, location: Location, experiment: str, parent_run: str | None = None, unsent: Unsent | None = None
    ) -> None:
        super().__init__(WarnOnce(), unsent)
        self._parent_run = parent_run
        self._location = location
        self._experiment = experiment
        self._connecting: Future[Connection] | None = None
        self._experiment_id = ""
        self._monitor: Any = None

    def warm_up(self) -> None:
        """See `Tracker`: imports MLflow and creates the database, which take some 7 s the first time."""
        if self._connecting is not None:
            return
        future: Future[Connection] = Future()

        def work() -> None:
            try:
                future.set_result(connect(self._location, self._experiment))
            except BaseException as error:
                future.set_exception(error)

        self._connecting = future
        threading.Thread(target=work, name="mlflow-warm-up", daemon=True).start()

    def start(
        self, run_name: str, params: Mapping[str, Any], tags: Mapping[str, Any], run_id: str | None = None
    ) -> str:
        """See `Tracker`; a `run_id` that the store does not know gets a new run and a warning."""
        self.warm_up()
        assert self._connecting is not None
        connection = self._connecting.result()
        client = connection.client
        try:
            run = self._found(connection, run_id) if run_id else None
            if run is None:
                flat = flatten(params)
                texts = {NOTE_TAG: run_note(flat)} | source_tags() | {name: str(v) for name, v in tags.items()}
                texts |= {_PARENT_TAG: self._parent_run} if self._parent_run else {}
                texts = {name: cut(text, MAX_TAG) for name, text in texts.items()}
                run = client.create_run(connection.experiment_id, tags=texts, run_name=run_name)
            else:
                client.update_run(run.info.run_id, status="RUNNING")
        except Exception as error:
            raise ConfigError(
                f"MLflow at {self._location.shown} does not open a run: {reason(error)}; "
                f"mend it or set tracking.mlflow=false"
            ) from error
        self._experiment_id = run.info.experiment_id
        self.attach(client, run)
        if run_id == run.info.run_id:
            self.bring()
            self.set_tags(tags)
        self.log_params(params)
        self._start_monitor()
        return self.run_id

    @staticmethod
    def _found(connection: Connection, run_id: str) -> Run | None:
        from mlflow.exceptions import MlflowException

        try:
            run = connection.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            run = None
        if run is not None and run.info.lifecycle_stage == "active":
            return run
        logger.warning("tracking: MLflow no longer has run %s; a new one goes on from here", run_id)
        return None

    def sync(self, run_id: str) -> tuple[int, int]:
        """See `Tracker`."""
        self.warm_up()
        assert self._connecting is not None
        connection = self._connecting.result()
        if (run := self._found(connection, run_id)) is None:
            raise ConfigError(f"MLflow at {self._location.shown} does not have the run {run_id} any longer")
        self._experiment_id = run.info.experiment_id
        self.attach(connection.client, run)
        return self.bring()

    def bring(self) -> tuple[int, int]:
        """Send what was kept; return how many calls were taken and how many are still kept."""
        if self._unsent is None:
            return 0, 0
        strict = Strict()
        runs: dict[int, MlflowRunLog] = {}

        def send(cycle: int, method: str, arguments: list[Any]) -> None:
            if method == "finish":
                self._open.set_terminated(self.run_id, *arguments)
                return
            if cycle not in runs:
                runs[cycle] = MlflowRunLog(strict)
                run = self._child(cycle) if cycle and not self._parent_run else self._open.get_run(self.run_id)
                runs[cycle].attach(self._open, run)
                if cycle and not self._parent_run:
                    self._open.set_terminated(run.info.run_id, "FINISHED")
            values = [Path(v) if method.startswith("log_artifact") and n == 0 else v for n, v in enumerate(arguments)]
            getattr(runs[cycle], method)(*values)

        return self._unsent.bring(send)

    @contextmanager
    def cycle(self, cycle: int) -> Iterator[RunLog]:
        """See `Tracker`; an exception inside ends the child as FAILED, an interrupt as KILLED."""
        if self._parent_run:
            yield PrefixedLog(self, f"cycle_{cycle}")
            return
        child = MlflowRunLog(self._soft, self._unsent, cycle)
        with self._soft("open a cycle's run"):
            child.attach(self._open, self._child(cycle))
        status: Status = "FINISHED"
        try:
            # Without its run (the server is away) the child's calls warn once and do nothing.
            yield child
        except BaseException as error:
            status = status_after(error)
            raise
        finally:
            with self._soft("close a cycle's run"):
                if child.run_id:
                    self._open.set_terminated(child.run_id, status)

    def _child(self, cycle: int) -> Run:
        client = self._open
        query = f"tags.`{_PARENT_TAG}` = '{self.run_id}' and tags.`{CYCLE_TAG}` = '{cycle}'"
        found = client.search_runs([self._experiment_id], query, max_results=1, order_by=["attributes.start_time ASC"])
        if found:
            client.update_run(found[0].info.run_id, status="RUNNING")
            return found[0]
        tags = source_tags() | {_PARENT_TAG: self.run_id, CYCLE_TAG: str(cycle)}
        return client.create_run(self._experiment_id, tags=tags, run_name=f"cycle {cycle}")

    def register_model(
        self,
        name: str,
        artifact_folder: str,
        candidate: Candidate = Candidate(),  # noqa: B008
        tags: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> str | None:
        """See `Tracker`; the same folder is registered once, however often a run is resumed."""
        with self._soft("register the model"):
            client = self._open
            name = re.sub(r"[/:]", "-", name)
            source = f"{client.get_run(self.run_id).info.artifact_uri}/{artifact_folder}"
            known = client.search_registered_models(f"name = '{name}'", max_results=1)
            model = known[0] if known else client.create_registered_model(name, description=REGISTERED_NOTE)
            versions = client.search_model_versions(f"name = '{name}' and run_id = '{self.run_id}'")
            version = next((v for v in versions if v.source == source), None)
            if version is None:
                texts = candidate.tags | {key: str(value) for key, value in (tags or {}).items()}
                version = client.create_model_version(name, source, self.run_id, tags=texts, description=description)
            self._challenge(name, version, candidate, model.aliases.get(CHAMPION))
            return str(version.version)
        return None

    def _challenge(self, name: str, version: ModelVersion, candidate: Candidate, champion: str | None) -> None:
        """Make a version the champion in the place of another one's number, or say why it is not."""
        client, number = self._open, version.version
        if str(number) == str(champion):
            return
        known = Candidate.from_tags(client.get_model_version(name, champion).tags) if champion else None
        if (refused := refusal(candidate, known)) is not None:
            client.set_model_version_tag(name, number, NOT_CHAMPION, refused)
            logger.info("version %s of %s is registered, but not as champion: %s", number, name, refused)
            return
        client.set_registered_model_alias(name, CHAMPION, number)
        if NOT_CHAMPION in version.tags:
            client.delete_model_version_tag(name, number, NOT_CHAMPION)

    def end_child(self, run_id: str, tags: Mapping[str, Any], status: Status | None = None) -> None:
        """See `Tracker`."""
        with self._soft("end a child run"):
            for name, value in tags.items():
                self._open.set_tag(run_id, name, cut(str(value), MAX_TAG))
            if status:
                self._open.set_terminated(run_id, status)

    def finish(self, status: Status = "FINISHED") -> None:
        """See `Tracker`."""
        with self._soft("stop the system metrics"):
            if self._monitor is not None:
                self._monitor.finish()
                self._monitor = None
        with self._soft("close the run", self._kept("finish", status)):
            self._open.set_terminated(self.run_id, status)

    def _start_monitor(self) -> None:
        """Log CPU, memory and GPU use; MLflow's own switch turns it off, on is our default."""
        if os.environ.get("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true").lower() in ("0", "false"):
            return
        with self._soft("log system metrics"):
            from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

            monitor = SystemMetricsMonitor(self.run_id, resume_logging=True, tracking_uri=self._location.uri)
            monitor.start()
            self._monitor = monitor
