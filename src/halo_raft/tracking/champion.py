"""From a registered model's name to its folder: `models:/name@champion`, `models:/name/3`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from halo_raft.config.schema import TrackingConfig
from halo_raft.errors import ConfigError
from halo_raft.models import cache_dir
from halo_raft.records import stable_hash
from halo_raft.tracking.location import Location, local_folder, resolve
from halo_raft.tracking.mlflow_client import connect
from halo_raft.tracking.soft import reason

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_FORM = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")


def model_folder(uri: str, config: TrackingConfig) -> Path:
    """Return the folder of a registered model version, downloading it where a server keeps it.

    The run's `config.yaml` is put beside a downloaded folder, as it is beside one in a run folder.

    Raises:
        ConfigError: The name has another form, MLflow does not know it, or its files cannot be had.
    """
    form = _FORM.fullmatch(uri)
    if form is None:
        raise ConfigError(f"{uri}: write models:/NAME@champion, or models:/NAME/VERSION")
    location = resolve(config)
    if location.database and not location.database.is_file():
        raise ConfigError(f"{uri}: there is no MLflow database {location.database}; set tracking.dir or .uri")
    client = connect(location, config.experiment).client
    try:
        found = _version(client, form)
        source = client.get_model_version_download_uri(found.name, found.version)
    except Exception as error:
        raise ConfigError(f"{uri}: MLflow at {location.shown} does not have it ({reason(error)})") from None
    parts = urlsplit(source)
    folder = local_folder(source, location.uri)
    if folder is not None or parts.scheme in ("", "file"):
        folder = folder or Path(unquote(parts.path))
        if not folder.is_dir():
            raise ConfigError(f"{uri}: its folder {folder} is not there; bring it back")
        return folder
    return _downloaded(client, location, found, source)


def _version(client: MlflowClient, form: re.Match[str]) -> ModelVersion:
    if form["alias"]:
        return client.get_model_version_by_alias(form["name"], form["alias"])
    return client.get_model_version(form["name"], form["version"])


def _downloaded(client: MlflowClient, location: Location, found: ModelVersion, source: str) -> Path:
    """Return the downloaded folder; one that is there already is whole, since it appears by rename."""
    from mlflow.artifacts import download_artifacts

    place = cache_dir() / "mlflow" / stable_hash(location.shown, source)
    name = source.rstrip("/").rpartition("/")[2]
    if (place / name).is_dir():
        return place / name
    scratch = place / ".partial"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        path = Path(download_artifacts(artifact_uri=source, dst_path=str(scratch), tracking_uri=location.uri))
    except Exception as error:
        raise ConfigError(f"{source} cannot be downloaded ({reason(error)})") from None
    if found.run_id and any(entry.path == "config.yaml" for entry in client.list_artifacts(found.run_id)):
        client.download_artifacts(found.run_id, "config.yaml", str(place))
    path.rename(place / name)
    return place / name
