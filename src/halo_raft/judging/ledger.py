"""Verdicts that are known: identical programs under identical tests are judged once, also across runs.

A ledger is one SQLite file, `verdicts.sqlite`, of all that was ever found here, which any number of commands on one
machine read and write at a time. What makes two programs identical is `known`'s affair; a ledger only maps a station
and a key to a verdict. It is a cache: what is damaged is begun anew, and where it grows too large the oldest go.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from halo_raft.errors import ConfigError
from halo_raft.records import Verdict
from halo_raft.store import DAMAGES, line_of, reader_of

FILE = "verdicts.sqlite"
USUAL_GB = 4.0
"""About ten million verdicts."""
WAITS_S = 60.0
"""How long a writer waits for others."""
ROWS_PER_LOOK = 2_000
"""After so many new verdicts a writer looks how large the file is."""
SHARE_THAT_GOES = 0.1
"""Of the verdicts, the oldest, where the file is too large."""
KEYS_A_QUERY = 500

_OLD = re.compile(r"[0-9a-f]{16}\.jsonl")
"""Ledgers of versions before this one. Nobody asks for what they hold: it is tied to the code that found it."""
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|ceph|lustre|gpfs|beegfs|afs|glusterfs|fuse\.(?:sshfs|glusterfs|s3fs|ceph)"
)
_TABLE = """
CREATE TABLE IF NOT EXISTS verdicts (number INTEGER PRIMARY KEY, program BLOB NOT NULL UNIQUE, verdict BLOB NOT NULL)
"""

log = logging.getLogger(__name__)
T = TypeVar("T")


class Ledger:
    """The verdicts that one kind of station found.

    Args:
        folder: Where they are kept; None keeps them in memory.
        station: Identity of the stations; without one, too, they are kept in memory.
    """

    def __init__(self, folder: Path | None, station: str = "") -> None:
        self._memory: dict[str, Verdict] = {}
        self._station = station
        self._file = _File(folder / FILE) if folder and station else None

    def find(self, keys: Sequence[str]) -> dict[str, Verdict]:
        """Return the verdicts of those of the keys that have one."""
        found = {key: self._memory[key] for key in keys if key in self._memory} if self._memory else {}
        if self._file and (asked := {self._program(key): key for key in keys if key not in found}):
            found |= {asked[program]: verdict for program, verdict in self._file.find([*asked])}
        return found

    def get(self, key: str, sample_id: str, task_id: str) -> Verdict | None:
        """Return the verdict of `key` as that of another sample, marked as `cached`; None if there is none."""
        verdict = self.find([key]).get(key)
        return None if verdict is None else as_copy(verdict, sample_id, task_id)

    def put(self, verdicts: Mapping[str, Verdict]) -> None:
        """Keep verdicts by key; a later one for the same key takes the place of an earlier one."""
        rows = [(self._program(key), line_of(replace(v, sample_id="", task_id=""))[:-1]) for key, v in verdicts.items()]
        if self._file is None or not self._file.put(rows):
            self._memory |= verdicts

    def _program(self, key: str) -> bytes:
        return hashlib.blake2b(f"{self._station}\0{key}".encode(), digest_size=16).digest()


def as_copy(verdict: Verdict, sample_id: str, task_id: str) -> Verdict:
    """Return a verdict as that of another sample, marked as `cached`."""
    return replace(verdict, sample_id=sample_id, task_id=task_id, cached=True)


def most_bytes() -> int:
    """Return how large a ledger may grow: `HALO_RAFT_LEDGER_GB`, in gigabytes.

    Raises:
        ConfigError: It is no number above 0.
    """
    said = os.environ.get("HALO_RAFT_LEDGER_GB", "")
    try:
        size = float(said or USUAL_GB)
    except ValueError:
        size = 0.0
    if not 0 < size < float("inf"):
        raise ConfigError(f"HALO_RAFT_LEDGER_GB: {said} is no size; give gigabytes, such as 4, or leave it unset")
    return int(size * 1e9)


class _File:
    """A ledger's file; where it cannot be used, it is said once, and holds nothing from then on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._most = most_bytes()
        self._database: sqlite3.Connection | None = None
        self._inherited: sqlite3.Connection | None = None
        self._process = 0
        self._broken = False
        self._new = ROWS_PER_LOOK  # a file that others left too large is made smaller at the first occasion

    def find(self, programs: Sequence[bytes]) -> list[tuple[bytes, Verdict]]:
        """Return program and verdict of what is known; a damaged verdict is forgotten, its program judged again."""
        return self._do(lambda database: list(_found(database, programs))) or []

    def put(self, rows: Sequence[tuple[bytes, bytes]]) -> bool:
        """Write rows of program and verdict; return whether they are kept."""

        def write(database: sqlite3.Connection) -> bool:
            with _transaction(database):
                database.executemany("INSERT OR REPLACE INTO verdicts (program, verdict) VALUES (?, ?)", rows)
            self._new += len(rows)
            if self._new >= ROWS_PER_LOOK:
                self._new = 0
                self._make_room(database)
            return True

        return self._do(write) or False

    def _do(self, act: Callable[[sqlite3.Connection], T]) -> T | None:
        """Do something with the database; None where it cannot be used."""
        try:
            database = self._connection()
            return None if database is None else act(database)
        except (sqlite3.Error, OSError) as error:
            self._broken, self._database = True, None
            log.warning("%s cannot be used (%s): verdicts are kept for this run alone", self._path, error)
            return None

    def _connection(self) -> sqlite3.Connection | None:
        if self._broken:
            return None
        if self._database is None or self._process != os.getpid():  # a connection must not go through a fork
            self._inherited = self._database  # nor be closed behind it
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._database = _connected(self._path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                log.warning("%s is damaged (%s): it is begun anew", self._path, error)
                _remove(self._path)
                self._database = _connected(self._path)
            self._process = os.getpid()
            for left in self._path.parent.iterdir():
                if _OLD.fullmatch(left.name):
                    left.unlink(missing_ok=True)
        return self._database

    def _make_room(self, database: sqlite3.Connection) -> None:
        """Forget the oldest verdicts, where the file is about to grow too large; what they took is used again."""
        pages, free, size = _sizes(database)
        if (pages - free) * size < self._most:
            return
        while (pages - free) * size >= (1 - SHARE_THAT_GOES) * self._most:
            first, last = database.execute("SELECT min(number), max(number) FROM verdicts").fetchone()
            if first is None:
                break
            with _transaction(database):
                until = first + 1 + int((last - first) * SHARE_THAT_GOES)
                database.execute("DELETE FROM verdicts WHERE number < ?", (until,))
            pages, free, size = _sizes(database)
        if pages * size > self._most:  # it was allowed to be larger before
            database.executescript("PRAGMA incremental_vacuum")
        log.info("%s has grown to %.3g GB: its oldest verdicts are forgotten", self._path, self._most / 1e9)


def _found(database: sqlite3.Connection, programs: Sequence[bytes]) -> Iterator[tuple[bytes, Verdict]]:
    read = reader_of(Verdict)
    for start in range(0, len(programs), KEYS_A_QUERY):
        some = programs[start : start + KEYS_A_QUERY]
        query = f"SELECT program, verdict FROM verdicts WHERE program IN ({','.join('?' * len(some))})"
        for program, line in database.execute(query, some):
            with contextlib.suppress(*DAMAGES):
                yield program, read(line)


def _sizes(database: sqlite3.Connection) -> tuple[int, int, int]:
    """Return how many pages the file has, those of them that are free, and the bytes of one."""
    pages, free, size = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return pages, free, size


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")  # or two that read first would each wait for the other
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=WAITS_S, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA auto_vacuum=INCREMENTAL")
    if network := network_file_system(path):
        # several machines do not share the memory that WAL needs; a rollback journal takes no more than locks
        log.debug("%s is on %s, where several writers wait for each other", path, network)
        database.execute("PRAGMA journal_mode=DELETE")
    else:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute(f"PRAGMA journal_size_limit={64 << 20}")
    database.execute(_TABLE)
    return database


def network_file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the kind of a file system that other machines share, on which a path is; empty on a local one."""
    try:
        rows = [line.split(" ")[1:3] for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return ""
    place = os.path.realpath(path)
    over = [(folder, kind) for folder, kind in rows if f"{place}/".startswith(f"{folder.rstrip('/')}/")]
    kind = max(over, key=lambda row: len(row[0]), default=("", ""))[1]
    return kind if _NETWORK.fullmatch(kind) else ""


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
