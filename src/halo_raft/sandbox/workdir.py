"""A fresh folder for one run: filled before, read after, gone at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Self

PREFIX = "halo-raft-"


class WorkDir:
    """Context manager around a temporary folder.

    Args:
        files: Relative path -> content. Text is written as UTF-8, lone surrogates replaced.
    """

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.path = ""
        self._files = files

    def __enter__(self) -> Self:
        for name in self._files:
            _check(name)
        self.path = tempfile.mkdtemp(prefix=PREFIX)
        try:
            for name, content in self._files.items():
                self._write(name, content)
        except BaseException:
            _remove(self.path)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _remove(self.path)

    def read(self, names: Sequence[str], cap: int) -> dict[str, bytes]:
        """Return the regular files among `names` that exist and have at most `cap` bytes."""
        found = {}
        root = os.path.realpath(self.path)
        for name in names:
            _check(name)
            path = os.path.join(root, os.path.normpath(name))
            if os.path.realpath(path) != path or not os.path.isfile(path) or os.path.getsize(path) > cap:
                continue  # absent, a link, or no regular file; nothing of the run is left to change it now
            with open(path, "rb") as file:
                found[name] = file.read(cap)
        return found

    def _write(self, name: str, content: str | bytes) -> None:
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with open(path, "wb") as file:
            file.write(content.encode("utf-8", "replace") if isinstance(content, str) else content)
        os.chmod(path, 0o755)


def _check(name: str) -> None:
    parts = PurePosixPath(name)
    if not name or parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"not a path inside the work folder: {name!r}")


def _remove(path: str) -> None:
    """Remove the folder, also when it is nested too deep for Python or its permissions were taken."""
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError):
        subprocess.run(["chmod", "-R", "u+rwX", path], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", "--", path], check=False, stderr=subprocess.DEVNULL)
