"""Making a local MLflow database: whole, or not at all.

MLflow makes its tables one after the other, some seconds long, and can do nothing with a file where it was killed
meanwhile.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from halo_raft.tracking.location import ARTIFACTS_URI


def make_database(database: Path) -> None:
    """Make a database with all of MLflow's tables where there is none; one process at a time does, others wait.

    Args:
        database: Its file, in a folder that exists. One without content is none.

    Raises:
        OSError: It cannot be written.
    """
    if _is_there(database):
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = os.open(database.parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(folder, fcntl.LOCK_EX)  # goes with this process, however it ends
        if _is_there(database):
            return
        new = database.with_name(f".{database.name}.new")
        for left in database.parent.glob(f"{new.name}*"):
            left.unlink()
        store = SqlAlchemyStore(f"sqlite:///{new}", ARTIFACTS_URI)
        store.engine.dispose()
        os.replace(new, database)
    finally:
        os.close(folder)


def _is_there(database: Path) -> bool:
    return database.exists() and database.stat().st_size > 0
