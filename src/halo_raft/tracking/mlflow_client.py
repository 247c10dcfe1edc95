"""Opening an MLflow store: quick checks first, then the client and the experiment.

MLflow itself retries for minutes where a server is down or a database file cannot be opened; a user
who mistyped an address should know within seconds.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from halo_raft.errors import ConfigError
from halo_raft.tracking.database import make_database
from halo_raft.tracking.location import Location, local_folder
from halo_raft.tracking.soft import reason

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

_CHECK_SECONDS = 5
_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A server that dies mid-run costs seconds per call, not the four minutes of MLflow's defaults.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # else the pages are those for chat traces
    "mlflow.note.content": (
        "Runs of halo-raft: reward-ranked fine-tuning of code models, and benchmarks.\n\n"
        "**Views > Held-out pass@1** lists the runs with their pass@1, its 95% interval and the gain. "
        "Each run has a child a cycle with its loss curve. `heldout/pass_at_1` is the number to look at, by cycle; "
        "`heldout/pass_at_1_best` is the best so far. Figures with intervals, sampled completions with their verdicts, "
        "the adapters and a whole report are among a run's artifacts."
    ),
}
_VIEW = "mlflow.sharedViewState.halo-raft"
"""Tag that MLflow's pages keep a saved view of the runs under: its button is `Views`."""
_COLUMNS = {
    "tags.`pass_at_1`": 170,
    "tags.`pass_at_1_base`": 170,
    "tags.`pass_at_1_gain`": 380,
    "metrics.`heldout/pass_at_1_best`": 180,
    "params.`model.name`": 200,
}
"""Columns of the view in their order, and their widths in pixels."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An open store and the experiment that new runs belong to."""

    client: MlflowClient
    experiment_id: str


def connect(location: Location, experiment: str) -> Connection:
    """Open the store, creating a local database (about 6 s) and the experiment where they are missing.

    Sets MLflow's environment variables for quiet and quick failure, unless they are set already.

    Raises:
        ConfigError: The store cannot be reached, opened or written, or the experiment was deleted.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient

        _find_local_artifacts()
    except ImportError as error:
        raise ConfigError(
            f"mlflow cannot be imported: {reason(error)}; install it or set tracking.mlflow=false"
        ) from error
    # Its tracebacks of database errors, pages each time, say no more than our one warning.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    try:
        _check(location)
        client = MlflowClient(tracking_uri=location.uri)
        found = _experiment(client, experiment, location.artifacts_uri)
        if _VIEW not in found.tags:
            client.set_experiment_tag(found.experiment_id, _VIEW, _saved_view())
        return Connection(client, found.experiment_id)
    except ConfigError:
        raise
    except Exception as error:  # From MLflow, SQLAlchemy, a database driver or the network.
        raise ConfigError(_message(location, error)) from error


def _message(location: Location, error: Exception) -> str:
    if location.database:
        return (
            f"MLflow database {location.database} cannot be used: {reason(error)}; "
            f"set tracking.dir to another folder, or tracking.mlflow=false"
        )
    return (
        f"MLflow server {location.shown} cannot be used: {reason(error)}; "
        f"start it, correct tracking.uri (or MLFLOW_TRACKING_URI), or set tracking.mlflow=false"
    )


def _check(location: Location) -> None:
    parts = urlsplit(location.uri)
    if location.database:
        _check_file(location.database)
    elif parts.scheme in ("http", "https"):
        _check_server(location.uri)
    elif parts.hostname and (port := parts.port or _DATABASE_PORTS.get(parts.scheme.partition("+")[0])):
        socket.create_connection((parts.hostname, port), timeout=_CHECK_SECONDS).close()


def _check_file(database: Path) -> None:
    database.parent.mkdir(parents=True, exist_ok=True)
    make_database(database)
    with closing(sqlite3.connect(database, timeout=_CHECK_SECONDS, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):  # Another run is writing: the file is fine.
                raise


def _check_server(uri: str) -> None:
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request, verify_rest_response

    endpoint = "/api/2.0/mlflow/experiments/search"
    credentials = get_default_host_creds(uri)
    answer = http_request(
        credentials, endpoint, "GET", max_retries=0, timeout=_CHECK_SECONDS, params={"max_results": 1}
    )
    verify_rest_response(answer, endpoint)


def _experiment(client: MlflowClient, name: str, artifacts_uri: str | None) -> Experiment:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            made = client.create_experiment(name, artifact_location=artifacts_uri, tags=EXPERIMENT_TAGS)
            return client.get_experiment(made)
        except MlflowException:
            # Another run may have created it between the two calls.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage != "active":
        raise ConfigError(
            f"MLflow experiment {name!r} was deleted; choose another tracking.experiment, or restore it with "
            f"`mlflow experiments restore -x {found.experiment_id}`"
        )
    return found


def _saved_view() -> str:
    """Return a view of the runs with pass@1, as MLflow's pages write one that a person saves."""
    now = int(time.time() * 1000)
    state = json.dumps({"selectedColumns": list(_COLUMNS), "columnOrder": list(_COLUMNS), "columnWidths": _COLUMNS})
    return json.dumps({"name": "Held-out pass@1", "createdAt": now, "updatedAt": now, "state": state})


def _find_local_artifacts() -> None:
    """Have this process find artifacts of a local database beside it, as MLflow's server does; see `local_folder`."""
    from mlflow.store.artifact import artifact_repository_registry as registry
    from mlflow.store.artifact.artifact_repo import ArtifactRepository
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
    from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository

    def found(uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> ArtifactRepository:
        folder = local_folder(uri, tracking_uri or "")
        if folder is not None:
            return LocalArtifactRepository(folder.as_uri())
        return MlflowArtifactsRepository(uri, tracking_uri, registry_uri)

    registry._artifact_repository_registry.register("mlflow-artifacts", found)
