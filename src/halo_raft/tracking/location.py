"""Where runs are logged: the address of the tracking store, and how to look at it.

Covers addresses only; opening them is `mlflow_client`'s.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from halo_raft.config.schema import TrackingConfig
from halo_raft.errors import ConfigError

ARTIFACTS_URI = "mlflow-artifacts:/"
ARTIFACTS_FOLDER = "mlartifacts"
"""Beside the database. Its name is what MLflow's server looks for where it was started: `cd mlruns && mlflow ui`."""
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Location:
    """A tracking store.

    Attributes:
        uri: What MLflow is given; absolute where it is local.
        database: The SQLite file of a local store, None for a server.
    """

    uri: str
    database: Path | None = None

    @property
    def artifacts_uri(self) -> str | None:
        """What a local database calls a new experiment's artifacts, a name without a place; a server decides itself."""
        return ARTIFACTS_URI if self.database else None

    @property
    def shown(self) -> str:
        """The address without its password."""
        return shown_address(self.uri)


def shown_address(uri: str) -> str:
    """Return an address without its password."""
    return re.sub(r"(://[^/@]*?):[^/@]*@", r"\1:***@", uri)


def resolve(config: TrackingConfig) -> Location:
    """Return the store that `tracking.uri`, else MLFLOW_TRACKING_URI, else `tracking.dir` names.

    Raises:
        ConfigError: The address is a plain folder, which MLflow no longer takes.
    """
    uri = config.uri or os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return _local(config.dir / "mlflow.db")
    if uri.startswith(_SQLITE):
        path, mark, options = uri.removeprefix(_SQLITE).partition("?")
        return _local(Path(unquote(path)), mark + options)
    if ("://" in uri and not uri.startswith("file:")) or uri.startswith("databricks"):
        return Location(uri)
    key = "tracking.uri" if config.uri else "MLFLOW_TRACKING_URI"
    raise ConfigError(
        f"{key} {uri!r} is a folder, and MLflow 3 keeps runs in a database: use sqlite:////absolute/path/mlflow.db, "
        f"a server's http://host:port, or set tracking.dir instead"
    )


def _local(database: Path, options: str = "") -> Location:
    absolute = database.expanduser().resolve()
    # SQLAlchemy decodes %xx in a database path and ends it at a question mark.
    encoded = re.sub(r"[%?#]", lambda match: f"%{ord(match[0]):02X}", str(absolute))
    return Location(_SQLITE + encoded + options, absolute)


def ui_command(config: TrackingConfig, port: int = 5000) -> str:
    """Return what shows the runs: the command to run, or a server's own address.

    Returns an empty string where MLflow is switched off.
    """
    if not config.mlflow:
        return ""
    location = resolve(config)
    if location.uri.startswith(("http://", "https://", "databricks")):
        return location.shown
    program = "mlflow" if shutil.which("mlflow") else f"{shlex.quote(sys.executable)} -m mlflow"
    stored = f"--backend-store-uri {shlex.quote(location.shown)}"
    if location.database:
        stored += f" --artifacts-destination {shlex.quote(str(location.database.parent / ARTIFACTS_FOLDER))}"
    return f"{program} ui {stored} --host 127.0.0.1 --port {port}"


def local_folder(artifact_uri: str, tracking_uri: str) -> Path | None:
    """Return where artifacts that a local database names are, None for those of a server or with a place of their own.

    So a folder of runs may be moved: the database names none of its places.
    """
    if not artifact_uri.startswith(ARTIFACTS_URI) or not tracking_uri.startswith(_SQLITE):
        return None
    database = Path(unquote(tracking_uri.removeprefix(_SQLITE).partition("?")[0]))
    return database.parent / ARTIFACTS_FOLDER / unquote(artifact_uri.removeprefix(ARTIFACTS_URI)).lstrip("/")
