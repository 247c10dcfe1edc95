import shlex
from pathlib import Path

import pytest

from halo_raft.config.schema import TrackingConfig
from halo_raft.errors import ConfigError
from halo_raft.tracking import ui_command
from halo_raft.tracking.location import local_folder, resolve


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)


def test_default_is_an_absolute_database_with_artifacts_beside_it(tmp_path):
    location = resolve(TrackingConfig())
    assert location.uri == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    assert location.artifacts_uri == "mlflow-artifacts:/"
    assert local_folder("mlflow-artifacts:/ab/artifacts", location.uri) == tmp_path / "mlruns/mlartifacts/ab/artifacts"
    assert local_folder("mlflow-artifacts:/ab/artifacts", "http://host") is None
    assert local_folder("file:///elsewhere/ab", location.uri) is None, "an older version's have a place of their own"


def test_config_comes_before_environment(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://env:5000")
    assert resolve(TrackingConfig()).uri == "http://env:5000"
    assert resolve(TrackingConfig(uri="http://config:5000")).uri == "http://config:5000"


def test_an_empty_variable_counts_as_none(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert resolve(TrackingConfig()).database == tmp_path / "mlruns/mlflow.db"


def test_a_relative_database_becomes_absolute(tmp_path):
    location = resolve(TrackingConfig(uri="sqlite:///sub/my.db?timeout=9"))
    assert location.uri == f"sqlite:///{tmp_path}/sub/my.db?timeout=9"
    assert location.database == tmp_path / "sub/my.db"


def test_odd_folder_names_survive_the_round_trip(tmp_path):
    first = resolve(TrackingConfig(dir=tmp_path / "50% a?b#c é"))
    assert first.database == tmp_path / "50% a?b#c é" / "mlflow.db"
    assert resolve(TrackingConfig(uri=first.uri)) == first


def test_a_server_decides_where_artifacts_go():
    location = resolve(TrackingConfig(uri="https://tracking.example"))
    assert location.database is None and location.artifacts_uri is None


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns"])
def test_a_folder_is_refused_with_the_mend(uri):
    with pytest.raises(ConfigError, match=r"tracking\.uri .*sqlite:////"):
        resolve(TrackingConfig(uri=uri))


def test_passwords_are_not_shown():
    location = resolve(TrackingConfig(uri="postgresql://me:secret@db:5432/mlflow"))
    assert location.shown == "postgresql://me:***@db:5432/mlflow"


def test_ui_command_names_the_database(tmp_path):
    words = shlex.split(ui_command(TrackingConfig(dir=Path("my runs")), port=5001))
    assert f"sqlite:///{tmp_path}/my runs/mlflow.db" in words
    assert words[words.index("ui") :] == [
        "ui", "--backend-store-uri", f"sqlite:///{tmp_path}/my runs/mlflow.db",
        "--artifacts-destination", f"{tmp_path}/my runs/mlartifacts",
        "--host", "127.0.0.1", "--port", "5001",
    ]  # fmt: skip


def test_ui_of_a_server_is_its_address():
    assert ui_command(TrackingConfig(uri="http://host:5000")) == "http://host:5000"
    assert ui_command(TrackingConfig(mlflow=False)) == ""
