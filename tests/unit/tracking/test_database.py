"""A database of MLflow's is made whole or not at all, whoever is killed and however many want it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from mlflow import MlflowClient

from halo_raft.tracking.database import make_database

MAKES = """
import sys
from pathlib import Path
from halo_raft.tracking.database import make_database
make_database(Path(sys.argv[1]))
"""


def making(database: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", MAKES, str(database)])


def test_one_who_is_killed_leaves_none_and_the_next_one_makes_it(tmp_path: Path) -> None:
    database, new = tmp_path / "mlflow.db", tmp_path / ".mlflow.db.new"
    first = making(database)
    until = time.monotonic() + 120
    while not (new.exists() and new.stat().st_size) and time.monotonic() < until:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert new.exists()
    assert not database.exists()
    make_database(database)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
    client = MlflowClient(f"sqlite:///{database}")
    assert client.create_experiment("mine") in {e.experiment_id for e in client.search_experiments()}


def test_two_who_want_it_make_it_once(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    both = [making(database) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert MlflowClient(f"sqlite:///{database}").search_experiments()
    made = database.stat()
    make_database(database)
    assert database.stat().st_mtime_ns == made.st_mtime_ns, "what is there is left alone"
