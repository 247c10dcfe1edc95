"""An MLflow server as a user starts it: by the command that is printed at the end of a run."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from halo_raft.config import TrackingConfig
from halo_raft.tracking import ui_command


@contextmanager
def mlflow_ui(config: TrackingConfig, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start `mlflow ui` on the run's database; yield its process and address, and end it with all its children."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = [*shlex.split(ui_command(config, port)), "--workers", "1"]
    with (folder / "server.log").open("w") as log:
        # the server leaves locks of its databases in the folder for temporary files
        process = subprocess.Popen(
            words, stdout=log, stderr=log, start_new_session=True, cwd=folder, env=os.environ | {"TMPDIR": str(folder)}
        )
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None and time.monotonic() < deadline, (folder / "server.log").read_text()
                time.sleep(0.2)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server that is still there, children included."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
