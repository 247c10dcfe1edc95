"""What travels between nodes that share nothing: the driver's files to whoever needs them, results back to it.

The driver's node, a run's home, alone has the run folder, and paths in records mean files there. Elsewhere a file
or folder of it is a copy, fetched as a Ray object, unpacked once a node, and kept by its content in a cache of
limited size.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from halo_raft import models
from halo_raft.store import sync

LIMIT_BYTES = 16 * 2**30
"""Copies on a node; the ones that were not used for longest go first."""

IN_USE_S = 3600.0
"""A copy that was asked for so lately stays, whatever the limit: somebody may be reading it."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Home:
    """The node of a run's driver.

    Attributes:
        node: Its id in Ray.
    """

    node: str

    @classmethod
    def here(cls) -> Self:
        """Return the node of this process, which has to be connected to Ray."""
        import ray

        return cls(ray.get_runtime_context().get_node_id())

    @property
    def is_here(self) -> bool:
        """Whether this process is on that node."""
        return self == Home.here()

    def call(self, function: Callable[..., R], *arguments: Any) -> R:
        """Call a function on that node, which is a plain call where it is this one.

        Raises:
            Exception: As the function; elsewhere as Ray wraps it.
        """
        if self.is_here:
            return function(*arguments)
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(self.node, soft=False)
        result: R = ray.get(_remote(function).options(num_cpus=0, scheduling_strategy=there).remote(*arguments))
        return result

    def fetch(self, path: Path) -> Path:
        """Return where a file or folder of that node lies here: where it is, or as a copy that nobody may change."""
        if self.is_here:
            return path
        cache = models.cache_dir() / "travelled"
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # whoever is second finds it here
            content, packed = self.call(_packed_unless, path, os.listdir(cache))
            copy = cache / content
            if packed is not None:
                _unpack(packed, copy)
            os.utime(copy)
            _keep_to_limit(cache, LIMIT_BYTES)
        return copy / path.name

    def send(self, folder: Path, target: Path) -> None:
        """Make a folder of this node that node's `target`, in place of what is there; it appears whole."""
        if not self.is_here:
            self.call(_unpack, _packed(folder), target)


@functools.cache
def _remote(function: Callable[..., Any]) -> Any:
    """Return a function as Ray calls it; one a function, for each is sent to all nodes anew."""
    import ray

    return ray.remote(function)


def digest(path: Path) -> str:
    """Return a hash of a file's or folder's name and content."""
    found = hashlib.sha256()
    for file in _files(path):
        found.update(f"{file.relative_to(path.parent)}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(2**20):
                found.update(block)
    return found.hexdigest()[:32]


def _files(path: Path) -> list[Path]:
    """Return the files of a folder in order; of a file, itself."""
    return sorted(file for file in (path, *path.rglob("*")) if file.is_file())


def _packed_unless(path: Path, known: Collection[str]) -> tuple[str, bytes | None]:
    """Return the digest of a file or folder, and the thing itself, under its name, unless that is known."""
    content = digest(path)
    if content in known:
        return content, None
    scratch = io.BytesIO()
    with tarfile.open(fileobj=scratch, mode="w", dereference=True) as tar:
        tar.add(path, path.name)
    return content, scratch.getvalue()


def _packed(folder: Path) -> bytes:
    """Return what is in a folder."""
    scratch = io.BytesIO()
    with tarfile.open(fileobj=scratch, mode="w", dereference=True) as tar:
        tar.add(folder, ".")
    return scratch.getvalue()


def _unpack(packed: bytes, target: Path) -> None:
    """Make `target` a folder with this content, all or nothing, in place of what is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name.lstrip('.')}-", dir=target.parent))
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(scratch, filter="data")
        scratch.chmod(0o755)
        for path in (*scratch.rglob("*"), scratch):
            sync(path)
        if target.exists():
            shutil.rmtree(target)
        scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _keep_to_limit(cache: Path, limit: int) -> None:
    """Remove the copies that were not used for longest, until the rest is within the limit."""
    copies = sorted((p for p in cache.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    total = 0
    for copy in copies:
        total += sum(file.stat().st_size for file in _files(copy))
        if total > limit and time.time() - copy.stat().st_mtime > IN_USE_S:
            with contextlib.suppress(OSError):
                shutil.rmtree(copy)
