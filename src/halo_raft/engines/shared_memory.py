"""Shared memory that an engine of several processes leaves when it is killed: it goes at the next start on its node.

vLLM's processes speak through segments of hundreds of MB, which outlive a SIGKILL of all of them. What an engine has
mapped is noted once it stands; a note whose process is gone says what nobody uses any more. No engine fails over it:
where nothing can be noted, the memory stays.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import psutil

from halo_raft import models

SEGMENTS = Path("/dev/shm")
PREFIX = "psm_"
"""How Python's `multiprocessing.shared_memory` begins the names of its segments."""


def note() -> None:
    """Note the segments of this process and of all below it, if there are any."""
    with contextlib.suppress(OSError, psutil.Error):
        _note()


def _note() -> None:
    names: set[str] = set()
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
            names |= {line.rpartition("/")[2] for line in lines if f"{SEGMENTS}/{PREFIX}" in line}
    if names:
        _notes().mkdir(parents=True, exist_ok=True)
        path = _notes() / f"{_here()}-{own.pid}-{own.create_time()}"
        path.write_text(json.dumps(sorted(names)), encoding="utf-8")


def clear() -> None:
    """Remove the segments of engines whose process is gone from this machine."""
    with contextlib.suppress(OSError, psutil.Error):
        _clear()


def _clear() -> None:
    for path in _notes().glob(f"{_here()}-*"):
        pid, created = path.name.rpartition("-")[0].rpartition("-")[2], path.name.rpartition("-")[2]
        with contextlib.suppress(psutil.NoSuchProcess):
            if str(psutil.Process(int(pid)).create_time()) == created:
                continue
        with contextlib.suppress(OSError, ValueError):
            for name in map(str, json.loads(path.read_text(encoding="utf-8"))):
                if name.startswith(PREFIX) and "/" not in name:
                    (SEGMENTS / name).unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def _notes() -> Path:
    return models.cache_dir() / "shared_memory"


def _here() -> str:
    """Return what tells this machine, since it was started, and this container from others with the same home."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}-{os.stat('/proc/self/ns/pid').st_ino}"
