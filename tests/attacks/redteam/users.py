"""Starting a worker as root or as an ordinary user.

A root process becomes an ordinary user with `setpriv`. Where the interpreter or the repository lie in
a folder that is closed to others (`/root`), the user gets a mount namespace of its own in which an
empty folder stands there, with only what is needed bound into it.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

NOBODY = 65534
ROOT, ORDINARY = "root", "ordinary"
REPOSITORY = Path(__file__).resolve().parents[3]


def command(user: str, arguments: list[str]) -> list[str] | str:
    """Return the command that runs this interpreter as `user`, or the reason why that cannot be."""
    python = [sys.executable, *arguments]
    am_root = os.geteuid() == 0
    if am_root == (user == ROOT):
        return python
    if not am_root:
        return "only root can be root"
    if not shutil.which("setpriv") or not shutil.which("unshare"):
        return "setpriv and unshare (util-linux) are needed to become an ordinary user"
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", *python]
    needed = _needed()
    closed = {top for path in needed if (top := _closed_parent(path))}
    if not closed:
        return drop
    script = ["set -e", "mount --make-rprivate /"]
    for top in sorted(closed):
        inside = sorted(path for path in needed if path != top and path.is_relative_to(top))
        if top in needed:
            return f"{top} is closed to other users"
        script += _opened(top, inside)
    return ["unshare", "--mount", "sh", "-c", "\n".join([*script, 'exec "$@"']), "sh", *drop]


def _needed() -> set[Path]:
    """Return the folders that a worker reads: interpreter, environment, repository, toolchains of this user."""
    home = Path.home()
    paths = [Path(sys.base_prefix), Path(sys.prefix), REPOSITORY, home / ".cargo", home / ".rustup"]
    return {path.resolve() for path in paths if path.exists()}


def _closed_parent(path: Path) -> Path | None:
    """Return the topmost folder on the way to `path` that others cannot enter."""
    for folder in [*reversed(path.parents), path]:
        if not folder.stat().st_mode & 0o001:
            return folder
    return None


def _opened(top: Path, inside: list[Path]) -> list[str]:
    """Return shell lines that put an open folder in the place of `top`, with `inside` in it."""
    lines = ["stash=$(mktemp -d)", f'mount --rbind {top} "$stash"', f"mount -t tmpfs -o mode=755 none {top}"]
    for path in inside:
        lines += [f"mkdir -p {path}", f'mount --rbind "$stash/{path.relative_to(top)}" {path}']
    return [*lines, 'umount -l "$stash"', 'rmdir "$stash"']
