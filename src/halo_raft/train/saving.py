"""A folder appears whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from halo_raft.store import sync


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target` that becomes `target` when the block ends well.

    Its files are on the disk before the name appears. When the block raises, nothing is left.

    Raises:
        OSError: `target` exists and is not empty.
    """
    remove_scratch(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield scratch
        scratch.chmod(0o755)  # mkdtemp and safetensors shut out the other users of shared storage
        for path in scratch.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
            sync(path)
        sync(scratch)
        scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    sync(target.parent)


def checkpoint_folder(target: Path) -> Path:
    """Return where the checkpoints of a training lie that will make `target`."""
    return target.with_name(f".{target.name}-checkpoints")


def remove_scratch(target: Path) -> None:
    """Remove what a process that was killed while it saved `target` left beside it."""
    for path in target.parent.glob(f".{target.name}-*"):
        if path != checkpoint_folder(target):
            shutil.rmtree(path, ignore_errors=True)
