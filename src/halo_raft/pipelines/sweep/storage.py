"""Where Optuna keeps studies: a journal file, or a database by its URL."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from halo_raft.errors import ConfigError, DataError
from halo_raft.store import JsonlWriter
from halo_raft.tracking.location import shown_address
from halo_raft.tracking.soft import reason

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage


def open_storage(address: str, *, create: bool) -> BaseStorage:
    """Open a storage.

    Args:
        address: Path of a journal file, or a URL that SQLAlchemy takes.
        create: Make it where it is missing.

    Raises:
        ConfigError: The database cannot be reached, or its driver is not installed.
        DataError: The journal is missing, not writable, or no journal.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if "://" not in address:
        return _journal(Path(address), create=create)
    try:
        return optuna.storages.RDBStorage(address, skip_table_creation=not create)
    except Exception as error:  # from Optuna, SQLAlchemy, a driver or the network
        raise ConfigError(f"sweep.storage: {shown_address(address)} cannot be opened ({reason(error)})") from None


def open_study(address: str, name: str | None) -> Study:
    """Open a study that is there.

    Args:
        address: As in `open_storage`.
        name: Its name; may be None where the storage holds one study alone.

    Raises:
        ConfigError, DataError: The storage cannot be opened, or has no such study.
    """
    import optuna

    storage = open_storage(address, create=False)
    with readable(address):
        names = optuna.get_all_study_names(storage)
    there = f"there are: {', '.join(names)}" if names else "it holds none"
    if name is None and len(names) != 1:
        raise DataError(f"{shown_address(address)}: name the study with --study; {there}")
    if name is not None and name not in names:
        raise DataError(f"{shown_address(address)}: has no study {name!r}; {there}")
    return optuna.load_study(study_name=name or names[0], storage=storage)


@contextlib.contextmanager
def readable(address: str) -> Iterator[None]:
    """Turn what Optuna raises at a storage that it cannot read into one line."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise DataError(f"{shown_address(address)}: is no Optuna storage ({reason(error)}); name another") from None


def _journal(path: Path, *, create: bool) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

    if not path.is_file() and (path.exists() or not create):
        raise DataError(f"{path}: there is no such study journal; give the file or the database URL of a sweep")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = JournalFileSymlinkLock(str(path))
        if path.is_file():
            _check_journal(path)
        if create:
            lock.acquire()
            try:
                JsonlWriter(path).close()  # cuts off the half line of a writer that was killed
            finally:
                lock.release()
    except OSError as error:
        raise DataError(f"sweep.storage: {path} cannot be used ({error.strerror}); choose another file") from None
    with readable(str(path)):
        return JournalStorage(JournalFileBackend(str(path), lock))


def _check_journal(path: Path) -> None:
    """Look at the first line, before anything is cut off a file that is something else.

    Raises:
        DataError: It is no entry of a journal.
    """
    with path.open("rb") as file:
        line = file.readline()
    try:
        known = not line or "op_code" in json.loads(line)
    except (ValueError, TypeError):
        known = not line.endswith(b"\n") and line.startswith(b'{"op_code"')
    if not known:
        raise DataError(f"{path}: is no study journal of Optuna's; name another file, or a database by its URL")
