import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from halo_raft.config.schema import TrackingConfig
from halo_raft.errors import ConfigError
from halo_raft.tracking import create, mlflow_client


def refused(config, tmp_path):
    """The message of a start that fails, which has to be one line."""
    with pytest.raises(ConfigError) as caught:
        create(config, tmp_path).start("demo", {}, {})
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def silent_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return port


def test_mlflow_is_not_imported_before_it_is_needed():
    code = "import sys, halo_raft.tracking.mlflow_tracker; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_server_that_is_not_there(tmp_path, closed_port):
    message = refused(TrackingConfig(uri=f"http://127.0.0.1:{closed_port}"), tmp_path)
    assert f"http://127.0.0.1:{closed_port}" in message and "tracking.mlflow=false" in message


def test_a_server_that_never_answers(tmp_path, silent_port, monkeypatch):
    monkeypatch.setattr(mlflow_client, "_CHECK_SECONDS", 1)
    assert "cannot be used" in refused(TrackingConfig(uri=f"http://127.0.0.1:{silent_port}"), tmp_path)


def test_a_server_that_is_no_mlflow(tmp_path):
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert "404" in refused(TrackingConfig(uri=f"http://127.0.0.1:{server.server_port}"), tmp_path)
    finally:
        server.shutdown()
        server.server_close()


def test_a_database_server_that_is_not_there(tmp_path, closed_port):
    message = refused(TrackingConfig(uri=f"postgresql://me:secret@127.0.0.1:{closed_port}/mlflow"), tmp_path)
    assert "me:***@" in message and "secret" not in message


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database, though long enough to have a header " * 50)
    assert str(tmp_path / "mlflow.db") in refused(TrackingConfig(dir=tmp_path), tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    assert "tracking.dir" in refused(TrackingConfig(dir=tmp_path / "file"), tmp_path)


def test_warm_up_leaves_its_error_to_start(tmp_path, closed_port):
    tracker = create(TrackingConfig(uri=f"http://127.0.0.1:{closed_port}"), tmp_path)
    tracker.warm_up()
    with pytest.raises(ConfigError, match="cannot be used"):
        tracker.start("demo", {}, {})
